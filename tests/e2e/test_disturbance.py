# SPDX-License-Identifier: MIT
"""A traced program must not notice: its surroundings, its files and its limits are as they
were; and what cannot be recorded is counted, never paid for by the program."""

import json
import os
import re
import resource
import stat
import subprocess

import pytest

from recording import LIBRARY, PROGRAMS, Process, environment, escape, read_report


def test_unchanged_process(trace, plain, tmp_path):
    """Environment, descriptors, threads, signals, limits, directory: all as untraced."""
    run, untraced = trace("unchanged_process", "a", "b"), plain("unchanged_process", "a", "b")
    assert (run.status, run.stderr) == (untraced.returncode, b"") == (0, b"")
    lines = run.stdout.decode().splitlines()
    ours = [x for x in lines if x.startswith(("environment LD_PRELOAD", "environment MFTRACE"))]
    # The two variables are there as they were given, and nothing else differs.
    assert f"environment LD_PRELOAD={LIBRARY}" in ours
    assert f"environment MFTRACE_OPTIONS=output={escape(run.dumps)}/%e.%p.mft" in ours
    assert len(ours) == 2
    assert [x for x in lines if x not in ours] == untraced.stdout.decode().splitlines()
    assert "first descriptor 3" in lines
    assert "threads 1" in lines
    assert run.process["recording"]["events"] > 0


def test_bare_preload(plain, tmp_path):
    """Without any variable: silence, and a dump in the working directory, for its owner."""
    directory = tmp_path / "50%: here"
    directory.mkdir()
    run = plain("steady_events", 1000, env={"LD_PRELOAD": str(LIBRARY)}, cwd=directory)
    assert (run.returncode, run.stderr) == (5, b"")
    truth = json.loads(run.stdout)
    (dump,) = directory.iterdir()
    assert dump.name == f"mftrace.steady_events.{truth['pid']}.mft"
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    (process,) = [Process(p) for p in read_report(dump)["processes"]]
    process.expect_nothing_lost()
    process.expect_truth(truth)


def test_existing_name_gets_a_suffix(plain, tmp_path):
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    env = {"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": f"output={dumps}/same.mft"}
    for _ in range(3):
        assert plain("steady_events", 1000, env=env).returncode == 5
    (dumps / "link.mft").symlink_to(tmp_path / "victim")
    env["MFTRACE_OPTIONS"] = f"output={dumps}/link.mft"
    assert plain("steady_events", 1000, env=env).returncode == 5
    # A planted link is not followed.
    assert not (tmp_path / "victim").exists()
    (dumps / "link.mft").unlink()
    processes = [Process(p) for p in read_report(dumps)["processes"]]
    assert len(processes) == 4
    for process in processes:
        process.expect_nothing_lost()
        assert process.sum_of("steadily", "allocations") == 1000


def test_closes_descriptors(trace, plain, tmp_path):
    """The program closes descriptors that are not its own and reuses their numbers."""
    files = tmp_path / "files"
    files.mkdir()
    run = trace("closes_descriptors", files)
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    for i in range(run.truth["files"]):
        expected = "".join(f"{i} {line}\n" for line in range(run.truth["lines"]))
        assert (files / f"file{i}").read_text() == expected


def test_no_standard_descriptors(trace, tmp_path):
    """Started with 0, 1 and 2 closed: the program's own first file gets 0."""

    def close_all():
        for fd in (0, 1, 2):
            os.close(fd)

    truth_path = tmp_path / "truth"
    run = trace("steady_events", 50000, truth_path, preexec_fn=close_all)
    assert run.status == 5
    truth = json.loads(truth_path.read_text())
    assert truth["descriptor"] == 0
    run.process.expect_nothing_lost()
    run.process.expect_truth(truth)


def expect_counted(run, base, truth):
    """Recorded or counted as lost, but accounted for. Of a process's start and end it is
    unknown which part was lost."""
    (process,) = run.processes
    recording = process["recording"]
    events = truth["sites"]["steadily"]["allocations"] + truth["frees"]
    around = base["recording"]["events"]
    assert events <= recording["events"] + recording["lost_events"] <= events + around
    return process


