# SPDX-License-Identifier: MIT
"""mftrace run: what it passes on to the program and back, and what it refuses to run."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from answers import compile_c, refused, text
from recording import LIBRARY, MFTRACE, environment, mftrace


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_run_passes_the_status_on(tmp_path, status):
    result = mftrace("run", "-q", "--", "sh", "-c", f"exit {status}", cwd=tmp_path)
    assert result.returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_run_shows_the_signal_as_a_shell_does(tmp_path, number):
    script = f"ulimit -c 0; kill -{int(number)} $$"
    result = mftrace("run", "-q", "--", "sh", "-c", script, cwd=tmp_path)
    assert result.returncode == 128 + number


def test_run_passes_the_streams_through(tmp_path):
    script = "cat; echo to stderr >&2"
    result = mftrace(
        "run", "-q", "-o", tmp_path / "d.mft", "sh", "-c", script, stdin=b"some\0bytes\xff"
    )
    assert result.stdout == b"some\0bytes\xff"
    assert result.stderr == b"to stderr\n"


def test_run_sums_up_on_stderr(tmp_path):
    result = mftrace("run", "sh", "-c", "echo out", cwd=tmp_path)
    out, err = text(result)
    assert out == "out\n"
    assert "exited with status 0" in err and "peak" in err
    dumps = list(tmp_path.iterdir())
    assert len(dumps) == 1
    assert re.fullmatch(r"mftrace\.[\w.-]+\.\d+\.mft", dumps[0].name)


def test_run_keeps_the_environment(tmp_path):
    """The user's LD_PRELOAD and MFTRACE_OPTIONS stay, ours join them."""
    other = tmp_path / "other.so"
    shutil.copy(LIBRARY, other)
    env = environment({"MFTRACE_OPTIONS": "depth=20", "LD_PRELOAD": "libm.so.6"})
    result = subprocess.run(
        [MFTRACE, "run", "-q", "-o", tmp_path / "a:b%c.mft", "--option", "snapshots=0"]
        + ["--", "sh", "-c", 'echo "$LD_PRELOAD"; echo "$MFTRACE_OPTIONS"'],
        env=env,
        stdout=subprocess.PIPE,
        timeout=30,
    )
    preload, options = result.stdout.decode().splitlines()
    assert preload.endswith("/libmftrace.so:libm.so.6")
    assert options.startswith("depth=20:output=/") and options.endswith(":snapshots=0")
    assert (tmp_path / "a:b%c.mft").exists()


def test_run_never_overwrites(tmp_path):
    for _ in range(3):
        assert mftrace("run", "-q", "-o", tmp_path / "d.mft", "true").returncode == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_run_forwards_signals(tmp_path):
    script = "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    process = subprocess.Popen(
        [MFTRACE, "run", "-q", "-o", tmp_path / "d.mft", "--", "sh", "-c", script],
        env=environment(),
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    assert process.communicate(timeout=20)[0] == b"term\n"
    assert process.returncode == 5


def test_killed_and_running_are_told_apart(tmp_path):
    path = tmp_path / "d.mft"
    process = subprocess.Popen(
        [MFTRACE, "run", "-q", "-o", path, "--", "sh", "-c", "echo $$; exec sleep 30"],
        env=environment(),
        stdout=subprocess.PIPE,
    )
    pid = int(process.stdout.readline())

    def ends():
        files = [f for f in tmp_path.iterdir() if f.is_file()]
        processes = json.loads(mftrace("report", "--json", *files).stdout)["processes"]
        return [p["exit"] for p in processes]

    deadline = time.monotonic() + 10
    while ends() != ["exec", "running"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ends() == ["exec", "running"]
    os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=20) == 128 + signal.SIGKILL
    assert ends() == ["exec", "killed"]


@pytest.mark.parametrize("name", ["no-such-program", "./no-such-program", "/", "/etc/passwd"])
def test_run_refuses_what_cannot_run(name):
    refused(mftrace("run", "--", name), name)


def test_run_refuses_a_static_program(tmp_path, need):
    program = compile_c(need, tmp_path / "s", "int main(void) { return 0; }", "-static")
    refused(mftrace("run", "--", program), "statically linked")
    script = tmp_path / "script"
    script.write_text(f"#!{program}\n")
    script.chmod(0o755)
    refused(mftrace("run", "--", script), "statically linked")


def test_run_refuses_a_setuid_program(tmp_path, need):
    program = tmp_path / "p"
    shutil.copy(need("true"), program)
    program.chmod(0o4755)
    refused(mftrace("run", "--", program), "setuid")
    program.chmod(0o2755)
    refused(mftrace("run", "--", program), "setgid")


def test_run_refuses_another_architecture(tmp_path, need):
    data = bytearray(open(need("true"), "rb").read())
    data[18] = 183  # e_machine: AArch64
    program = tmp_path / "p"
    program.write_bytes(data)
    program.chmod(0o755)
    refused(mftrace("run", "--", program), "architecture")


def test_run_refuses_a_sanitizer_unless_forced(tmp_path, need):
    program = compile_c(
        need, tmp_path / "p", "int main(void) { return 0; }", "-fsanitize=address"
    )
    refused(mftrace("run", "--", program), "sanitizer", "--force")


def test_run_refuses_an_unwritable_output(tmp_path):
    refused(mftrace("run", "-o", tmp_path / "missing" / "d.mft", "true"), "missing")
    refused(mftrace("run", "-o", "/proc/d.mft", "true"), "/proc")


def test_run_finds_scripts_without_a_first_line(tmp_path):
    script = tmp_path / "script"
    script.write_text("echo from the shell\n")
    script.chmod(0o755)
    result = mftrace("run", "-q", "-o", tmp_path / "d.mft", "--", script)
    assert text(result) == ("from the shell\n", "")
    assert (tmp_path / "d.mft").exists()
