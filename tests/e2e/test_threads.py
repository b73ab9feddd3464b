# SPDX-License-Identifier: MIT
"""Several threads, signals and small stacks: exact counts in spite of them."""

import os

import pytest

from recording import PROGRAMS

NO_THREAD_CACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
ONE_ARENA = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"}


def expect_exact(run, begins_at=None):
    assert (run.status, run.stderr) == (0, b"")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    process.expect_truth(truth)
    process.expect_whole_stacks(begins_at)
    assert process["recording"]["unmatched_frees"] == 0
    return process


def one_core():
    return {min(os.sched_getaffinity(0))}


@pytest.mark.parametrize("cores", ["all cores", "one core"])
@pytest.mark.parametrize(
    "threads, rounds, env",
    [(4, 400000, None), (8, 150000, None), (4, 200000, NO_THREAD_CACHE), (4, 150000, ONE_ARENA)],
    ids=["4 threads", "8 threads", "no thread cache", "one arena"],
)
def test_handoff(trace, threads, rounds, env, cores):
    """Blocks handed round between threads with constant reuse of addresses."""
    pin = (lambda: os.sched_setaffinity(0, one_core())) if cores == "one core" else None
    run = trace("handoff", threads, rounds, env=env, preexec_fn=pin)
    process = expect_exact(run)
    assert run.truth["corrupt"] == 0
    assert process["recording"]["allocations"] >= run.truth["allocations"] > threads * rounds
    for counts in run.truth["sites"].values():
        assert counts["live_blocks"] > 0


@pytest.mark.parametrize("attempt", range(3))
def test_last_owner(trace, attempt):
    """Whoever has an address last is who leaks it."""
    run = trace("last_owner", env=ONE_ARENA)
    expect_exact(run)
    # The program proves the order only where addresses are really reused.
    assert run.truth["reused"] > 20000


def test_thread_churn(trace):
    run = trace("thread_churn", 20000)
    process = expect_exact(run)
    assert process["recording"]["threads"] == run.truth["threads"] == 20001


def test_free_in_key_destructor(trace):
    expect_exact(trace("free_in_key_destructor"))


def test_thread_local_destructor(trace):
    # libstdc++ allocates before main, called from the loader.
    expect_exact(
        trace("thread_local_destructor"), lambda frame: frame["function"] == "_dl_start_user"
    )


@pytest.mark.parametrize("attempt", range(2))
def test_signal_malloc(trace, attempt):
    """A handler allocates in the middle of allocations and of their recording."""
    run = trace("signal_malloc", preload=[PROGRAMS / "reentrant_allocator.so"])
    expect_exact(run)
    assert run.truth["signals"] >= 300


def test_small_stacks(trace, plain):
    run, untraced = trace("small_stacks"), plain("small_stacks")
    assert run.stdout == untraced.stdout
    # A coroutine begins in the C library's __start_context.
    process = expect_exact(run, lambda frame: frame["module"].endswith("/libc.so.6"))
    assert process["recording"]["reallocs"] == run.truth["reallocs"]
