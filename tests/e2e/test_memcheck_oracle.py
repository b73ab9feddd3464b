# SPDX-License-Identifier: MIT
"""Memcheck as an independent judge of our totals.

Memcheck's "total heap usage: A allocs, F frees, B bytes" counts a realloc of a live block as
one allocation of the new size and one free, realloc(NULL, n) as an allocation, realloc(p, 0)
as a free, free(NULL) as nothing, and an allocation that returned NULL as nothing: exactly our
`allocations`, `frees` and `allocated_bytes`. It differs in two cases, which no program here
meets: a realloc that fails counts as if it had succeeded, and pvalloc is not seen. A program
with threads is no use: the loader's block for each thread has an entry for every library with
thread-local variables, and the libraries that we and valgrind add differ in that. What the C
library frees only for memcheck's sake (__libc_freeres) is switched off.
"""

import re

import pytest

from recording import LIBRARY, Process, read_report

HEAP_USAGE = re.compile(
    rb"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes allocated"
)

SQL = b"""
create table t (a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 300)
  insert into t select x, hex(x * x) || x from c;
create index i on t (b);
select sum(a), max(b), count(*) from t where b like '%3%';
"""

PERL = """
my (%by, @all);
for my $i (1 .. 2000) { $by{$i % 97} .= "$i,"; push @all, [$i, $i * $i]; }
print join(",", map { length $by{$_} } sort keys %by), "\\n";
print scalar(grep { $_->[1] % 7 == 0 } @all), "\\n";
"""


def judged_environment(plain, need, env):
    """The environment that a program has under valgrind, with our library for valgrind's.
    Some programs copy theirs: the two have to be of equal size, and are, because a path may
    begin with any number of slashes and the default output needs no variable."""
    run = plain("valgrind", "-q", need("env"), "-0", env=env)
    variables = dict(v.split("=", 1) for v in run.stdout.decode().split("\0") if v)
    variables["LD_PRELOAD"] = str(LIBRARY).rjust(len(variables["LD_PRELOAD"]), "/")
    return variables


@pytest.mark.parametrize(
    "program, arguments, stdin",
    [
        ("peak", [], None),
        ("constructor_and_destructor", [], None),
        ("ninja", ["-t", "list"], None),
        ("sqlite3", ["-batch", ":memory:"], SQL),
        ("perl", ["-e", PERL], None),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_totals_are_memchecks(plain, need, tmp_path, program, arguments, stdin):
    path = need(program)
    env = {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}
    judge = plain(
        "valgrind",
        "--run-libc-freeres=no",
        "--run-cxx-freeres=no",
        path,
        *arguments,
        stdin=stdin,
        env=env,
        timeout=110,
    )
    found = HEAP_USAGE.search(judge.stderr)
    assert found, judge.stderr
    allocs, frees, bytes_ = (int(n.replace(b",", b"")) for n in found.groups())
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    same_env = judged_environment(plain, need, env)
    run = plain(path, *arguments, stdin=stdin, cwd=dumps, env=same_env)
    assert (run.returncode, run.stdout) == (judge.returncode, judge.stdout)
    (process,) = [Process(p) for p in read_report(dumps)["processes"]]
    process.expect_nothing_lost()
    ours = (
        process["recording"]["allocations"],
        process["recording"]["frees"],
        process["totals"]["allocated_bytes"],
    )
    assert ours == (allocs, frees, bytes_)
