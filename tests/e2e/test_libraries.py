# SPDX-License-Identifier: MIT
"""Libraries that come and go, and programs that leave the recorder nothing to record."""

from pathlib import Path

import pytest

from recording import PROGRAMS, base_name


def expect_modules(process, function, module):
    """Frames of that function belong to that module, wherever else it was mapped."""
    frames = [
        frame
        for site in process.sites_of(function)
        for frame in site["frames"]
        if base_name(frame["function"]) == function
    ]
    assert frames
    assert {Path(frame["module"]).name for frame in frames} == {module}


@pytest.mark.parametrize("where", [[], ["100", "elsewhere"]], ids=["here", "elsewhere"])
def test_dlclose_reuse(trace, where):
    """A second library at the first one's address is never given the first one's names,
    whether the thread that calls it has loaded it itself or another one."""
    run = trace("dlclose_reuse", PROGRAMS / "plugin_a.so", PROGRAMS / "plugin_b.so", *where)
    assert (run.status, run.stderr) == (0, b"")
    assert run.truth["reused"] > 100
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    expect_modules(run.process, "plugin_a_allocate", "plugin_a.so")
    expect_modules(run.process, "plugin_b_allocate", "plugin_b.so")


def test_dlopen_storm(trace):
    run = trace("dlopen_storm", PROGRAMS / "plugin_a.so")
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    expect_modules(run.process, "plugin_a_allocate", "plugin_a.so")


def test_own_malloc_is_named(trace, plain):
    """A program that brings its own malloc: recognised, not an empty profile."""
    run, untraced = trace("own_malloc"), plain("own_malloc")
    assert run.stdout == untraced.stdout
    assert (run.status, run.stderr) == (0, b"")
    process = run.process
    assert process.sum_of("main", "allocations") == 0
    said = [process["allocator"], *process["notices"]]
    assert any("own_malloc" in text for text in said), said


def test_static_program(trace, plain):
    """Nothing can be preloaded into it; it must run as ever."""
    run, untraced = trace("static_program"), plain("static_program")
    assert (run.status, run.stdout, run.stderr) == (0, untraced.stdout, b"")
    assert list(run.dumps.iterdir()) == []
