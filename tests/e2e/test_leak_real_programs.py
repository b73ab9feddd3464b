# SPDX-License-Identifier: MIT
"""What real programs lose is what memcheck says they lose, to the byte.

Some of them lose blocks of their own (git, perl); redis-server is asked to.
Compared are the blocks that are lost, directly and with others. What is reachable depends
on the environment (git and perl copy it), which is another one under valgrind.
"""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from leak_cases import read_leaks
from memcheck import MEMCHECK, read_records, run_memcheck
from recording import LIBRARY, environment, escape
from test_real_programs import free_port, git_environment

SQL = b"""
create table t (a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 200)
  insert into t select x, hex(x * x) || x from c;
create index i on t (b);
select sum(a), max(b), count(*) from t where b like '%3%';
"""

# Debian's python3 is linked at a fixed address, so its heap lies where many numbers do:
# what it might lose would now and then be held by one of them. It loses nothing.
PYTHON = """
import json, re
words = re.findall('[a-z]+', 'abc' * 5 + ' '.join('x' * n for n in range(30)))
print(len(json.dumps({str(n): [n, words] for n in range(30)})))
"""

# Perl ends without looking for what only its own cycle holds.
PERL = """
my (%by, @all);
for my $i (1 .. 300) { $by{$i % 97} .= "$i,"; push @all, [$i, $i * $i]; }
for my $i (1 .. 10) { my $x = { number => $i }; $x->{itself} = $x; }
print scalar(keys %by), " ", scalar(@all), "\\n";
"""

GIT_SETUP = """
git init -q --initial-branch=main .
for i in 1 2 3; do seq $i 90 > file; git add file; git commit -q -m "number $i"; done
"""

GIT = git_environment("/nonexistent")

# name: (command, standard input, environment, whether something must be lost)
PROGRAMS = {
    "sqlite3": (["sqlite3", "-batch", ":memory:"], SQL, {}, False),
    "python3": (
        ["/usr/bin/python3", "-S", "-c", PYTHON],
        None,
        {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"},
        False,
    ),
    "perl": (
        ["perl", "-e", PERL],
        None,
        {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"},
        True,
    ),
    "git blame": (["git", "blame", "file"], None, GIT, True),
    "git diff": (["git", "diff", "--stat", "HEAD~2"], None, GIT, True),
    "git log": (["git", "log", "--graph", "--oneline"], None, GIT, True),
}


def lost(records):
    """{kind: (bytes, blocks)} of memcheck's records."""
    return {
        kind: (
            sum(record.bytes for record in records if record.kind == kind),
            sum(record.blocks for record in records if record.kind == kind),
        )
        for kind in ("definite", "indirect")
    }


def expect_agreement(process, verdict, loses):
    leaks = process["leaks"]
    assert leaks["scan"]["complete"]
    expected = lost(verdict)
    found = {kind: (leaks[kind]["bytes"], leaks[kind]["blocks"]) for kind in expected}
    assert found == expected
    assert (expected["definite"][1] > 0) == loses


def prepare(name, directory):
    directory.mkdir()
    if name.startswith("git"):
        subprocess.run(
            ["bash", "-ec", GIT_SETUP],
            cwd=directory,
            env=environment(GIT),
            check=True,
            timeout=60,
        )
    return directory


@pytest.fixture(scope="module")
def judged(request, tmp_path_factory):
    """judged(name): memcheck's run of a program, all of them under way at once, one on each
    processor."""
    wanted = {
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and hasattr(item, "callspec")
    }

    def run(name):
        command, stdin, env, _ = PROGRAMS[name]
        top = tmp_path_factory.mktemp("memcheck_" + name.replace(" ", "_"))
        xml = top / "xml"
        xml.mkdir()
        here = prepare(name, top / "here")
        return run_memcheck(command, xml, env=env, stdin=stdin, cwd=here)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = {name: pool.submit(run, name) for name in PROGRAMS if name in wanted}
        yield lambda name: runs[name].result()


@pytest.mark.parametrize("name", PROGRAMS)
def test_definitely_lost(name, judged, trace, tmp_path):
    command, stdin, env, loses = PROGRAMS[name]
    here = prepare(name, tmp_path / "here")
    run = trace(*command, env=env, stdin=stdin, cwd=here, options="leak_scan=1")
    judge, verdicts = judged(name)
    assert (run.status, run.stdout) == (judge.returncode, judge.stdout)
    (process,) = read_leaks("--no-default-suppressions", run.dumps).values()
    (verdict,) = verdicts.values()
    expect_agreement(process, verdict, loses)


def use_redis(need, directory, command, env):
    """Starts a server with a command, has it lose two strings, and ends it by SIGTERM."""
    port = str(free_port())
    settings = ["--port", port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    settings += ["--enable-debug-command", "yes"]
    cli = [need("redis-cli"), "-p", port]

    def ask(*words):
        answer = subprocess.run([*cli, *words], capture_output=True, timeout=60)
        return answer.stdout.decode().strip()

    with open(directory / "log", "wb") as log:
        server = subprocess.Popen(
            [*command, need("redis-server"), *settings],
            cwd=directory,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while ask("ping") != "PONG":
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        for i in range(5):
            assert ask("set", f"key{i}", f"value{i}" * 30) == "OK"
            assert ask("rpush", "list", f"value{i}") == str(i + 1)
        for size in (300, 1000):
            assert ask("debug", "leak", "x" * size) == "OK"
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, (directory / "log").read_text()
    finally:
        if server.poll() is None:
            server.kill()
            server.wait(30)


def test_redis_ended_by_a_signal(need, tmp_path):
    """Its allocator is another one, it has threads, and pointers behind its headers."""
    ours, judge = tmp_path / "ours", tmp_path / "judge"
    ours.mkdir()
    judge.mkdir()
    options = f"output={escape(ours)}/%p.mft:leak_scan=1"
    with ThreadPoolExecutor(max_workers=1) as pool:
        judging = pool.submit(
            use_redis, need, judge, [*MEMCHECK, f"--xml-file={judge}/%p.xml"], {}
        )
        use_redis(need, ours, [], {"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": options})
        judging.result()
    (process,) = read_leaks("--no-default-suppressions", ours).values()
    assert "jemalloc" in process["allocator"]
    (xml,) = judge.glob("*.xml")
    expect_agreement(process, read_records(xml), loses=True)
