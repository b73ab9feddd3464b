# SPDX-License-Identifier: MIT
"""Real programs, recorded: same output and status as untraced, nothing lost, names shown."""

import socket
import subprocess
import time
from pathlib import Path

import pytest

from recording import LIBRARY, Process, environment, escape, read_report


def expect_recorded(processes, at_least=1, events=1):
    """Every process has events, none lost, and stacks with names."""
    assert len(processes) >= at_least
    for process in processes:
        process.expect_nothing_lost()
        assert process["recording"]["events"] >= events, process
        assert process["recording"]["unwind"]["complete"] > 0, process
        sites = process["sites"]
        assert sites, process
        named = [s for s in sites if any(frame["function"] for frame in s["frames"])]
        # Stripped programs have names for what they import and export only; the C library
        # at the outer end of every stack is among them.
        assert len(named) >= 0.9 * len(sites), process
        assert all(frame["module"] for frame in sites[0]["frames"]), process


def functions(processes):
    return {
        frame["function"]
        for process in processes
        for site in process["sites"]
        for frame in site["frames"]
    }


@pytest.fixture
def compare(trace, plain):
    """compare(program, *arguments): runs it plain and traced, in directories that are equal,
    expects equal outcomes, and returns the traced Run. setup(directory) fills each."""

    def run(program, *arguments, setup=None, tmp_path, **options):
        directories = [tmp_path / "plain" / "here", tmp_path / "traced" / "here"]
        for directory in directories:
            directory.mkdir(parents=True)
            if setup:
                setup(directory)
        untraced = plain(program, *arguments, cwd=directories[0], **options)
        traced = trace(program, *arguments, cwd=directories[1], **options)
        outcome = (traced.status, traced.stdout, traced.stderr)
        assert outcome == (untraced.returncode, untraced.stdout, untraced.stderr)
        traced.directories = directories
        return traced

    return run


def same_files(directories, *names):
    for name in names:
        plain_bytes, traced_bytes = [(d / name).read_bytes() for d in directories]
        assert plain_bytes == traced_bytes, name
        assert plain_bytes, name


SQL = b"""
create table t (a integer primary key, b text, c real);
with recursive r(x) as (select 1 union all select x + 1 from r where x < 30000)
  insert into t select x, hex(x * 7919) || x, x / 3.0 from r;
create index i on t (b);
select count(*), sum(a), max(b) from t;
select substr(b, 1, 2) k, count(*), round(avg(c), 3) from t group by k order by k limit 20;
explain query plan select * from t where b = 'x';
"""


def test_sqlite3(compare, tmp_path):
    run = compare("sqlite3", "-batch", ":memory:", stdin=SQL, tmp_path=tmp_path)
    assert run.status == 0 and b"30000|" in run.stdout
    processes = run.top()
    expect_recorded(processes, events=100000)
    assert "sqlite3_step" in functions(processes)


PYTHON = """
import collections, json, re
words = re.findall(r'[a-z]+', ' '.join(str(n ** 3) + 'abc' * (n % 5) for n in range(3000)))
print(collections.Counter(words).most_common(3))
tree = {str(n): [n, {'x': n / 7}] for n in range(3000)}
print(len(json.dumps(json.loads(json.dumps(tree)))))
raise SystemExit(3)
"""


def test_python3(compare, tmp_path):
    run = compare(
        "/usr/bin/python3",
        "-c",
        PYTHON,
        env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"},
        tmp_path=tmp_path,
    )
    assert run.status == 3 and run.stdout
    processes = run.top()
    expect_recorded(processes, events=100000)
    assert "PyEval_EvalCode" in functions(processes)


PERL = """
my %count;
for my $i (1 .. 40000) { my $k = join '-', map { $_ * $i % 17 } 1 .. 4; $count{$k}++; }
print "$_ $count{$_}\\n" for (sort keys %count)[0 .. 9];
warn "to the other stream\\n";
exit 4;
"""


def test_perl(compare, tmp_path):
    run = compare("perl", "-e", PERL, tmp_path=tmp_path)
    assert run.status == 4 and run.stderr
    processes = run.top()
    expect_recorded(processes, events=10000)
    assert "Perl_runops_standard" in functions(processes) or "perl_run" in functions(processes)


SOURCE = """
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>
template <typename T> T twice(T t) { return t + t; }
int main()
{
	std::map<std::string, std::vector<int>> m;
	for (int i = 0; i < 100; i++)
		m[std::to_string(i % 7)].push_back(twice(i));
	for (auto &[k, v] : m)
		std::cout << k << ' ' << *std::max_element(v.begin(), v.end()) << '\\n';
}
"""


def test_compiler_is_a_process_tree(compare, plain, tmp_path):
    run = compare(
        "g++",
        "-O1",
        "-std=c++17",
        "-frandom-seed=1",
        "-o",
        "out",
        "source.cc",
        setup=lambda directory: (directory / "source.cc").write_text(SOURCE),
        tmp_path=tmp_path,
    )
    assert (run.status, run.stderr) == (0, b"")
    same_files(run.directories, "out")
    processes = run.top()
    expect_recorded(processes, at_least=4)
    names = {Path(process["exe"]).name for process in processes}
    assert "cc1plus" in names
    assert any("g++" in name for name in names)
    (driver,) = [p for p in processes if "g++" in Path(p["exe"]).name and p["ppid"] not in
                 {q["pid"] for q in processes}]
    assert len([p for p in processes if p["ppid"] == driver["pid"]]) >= 2
    compiled = plain(run.directories[1] / "out")
    assert compiled.stdout.splitlines()[0] == b"0 196"


