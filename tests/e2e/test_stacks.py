# SPDX-License-Identifier: MIT
"""Call stacks are libunwind's, frame by frame, whatever shape they have.

The option verify=N takes every Nth stack with libunwind as well and counts what differs.
"""

from collections import Counter

import pytest

from recording import Process, base_name, read_report
from test_real_programs import GIT, PERL, PYTHON, SOURCE, SQL

BUILDS = ["plain", "with_fp", "without_fp"]


def checked(processes):
    """How many stacks were compared, and how many differed."""
    recordings = [process["recording"] for process in processes]
    return (
        sum(recording["stacks_checked"] for recording in recordings),
        sum(recording["stack_differences"] for recording in recordings),
    )


def only_process(run):
    """The only process of the run. Its report is large, and the schema is others' concern."""
    (report,) = read_report(run.dumps, validate=False)["processes"]
    return Process(report)


def expect_same_stacks(run):
    assert (run.status, run.stderr) == (0, b"")
    process = only_process(run)
    process.expect_truth(run.truth)
    stacks, differences = checked([process])
    assert stacks >= run.truth["sites"]["at_the_end"]["allocations"] > 10000
    assert differences == 0
    return process


@pytest.mark.parametrize("build", BUILDS)
def test_shapes(trace, build):
    """Frames of every kind, recursion, longjmp, coroutines, signals, threads."""
    run = trace(f"stack_shapes_{build}", 1000, options="verify=1")
    process = expect_same_stacks(run)
    for kind in ("in_coroutines", "in_handlers", "in_recursion"):
        assert run.truth[kind] > 1000
    # All other stacks end where somebody began them; those of a recursion may be cut.
    assert 0 < process["recording"]["unwind"]["truncated"] <= run.truth["in_recursion"]


@pytest.mark.parametrize("depth", [1, 2, 7, 256])
def test_depth_limit(trace, depth):
    """The innermost frames are kept, and no more than were asked for."""
    run = trace("stack_shapes_with_fp", 600, options=f"verify=1:depth={depth}")
    process = expect_same_stacks(run)
    assert max(len(site["frames"]) for site in process["sites"]) >= depth


@pytest.mark.parametrize("build", BUILDS)
def test_exceptions(trace, build):
    """Thrown, passed on by destructors that allocate and throw, caught, thrown again."""
    run = trace(f"stack_exceptions_{build}", 1000, options="verify=1")
    process = expect_same_stacks(run)
    assert process["recording"]["unwind"]["truncated"] == 0


@pytest.mark.parametrize("build", BUILDS)
def test_lookalikes(trace, build):
    """Stacks that one could take for the last one: stale, or gone; and half-made frames."""
    run = trace(f"stack_lookalikes_{build}", 1500, options="verify=1")
    process = expect_same_stacks(run)
    assert process["recording"]["unwind"]["truncated"] == 0


def stacks_of(process, function):
    """Run-independent stacks below `function`, and how often each allocated."""
    counts = Counter()
    for site in process.sites_of(function):
        frames = site["frames"]
        # Its callers; the frames above it are the allocator's.
        names = [base_name(frame["function"]) for frame in frames]
        own = frames[names.index(function) :]
        counts[tuple((f["function"], f["line"]) for f in own)] += site["allocations"]
    return counts


@pytest.mark.parametrize("program", ["stack_shapes", "stack_lookalikes", "stack_exceptions"])
def test_unchecked_stacks_are_the_same(trace, program):
    """Nothing is compared in ordinary use: what is taken then is the same."""
    runs = [
        trace(f"{program}_without_fp", 700, options=options)
        for options in ("verify=1", "verify=1000", "")
    ]
    processes = [only_process(run) for run in runs]
    counts = [stacks_of(process, "at_the_end") for process in processes]
    assert sum(counts[0].values()) == runs[0].truth["sites"]["at_the_end"]["allocations"]
    assert len(counts[0]) >= 40
    assert counts[0] == counts[1] == counts[2]
    assert checked(processes[2:]) == (0, 0)


# Of 10,000 stacks one may differ: where a program's own tables are wrong, either may be.
DIFFERENCES_PER_STACK = 0.0001


def expect_nearly_same_stacks(run, at_least):
    stacks, differences = checked(run.top(1))
    assert stacks >= at_least
    assert differences <= DIFFERENCES_PER_STACK * stacks, (stacks, differences)


def test_sqlite3(trace):
    run = trace("sqlite3", "-batch", ":memory:", stdin=SQL, options="verify=1")
    assert run.status == 0
    expect_nearly_same_stacks(run, 80000)


def test_python3(trace):
    env = {"PYTHONMALLOC": "malloc"}
    run = trace("/usr/bin/python3", "-c", PYTHON, env=env, options="verify=1")
    assert run.status == 3
    expect_nearly_same_stacks(run, 100000)


def test_perl(trace):
    run = trace("perl", "-e", PERL, options="verify=1")
    assert run.status == 4
    expect_nearly_same_stacks(run, 10000)


def test_compiler(trace, tmp_path):
    (tmp_path / "source.cc").write_text(SOURCE)
    run = trace("g++", "-O1", "-o", "out", "source.cc", options="verify=1")
    assert (run.status, run.stderr) == (0, b"")
    expect_nearly_same_stacks(run, 100000)


def test_git(trace, tmp_path):
    env = {
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "C",
        "GIT_COMMITTER_EMAIL": "c@example.org",
    }
    run = trace("bash", "-c", GIT, env=env, options="verify=1")
    assert run.status == 0
    expect_nearly_same_stacks(run, 10000)
