# SPDX-License-Identifier: MIT
"""The scan needs no right that a container takes away: no ptrace, no capability."""

import pytest

from leak_cases import command_of, own_amounts, read_leaks, records_of, told_amounts, truths

CASES = ["nine_cases", "thread_stacks read", "thread_stacks spin_blocked", "cxx_containers"]
NO_CAPABILITIES = [
    "setpriv",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--no-new-privs",
]


def expect_truth(run):
    assert (run.status, run.stderr) == (0, b"")
    told = truths(run.stdout)
    processes = read_leaks("--no-default-suppressions", run.dumps)
    assert {pid: own_amounts(records_of(p)) for pid, p in processes.items()} == {
        pid: told_amounts(truth) for pid, truth in told.items()
    }
    for process in processes.values():
        assert process["leaks"]["scan"]["complete"]


@pytest.mark.parametrize("case", CASES)
def test_where_ptrace_is_refused(case, trace, need):
    # The program's first words: it checks that the filter holds, then becomes the case.
    expect_truth(
        trace(*command_of(case), options="leak_scan=1", prefix=[need("without_ptrace")])
    )


@pytest.mark.parametrize("case", CASES)
def test_without_capabilities(case, trace, plain, need):
    status = plain(*NO_CAPABILITIES, "cat", "/proc/self/status")
    assert b"CapEff:\t0000000000000000" in status.stdout, status
    expect_truth(trace(*command_of(case), options="leak_scan=1", prefix=NO_CAPABILITIES))