GIT = """
set -e
git init -q --initial-branch=main .
for i in 1 2 3; do
	seq $i 500 > file$i
	git add file$i
	git commit -q -m "number $i"
done
git log --stat
git diff --stat HEAD~2
git gc -q
git fsck --full
git rev-parse HEAD
"""


def git_environment(home):
    """Whoever runs git, and whenever: it makes the same objects."""
    return {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
        "GIT_COMMITTER_NAME": "C",
        "GIT_COMMITTER_EMAIL": "c@example.org",
        "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
    }


def test_git(compare, tmp_path):
    run = compare("bash", "-c", GIT, env=git_environment(tmp_path), tmp_path=tmp_path)
    assert run.status == 0 and b"number 3" in run.stdout
    processes = run.top()
    expect_recorded(processes, at_least=10)
    assert "git" in {Path(process["exe"]).name for process in processes}


BASH = """
total=0
declare -A seen
for i in $(seq 1 300); do
	seen[$((i % 10))]+="$i "
	total=$((total + i))
done
(echo "in a subshell: ${#seen[3]}"; exit 3) || echo "it said $?"
for k in 1 2 3 4; do (x=$(printf '%s' "$k" | tr 1-4 a-d); echo "$x" > "out$k") & done
wait
cat out1 out2 out3 out4
printf '%s\\n' c b a | sort | while read -r line; do echo "<$line>"; done
echo "to stderr" >&2
exec sh -c 'echo "another program: $0"; exit 6' name
"""


def test_bash(compare, tmp_path):
    run = compare("bash", "-c", BASH, tmp_path=tmp_path)
    assert run.status == 6 and b"another program: name" in run.stdout
    processes = run.top()
    expect_recorded(processes, at_least=10)
    ends = [p["exit"] for p in processes if Path(p["exe"]).name == "bash"]
    assert "exec" in ends and "exited" in ends


def test_xz(compare, plain, tmp_path):
    text = "".join(f"{n} {n * n % 1009} line\n" for n in range(200000)).encode()

    def setup(directory):
        (directory / "text").write_bytes(text)

    arguments = ["-T2", "-2", "--block-size=500KiB", "-k", "text"]
    run = compare("xz", *arguments, setup=setup, tmp_path=tmp_path)
    assert (run.status, run.stderr) == (0, b"")
    same_files(run.directories, "text.xz")
    expect_recorded(run.top())
    assert run.processes[0]["recording"]["threads"] >= 3
    again = compare("xz", "-T2", "-dc", run.directories[1] / "text.xz", tmp_path=tmp_path / "d")
    assert again.stdout == text
    expect_recorded(again.top())


NODE = """
const m = new Map();
for (let i = 0; i < 200000; i++) m.set('k' + (i % 1000), (m.get('k' + (i % 1000)) || 0) + i);
console.log(m.size, m.get('k7'), JSON.stringify([...m].slice(0, 3)));
const z = require('zlib');
const packed = z.deflateSync(Buffer.from('text '.repeat(50000)));
console.log(packed.length, z.inflateSync(packed).length);
setTimeout(() => { console.error('late'); process.exit(5); }, 10);
"""


def test_node(compare, tmp_path):
    run = compare("node", "-e", NODE, tmp_path=tmp_path)
    assert (run.status, run.stderr) == (5, b"late\n")
    processes = run.top()
    expect_recorded(processes, events=1000)
    assert processes[0]["recording"]["threads"] > 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """A redis-server that is asked to go and, failing that, ended by its pid."""

    def __init__(self, need, directory, env):
        self.port = str(free_port())
        self.cli = [need("redis-cli"), "-p", self.port]
        settings = ["--port", self.port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        self.log = open(directory / "log", "wb")
        self.server = subprocess.Popen(
            [need("redis-server"), *settings],
            cwd=directory,
            env=environment(env),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def ask(self, *words):
        answer = subprocess.run([*self.cli, *words], capture_output=True, timeout=60)
        return answer.stdout.decode().strip()

    def __enter__(self):
        deadline = time.monotonic() + 30
        while self.ask("ping") != "PONG":
            assert self.server.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def __exit__(self, *exception):
        self.log.close()
        if self.server.poll() is None:
            self.server.kill()
        self.server.wait(30)


def test_redis_under_redis_benchmark(need, tmp_path):
    """Its allocator is another one, jemalloc, and it is recorded all the same."""
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    env = {"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": f"output={escape(dumps)}/%p.mft"}
    with Redis(need, tmp_path, env) as redis:
        for i in range(20):
            assert redis.ask("set", f"key{i}", f"value{i}" * i) == "OK"
        benchmark = subprocess.run(
            [need("redis-benchmark"), "-p", redis.port, "-n", "30000", "-c", "20", "-q"]
            + ["-r", "10000", "-d", "200", "-t", "set,get,lpush"],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert benchmark.returncode == 0
        assert all(word in benchmark.stdout for word in ("SET", "GET", "LPUSH"))
        for i in range(20):
            assert redis.ask("get", f"key{i}") == f"value{i}" * i
        assert int(redis.ask("dbsize")) > 5000
        redis.ask("shutdown", "nosave")
        assert redis.server.wait(30) == 0
    processes = [Process(p) for p in read_report("--top", "40", dumps)["processes"]]
    expect_recorded(processes, events=30000)
    (server,) = processes
    assert "jemalloc" in server["allocator"]
    assert server["at_exit"]["live_bytes"] > 5000 * 200
