# SPDX-License-Identifier: MIT
"""Call stacks are libunwind's, frame by frame, whatever shape they have.

The option verify=N takes every Nth stack with libunwind as well and counts what differs.
"""

import platform
import subprocess
from collections import Counter

import pytest

from recording import LIBRARY, Process, base_name, escape, read_report
from test_real_programs import GIT, PERL, PYTHON, SOURCE, SQL, Redis, git_environment

BUILDS = ["plain", "with_fp", "without_fp"]

x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="stacks come from libunwind elsewhere"
)


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


@x86_64
def test_shapes_far_from_their_tables(trace):
    """The loader tells about such a program by the segment."""
    run = trace("stack_shapes_far_apart", 600, options="verify=1")
    process = expect_same_stacks(run)
    assert process["recording"]["unwind"]["truncated"] <= run.truth["in_recursion"]


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


@x86_64
@pytest.mark.parametrize("build", BUILDS)
def test_odd_frames(trace, build):
    """Frames described by expressions, or by registers that callees have saved."""
    run = trace(f"stack_odd_frames_{build}", 2500, options="verify=1")
    process = expect_same_stacks(run)
    assert run.truth["faults"] > 1000
    assert process["recording"]["unwind"]["truncated"] == 0


@x86_64
@pytest.mark.parametrize("build", BUILDS)
def test_odd_frames_that_libunwind_cannot_follow(trace, build):
    """Every stack ends where the program begins, and no frame follows the wrong one."""
    run = trace(f"stack_odd_frames_{build}", 2500, "all")
    process = only_process(run)
    process.expect_truth(run.truth)
    unwind = process["recording"]["unwind"]
    assert (unwind["complete"] > 10000, unwind["truncated"]) == (True, 0)
    for site in process.sites_of("at_the_end"):
        names = [base_name(frame["function"]) for frame in site["frames"]]
        own = names[names.index("at_the_end") : names.index("main") + 1]
        for callee, caller in zip(own, own[1:]):
            assert caller in callers_of(callee), own


def callers_of(callee):
    """The functions of stack_odd_frames.c that call this one."""
    call_on = {"main", "called_with_its_cfa"} | ODD_FRAMES
    if callee in ODD_FRAMES:
        return {"through_alloca", "through_plain"}
    return {
        # A compiler may make go_on's call a jump.
        "at_the_end": {"go_on", "fault_handler"} | call_on,
        "go_on": call_on,
        "fault_handler": {"__restore_rt", ""},
        "__restore_rt": ODD_FRAMES,
        "": ODD_FRAMES,  # the same, where the C library's symbols are not installed
        "through_alloca": {"go_on"} | call_on,
        "through_plain": {"go_on"} | call_on,
        "called_with_its_cfa": {"frame_fp_is_cfa"},
    }[callee]


ODD_FRAMES = {
    "frame_" + name
    for name in (
        "kept indexed in_rbx in_r12 in_r13 in_r14 in_r15 destroying fp_at_expression "
        "fp_is_expression fp_in_rbx fp_is_cfa return_in_rdx"
    ).split()
}


def test_lazy_binding(trace):
    """The dynamic linker binds a name; its frame is found by a register alone."""
    run = trace("lazy_binding", options="verify=1", env={"LD_BIND_NOW": ""})
    assert run.truth["chosen"] == 2
    process = only_process(run)
    process.expect_truth(run.truth)
    stacks, differences = checked([process])
    assert stacks >= 500
    assert differences == 0
    assert process["recording"]["unwind"]["truncated"] == 0
    (site,) = process.sites_of("choose")
    names = [base_name(frame["function"]) for frame in site["frames"]]
    assert "call_for_the_first_time" in names[names.index("choose") :]
    assert "main" in names


@x86_64
@pytest.mark.parametrize("build", BUILDS)
def test_guessed_frames(trace, build):
    """Code that no table describes is followed by its frame pointer if that is one."""
    run = trace(f"stack_guessed_{build}", 1000)
    assert run.status == 0
    process = only_process(run)
    process.expect_truth(run.truth)
    framed = process.sites_of("allocate_below_frame")
    frameless = process.sites_of("allocate_below_none")
    assert framed and frameless
    for site in framed:
        names = [base_name(frame["function"]) for frame in site["frames"]]
        assert not site["truncated"]
        assert {"through_frame", "in_thread"} <= set(names)
    for site in frameless:
        names = [base_name(frame["function"]) for frame in site["frames"]]
        assert site["truncated"]
        # The address in the page is the last that is known.
        assert names[-2] == "allocate_below_none", names
    expected = run.truth["sites"]["allocate_below_none"]["allocations"]
    assert expected == 13 * 1000
    assert process["recording"]["unwind"]["truncated"] == expected


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
    expect_few_differences(run.top(1), at_least)


def expect_few_differences(processes, at_least):
    stacks, differences = checked(processes)
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
    run = trace("bash", "-c", GIT, env=git_environment(tmp_path), options="verify=1")
    assert run.status == 0
    expect_nearly_same_stacks(run, 10000)


NODE = """
const words = [], byLength = new Map();
for (let i = 0; i < 20000; i++) words.push(`word ${i * 7919 % 10007}`);
for (const word of words) byLength.set(word, {length: word.length, upper: word.toUpperCase()});
const text = JSON.stringify([...byLength]);
const sorted = JSON.parse(text).sort((a, b) => a[0] < b[0] ? -1 : 1);
const hash = require('crypto').createHash('sha256').update(text).digest('hex');
for (let i = 0; i < 300; i++) Buffer.alloc(20000 + i).toString('base64').match(/(A+)/);
process.exit(sorted.length === byLength.size && hash.length === 64 ? 5 : 1);
"""


def test_node(trace):
    """Its own code is in part made while it runs, and has no tables."""
    run = trace("node", "-e", NODE, options="verify=1")
    assert run.status == 5
    expect_nearly_same_stacks(run, 30000)


def test_redis(need, tmp_path):
    options = f"verify=1:output={escape(tmp_path)}/redis.mft"
    env = {"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": options}
    with Redis(need, tmp_path, env) as redis:
        command = [need("redis-benchmark"), "-p", redis.port, "-n", "4000", "-c", "10", "-q"]
        benchmark = subprocess.run(command, capture_output=True, timeout=100)
        assert benchmark.returncode == 0, benchmark.stderr
        redis.ask("shutdown", "nosave")
        assert redis.server.wait(30) == 0
    report = read_report("--top", "1", tmp_path / "redis.mft", validate=False)
    expect_few_differences(report["processes"], 50000)
