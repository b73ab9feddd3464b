# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests. README.md tells how to write one."""

import shutil

import pytest

from gate import gated
from recording import (
    LIBRARY,
    MFTRACE,
    PROGRAMS,
    TIMEOUT_SECONDS,
    Run,
    environment,
    escape,
    run_process,
)


def pytest_sessionstart(session):
    """Without a build there is nothing to test: that is an error, not a skip."""
    missing = [str(path) for path in (LIBRARY, MFTRACE, PROGRAMS) if not path.exists()]
    if missing:
        pytest.exit(f"not built: {', '.join(missing)} (set MFTRACE_BUILD)", returncode=2)


def find_program(name):
    """A program of tests/programs by its bare name; others by PATH or as they are."""
    own = PROGRAMS / str(name)
    if "/" not in str(name) and own.exists():
        return str(own)
    found = shutil.which(str(name))
    if not found:
        pytest.fail(f"the tests need the program {name}, which is not installed")
    return found


@pytest.fixture
def need():
    """need(name): the path of an installed program; the test fails where it is missing."""
    return find_program


@pytest.fixture
def plain(tmp_path):
    """plain(program, *arguments): runs it untraced, in the same surroundings as trace()."""

    def run(program, *arguments, env=None, timeout=TIMEOUT_SECONDS, **popen):
        popen.setdefault("cwd", tmp_path)
        command = [find_program(program), *arguments]
        return run_process(command, environment(env), timeout, **popen)

    return run


@pytest.fixture
def trace(tmp_path_factory, tmp_path):
    """trace(program, *arguments): runs it with nothing but LD_PRELOAD and MFTRACE_OPTIONS,
    every process's dump in a fresh directory, and returns a Run.

    options: more of MFTRACE_OPTIONS. preload: libraries to load behind the recorder.
    dumps: the directory to use. prefix: words before the program; these are not traced.
    """

    def run(
        program,
        *arguments,
        env=None,
        options="",
        preload=(),
        prefix=(),
        dumps=None,
        timeout=TIMEOUT_SECONDS,
        **popen,
    ):
        dumps = dumps or tmp_path_factory.mktemp("dumps")
        traced = {
            "LD_PRELOAD": ":".join([str(LIBRARY), *map(str, preload)]),
            "MFTRACE_OPTIONS": f"output={escape(dumps)}/%e.%p.mft"
            + (f":{options}" if options else ""),
        }
        popen.setdefault("cwd", tmp_path)
        command = [find_program(program), *arguments]
        if prefix:
            # env(1) sets the variables for the program alone.
            command = [*prefix, "env", *(f"{k}={v}" for k, v in traced.items()), *command]
            traced = {}
        env = environment({**(env or {}), **traced})
        return Run(run_process(command, env, timeout, **popen), dumps)

    return run


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """What is recorded of a C program that does nothing: the cost of its start and end,
    to be subtracted from the counts of whole processes."""
    dumps = tmp_path_factory.mktemp("base")
    env = environment(
        {
            "LD_PRELOAD": str(LIBRARY),
            "MFTRACE_OPTIONS": f"output={escape(dumps)}/%p.mft",
        }
    )
    run = Run(run_process([PROGRAMS / "nothing"], env), dumps)
    assert run.status == 0
    run.process.expect_nothing_lost()
    return run.process


@pytest.fixture(scope="session")
def gate_dumps(tmp_path_factory):
    """A directory for recordings that `mftrace check` is asked about."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="session")
def gate_runs(gate_dumps):
    """Ten recordings of one program, each the same but for its threads."""
    return [gated(gate_dumps / f"{i}.mft") for i in range(10)]


@pytest.fixture(scope="session")
def gate_scanned(gate_dumps):
    """One of the same program with a scan for pointers."""
    return gated(gate_dumps / "scanned.mft", options=["--leak-scan"])
