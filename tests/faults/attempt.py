# SPDX-License-Identifier: MIT
"""Runs a fault once - natively, traced, or with heaptrack - and keeps all it left.

The runner is made the reaper of orphans (prctl(2), PR_SET_CHILD_SUBREAPER), so that an
attempt ends when the whole process tree has, daemons included; what outlasts the time is
ended by its id. Programs tell their truth on descriptor 900 (TRUTH_FD), or where a program
closes that, on standard output.
"""

import ctypes
import fnmatch
import functools
import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import recording
from fault import ALLOCATORS

TRUTH_FD = 900
FAULT_PROGRAMS = recording.BUILD / "tests" / "faults"
PR_SET_CHILD_SUBREAPER = 36


def become_reaper():
    """Orphans of whatever is started from now on become children of this process."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")


def find_program(name):
    """A program by its bare name, our own first."""
    if "/" in name:
        return name
    for folder in (FAULT_PROGRAMS, recording.PROGRAMS):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name) or name


@functools.cache
def find_library(name):
    """The path of an allocator's library, or None where it is not installed."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
                   "/usr/lib", "/lib"):
        path = Path(folder) / name
        if path.exists():
            return str(path)
    return None


def digest_tree(folder):
    """Every file below a folder: its kind, permissions and content, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        if stat.S_ISREG(state.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(state.st_mode):
            content = os.readlink(path)
        else:
            content = ""
        found[str(path.relative_to(folder))] = (oct(state.st_mode), content)
    return found


def own_children():
    pid = os.getpid()
    children = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        children += path.read_text(encoding="ascii").split()
    return [int(child) for child in children]


def reap_orphans(deadline):
    """Waits for the tree's last process; ends what outlasts the deadline. Returns whether
    all came to their end by themselves."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return time.monotonic() < deadline
        if pid:
            continue
        if time.monotonic() >= deadline:
            for child in own_children():
                os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


class Drain(threading.Thread):
    """Reads a descriptor to its end."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd = fd
        self.content = b""
        self.start()

    def run(self):
        with os.fdopen(self.fd, "rb") as stream:
            self.content = stream.read()


class Attempt:
    """How a fault's program ended: status (negative: the signal), stdout, stderr, files,
    truths, and the directory of its dumps. hung: it had to be ended."""

    def __init__(self, fault, place, env, run_words, short=False):
        self.fault = fault
        self.work = place / "work"
        self.dumps = place / "dumps"
        for folder in (self.work, self.dumps):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o777)
            folder.chmod(0o777)
        if fault.prepare:
            fault.prepare(self.work)
        words = fault.short if short and fault.short else fault.command
        command = [self.fill(word) for word in words]
        if command:
            command[0] = find_program(command[0])
        if fault.script is not None:
            env = {**env, "RUN": "env " + " ".join(run_words)}
            command = ["bash", "-c", self.fill(fault.script), "bash", *command]
        else:
            env = {**env, **dict(word.split("=", 1) for word in run_words)}
        self.run(command, env)
        self.files = {
            path: state
            for path, state in digest_tree(self.work).items()
            if not any(fnmatch.fnmatch(path, pattern) for pattern in fault.ignore)
        }

    def fill(self, word):
        """A word of the fault with its places filled in."""
        for name, value in (
            ("programs", recording.PROGRAMS),
            ("faults", FAULT_PROGRAMS),
            ("work", self.work),
            ("dumps", self.dumps),
            ("mftrace", recording.MFTRACE),
            ("library", recording.LIBRARY),
        ):
            word = str(word).replace("{" + name + "}", str(value))
        return word

    def run(self, command, env):
        deadline = time.monotonic() + self.fault.timeout
        truth_end, truth_start = os.pipe()
        os.dup2(truth_start, TRUTH_FD, inheritable=True)
        os.close(truth_start)

        def limit():
            for which, value in self.fault.limits.items():
                resource.setrlimit(which, (value, value))

        try:
            process = subprocess.Popen(
                command,
                cwd=self.work,
                env=recording.environment({"TRUTH_FD": str(TRUTH_FD), **env}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(TRUTH_FD,),
                preexec_fn=limit,
            )
        finally:
            os.close(TRUTH_FD)
        drains = [
            Drain(os.dup(stream.fileno())) for stream in (process.stdout, process.stderr)
        ] + [Drain(truth_end)]
        process.stdout.close()
        process.stderr.close()
        try:
            process.stdin.write(self.fill(self.fault.stdin.decode()).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass
        self.hung = False
        try:
            self.status = process.wait(self.fault.timeout)
        except subprocess.TimeoutExpired:
            self.hung = True
            process.kill()
            self.status = process.wait()
        self.hung = not reap_orphans(deadline) or self.hung
        for drain in drains:
            drain.join(10)
        self.stdout, self.stderr, told = (drain.content for drain in drains)
        self.truths = self.take_truths(told)

    def take_truths(self, told):
        """The programs' truths; those on standard output are taken out of it, since they
        name pids."""
        lines = told.splitlines()
        rest = []
        for line in self.stdout.splitlines(keepends=True):
            if line.startswith(b"{") and b'"sites"' in line:
                lines.append(line)
            else:
                rest.append(line)
        self.stdout = b"".join(rest)
        if self.fault.truth_file:
            path = self.work / self.fault.truth_file
            if path.exists():
                lines += path.read_bytes().splitlines()
                path.unlink()
        return [json.loads(line) for line in lines]

    @functools.cached_property
    def processes(self):
        """What was recorded, one recording.Process each; without a dump, none."""
        if not any(path.is_file() for path in self.dumps.rglob("*.mft")):
            return []
        report = recording.read_report(self.dumps, validate=False)
        return [recording.Process(process) for process in report["processes"]]


def preload_words(fault, allocator, recorder):
    """The value of LD_PRELOAD: recorder (or None) in its place, the allocator last."""
    words = []
    for word in fault.preload:
        if word == "mftrace":
            words += [recorder] if recorder else []
        else:
            words.append(word.replace("{faults}", str(FAULT_PROGRAMS)).replace(
                "{programs}", str(recording.PROGRAMS)))
    if ALLOCATORS[allocator]:
        words.append(find_library(ALLOCATORS[allocator]))
    return words


def run_natively(fault, place, allocator, short=False):
    """The fault's program with nothing of ours, but with the same allocator."""
    words = preload_words(fault, allocator, None)
    return Attempt(fault, place, fault_env(fault, place),
                   ["LD_PRELOAD=" + ":".join(words)] if words else [], short)


def run_traced(fault, place, allocator, short=False):
    """The fault's program with the recorder."""
    library = fault.library.replace("{library}", str(recording.LIBRARY))
    words = preload_words(fault, allocator,
                          library.replace("{faults}", str(FAULT_PROGRAMS)))
    output = fault.output.replace("{dumps}", recording.escape(place / "dumps"))
    output = output.replace("{work}", recording.escape(place / "work"))
    options = f"output={output}" + (f":{fault.options}" if fault.options else "")
    return Attempt(fault, place, fault_env(fault, place), [
        "LD_PRELOAD=" + ":".join(words), "MFTRACE_OPTIONS=" + options], short)


def fault_env(fault, place):
    values = {}
    for name, value in fault.env.items():
        value = value.replace("{faults}", str(FAULT_PROGRAMS))
        values[name] = value.replace("{work}", str(place / "work"))
    return values