@pytest.mark.parametrize("limit_bytes", [1, 4096, 70000, 300000, 1000000])
def test_file_size_limit(trace, base, limit_bytes):
    """A limit that the dump runs into is no signal, no failure and no silent loss."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    run = trace("steady_events", 2000000, preexec_fn=limit)
    assert run.status == 5
    assert len(run.stderr.splitlines()) <= 1
    truth = run.truth
    assert truth["sites"]["steadily"]["allocations"] == 2000000
    if not list(run.dumps.iterdir()) or limit_bytes <= 4096:
        # Not even the beginning of a dump fits; the user is told.
        assert limit_bytes <= 70000
        assert run.stderr.startswith(b"mftrace: ")
        return
    process = expect_counted(run, base, truth)
    assert process["recording"]["lost_events"] > 0
    assert all(dump.stat().st_size <= limit_bytes for dump in run.dumps.iterdir())


def test_file_size_limit_is_lowered(trace):
    """A limit that the program sets itself, below what the dump has already."""
    run = trace("lowered_file_limit")
    assert (run.status, run.stderr) == (0, b"")
    recording = run.process["recording"]
    calls = 2 * run.truth["pairs"]
    assert calls <= recording["events"] + recording["lost_events"] <= calls + 16
    assert recording["lost_events"] > 0


@pytest.mark.parametrize("megabytes", [6, 8, 10, 12, 16, 24, 48])
def test_address_space_limit(trace, plain, base, megabytes):
    """Where the recorder finds no room the program still does."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    untraced = plain("steady_events", 300000, preexec_fn=limit)
    run = trace("steady_events", 300000, preexec_fn=limit)
    assert run.status == untraced.returncode == 5
    assert run.truth["sites"] == json.loads(untraced.stdout)["sites"]
    if list(run.dumps.iterdir()):
        expect_counted(run, base, run.truth)
    else:
        # The loader or the recorder says why there is no dump.
        assert run.stderr != b""


def test_directory_removed(trace, plain, tmp_path):
    """The working directory is gone before the program begins."""
    gone = tmp_path / "gone"

    def enter_and_remove():
        gone.mkdir(exist_ok=True)
        os.chdir(gone)
        gone.rmdir()

    run = trace("steady_events", 20000, preexec_fn=enter_and_remove)
    assert (run.status, run.stderr) == (5, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    # The default output has no place to be: untraced, and one line says so.
    env = {"LD_PRELOAD": str(LIBRARY)}
    bare = plain("steady_events", 20000, env=env, preexec_fn=enter_and_remove)
    assert bare.returncode == 5
    assert json.loads(bare.stdout)["sites"] == run.truth["sites"]
    assert re.fullmatch(rb"mftrace: .*\n", bare.stderr)


def test_unwritable_output(plain):
    env = {
        "LD_PRELOAD": str(LIBRARY),
        "MFTRACE_OPTIONS": "output=/proc/there is no such place/%p.mft",
    }
    run = plain("steady_events", 20000, env=env)
    assert run.returncode == 5
    assert json.loads(run.stdout)["sites"]["steadily"]["allocations"] == 20000
    assert re.fullmatch(rb"mftrace: .*\n", run.stderr)


def test_full_disk(trace, base, tmp_path):
    """A small file system that fills up: no SIGBUS, and the loss is counted."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small file system and has to run as root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=True)
    try:
        run = trace("steady_events", 2000000, dumps=disk)
        assert run.status == 5
        process = expect_counted(run, base, run.truth)
        assert process["recording"]["lost_events"] > 0
        assert process["recording"]["events"] > 1000
    finally:
        subprocess.run(["umount", disk], check=True)


SECURE_EXEC = r"""
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/bin" "$1/dumps"
chmod 755 "$1"
chmod 1777 "$1/dumps"
lib=/usr/lib/$(gcc -print-multiarch)
mount -t overlay overlay -o "lowerdir=$lib,upperdir=$1/upper,workdir=$1/work" "$lib"
install -m 4755 "$2" "$lib/libmftrace_test.so"
install -m "$4" "$3" "$1/bin/program"
cd "$1/dumps"
status=0
setpriv --reuid=65534 --regid=65534 --clear-groups \
	env LD_PRELOAD=libmftrace_test.so "$1/bin/program" 1000 || status=$?
echo "status $status"
echo "dumps $(ls | wc -l)"
"""


@pytest.mark.parametrize("mode, dumps", [("4755", 0), ("0755", 1)], ids=["setuid", "plain"])
def test_secure_exec_is_inert(tmp_path, need, mode, dumps):
    """A setuid program does not write where the caller says. The library has to lie in a
    directory that the loader trusts, setuid itself, or it would not even be loaded: all of
    that is made in a mount namespace of its own. The plain program proves the set-up."""
    if os.geteuid() != 0:
        pytest.fail("this test makes a setuid program and has to run as root")
    place = tmp_path / "place"
    place.mkdir()
    for directory in (place, *place.parents):
        if directory.stat().st_uid == os.geteuid() and directory != directory.parent:
            directory.chmod(directory.stat().st_mode | 0o011)
    command = [need("unshare"), "-m", need("bash"), "-c", SECURE_EXEC, "bash", place, LIBRARY]
    run = subprocess.run(
        [*command, PROGRAMS / "steady_events", mode],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    truth, *result = run.stdout.splitlines()
    assert json.loads(truth)["sites"]["steadily"]["allocations"] == 1000, run.stderr
    assert result == ["status 5", f"dumps {dumps}"], run.stderr
    if mode == "4755":
        assert len(run.stderr.splitlines()) <= 1
    else:
        assert run.stderr == ""
