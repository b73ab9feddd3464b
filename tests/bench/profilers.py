# SPDX-License-Identifier: MIT
"""The tools that scripts/bench compares: how each is put in front of a program.

A Profiler turns a program's command into the command that traces it, and says where what it
wrote lies. It knows nothing of workloads and measures nothing.
"""
import glob
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# How often a tool is run: in every round; or once, at the small size, since it takes ten to
# a hundred times as long as the program.
EVERY_ROUND = "every round"
ONCE_SMALL = "once, small"
RING_SIZES = ("64M", "4M")


class Profiler:
    """name: for --tools; title: in tables; package: what Debian calls it; about: in the docs."""

    name = title = about = ""
    package = None
    schedule = EVERY_ROUND
    fast = False  # does more of the same where a program measures its own rate
    mixes_output = False  # prints into the program's standard output
    writes = True  # leaves a file behind; if it does not, it did nothing

    def missing(self):
        """None when the tool can be used here, else why not."""
        return None

    def command(self, program, directory, environment):
        """The command that runs the program with this tool, writing below the directory."""
        return with_environment(environment, program)

    def recorded_bytes(self, directory):
        """What the tool wrote, in bytes."""
        return sum(path.stat().st_size for path in self.recording(directory))

    def recording(self, directory):
        return [path for path in (directory / "recording").rglob("*") if path.is_file()]


def with_environment(environment, program):
    return ["env", *(f"{key}={value}" for key, value in environment.items()), *program]


class Plain(Profiler):
    name = title = "plain"
    about = "the program alone"
    fast = True
    writes = False


class Mftrace(Profiler):
    name = title = "mftrace"
    about = "`mftrace run -q -o FILE`: every event, whole stacks, written to a file"
    fast = True

    def __init__(self, mftrace):
        self.mftrace = mftrace
        self.options = []

    def command(self, program, directory, environment):
        options = [word for option in self.options for word in ("--option", option)]
        dump = directory / "recording" / "dump.mft"
        return with_environment(
            environment, [self.mftrace, "run", "-q", "-o", dump, *options, "--", *program]
        )

    def verifying(self, every):
        """The same, comparing every Nth stack with libunwind's."""
        other = Mftrace(self.mftrace)
        other.options = [f"verify={every}"]
        return other

    def dump(self, directory):
        return directory / "recording" / "dump.mft"


class MftraceRing(Mftrace):
    """The flight recorder: the newest events only. Its rows are a table of their own."""

    def __init__(self, mftrace, size):
        super().__init__(mftrace)
        self.name = f"mftrace-ring-{size}"
        self.title = f"ring={size}"
        self.options = [f"ring={size}"]


class Heaptrack(Profiler):
    name = title = package = "heaptrack"
    about = "`heaptrack -o FILE`, as people run it: its interpreter works alongside"
    mixes_output = True

    def missing(self):
        return None if shutil.which("heaptrack") else "no heaptrack"

    def command(self, program, directory, environment):
        trace = directory / "recording" / "trace"
        return with_environment(environment, ["heaptrack", "-o", trace, *program])

    def trace(self, directory):
        """The interpreted trace, for heaptrack_print."""
        return next(iter(self.recording(directory)), None)


class Preloaded(Profiler):
    """A library to preload, found by the first pattern that matches, and its variables;
    @OUT@ in these stands for the directory to write to."""

    patterns = ()
    variables = {}

    def library(self):
        for pattern in self.patterns:
            for found in sorted(glob.glob(pattern)):
                return found
        return None

    def missing(self):
        return None if self.library() else f"no {Path(self.patterns[0]).name}"

    def command(self, program, directory, environment):
        out = str(directory / "recording")
        own = {key: value.replace("@OUT@", out) for key, value in self.variables.items()}
        return with_environment(
            environment | {"LD_PRELOAD": self.library()} | own, program
        )


class HeaptrackDirect(Preloaded):
    name = "heaptrack-direct"
    title = "heaptrack, direct"
    package = "heaptrack"
    about = "heaptrack's library writing to a file: what the traced process alone pays"
    patterns = ("/usr/lib/heaptrack/libheaptrack_preload.so",
                "/usr/lib/*/heaptrack/libheaptrack_preload.so",
                "/usr/lib64/heaptrack/libheaptrack_preload.so")
    variables = {"DUMP_HEAPTRACK_OUTPUT": "@OUT@/trace.raw"}


class Lsan(Preloaded):
    name = "lsan"
    title = "LSan"
    package = "liblsan0"
    about = "LeakSanitizer preloaded: live blocks only, stacks by frame pointers, leaks at exit"
    patterns = ("/usr/lib/x86_64-linux-gnu/liblsan.so.0", "/usr/lib/*/liblsan.so.*",
                "/usr/lib64/liblsan.so.*")
    variables = {"LSAN_OPTIONS": "exitcode=0:log_path=@OUT@/lsan"}
    writes = False  # only about leaks


class Gperftools(Preloaded):
    name = title = "gperftools"
    package = "libgoogle-perftools4"
    about = "gperftools' heap profiler (HEAPPROFILE): sums by stack, allocator replaced"
    patterns = ("/usr/lib/*/libtcmalloc.so.4", "/usr/lib64/libtcmalloc.so.4")
    variables = {"HEAPPROFILE": "@OUT@/heap"}
    schedule = ONCE_SMALL  # several microseconds a stack


class Jemalloc(Preloaded):
    name = "jemalloc"
    title = "jemalloc prof"
    package = "libjemalloc2"
    about = "jemalloc's profiler at its default: one sample in 512 KiB, allocator replaced"
    patterns = ("/usr/lib/*/libjemalloc.so.2", "/usr/lib64/libjemalloc.so.2")
    variables = {"MALLOC_CONF": "prof:true,prof_final:true,prof_prefix:@OUT@/jeprof"}

    def missing(self):
        library = self.library()
        if not library:
            return "no libjemalloc.so.2"
        environment = dict(os.environ, LD_PRELOAD=library,
                           MALLOC_CONF="abort_conf:true,prof:true,prof_final:false")
        built_in = subprocess.run(
            ["/bin/true"], env=environment, capture_output=True, check=False
        )
        return None if built_in.returncode == 0 else "libjemalloc.so.2 has no profiler built in"


class JemallocEvery(Jemalloc):
    name = "jemalloc-every"
    title = "jemalloc prof, all"
    about = "jemalloc's profiler made to sample every allocation (lg_prof_sample:0)"
    variables = {"MALLOC_CONF": Jemalloc.variables["MALLOC_CONF"] + ",lg_prof_sample:0"}
    schedule = ONCE_SMALL  # likewise


class Sysprof(Preloaded):
    name = title = "sysprof"
    package = "libsysprof-4"
    about = "sysprof's memory library, capturing to a file (SYSPROF_TRACE_FD)"
    patterns = ("/usr/lib/*/libsysprof-memory-4.so", "/usr/lib64/libsysprof-memory-4.so")
    variables = {"SYSPROF_TRACE_FD": "9"}

    def command(self, program, directory, environment):
        return ["sh", "-c", 'exec "$@" 9>recording/trace.syscap', "sh",
                *super().command(program, directory, environment)]

    def missing(self):
        """Most versions record only into a ring that sysprof's daemon hands them on D-Bus."""
        if not self.library():
            return "no libsysprof-memory-4.so"
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "recording").mkdir()
            command = self.command(["ls", "-l", "/"], Path(directory), {})
            subprocess.run(command, cwd=directory, capture_output=True, timeout=30, check=False)
            recorded = self.recorded_bytes(Path(directory))
        return None if recorded else "its library records nothing without sysprof's daemon"


class Memusage(Preloaded):
    name = title = "memusage"
    package = "libc6"
    about = "glibc's libmemusage.so: totals and a histogram, no stacks"
    patterns = ("/lib/x86_64-linux-gnu/libmemusage.so", "/usr/lib/*/libmemusage.so",
                "/usr/lib64/libmemusage.so")
    writes = False  # prints its sums


class Valgrind(Profiler):
    package = "valgrind"
    schedule = ONCE_SMALL
    arguments = ()

    def missing(self):
        return None if shutil.which("valgrind") else "no valgrind"

    def command(self, program, directory, environment):
        out = str(directory / "recording")
        own = [word.replace("@OUT@", out) for word in self.arguments]
        return with_environment(
            environment, ["valgrind", "-q", f"--log-file={out}/log", *own, *program]
        )


class Massif(Valgrind):
    name = title = "massif"
    about = "Valgrind's massif: sums by stack at chosen instants"
    arguments = ("--tool=massif", "--massif-out-file=@OUT@/massif")


class Dhat(Valgrind):
    name = "dhat"
    title = "DHAT"
    about = "Valgrind's DHAT: sums by stack, and accesses to the blocks"
    arguments = ("--tool=dhat", "--dhat-out-file=@OUT@/dhat")


class Memcheck(Valgrind):
    name = title = "memcheck"
    about = "Valgrind's memcheck with a full leak check"
    writes = False  # only about errors and leaks
    arguments = ("--leak-check=full",)


def all_profilers(mftrace):
    """Every tool, in the order of the tables; mftrace is the command's path."""
    return [
        Plain(), Mftrace(mftrace), *(MftraceRing(mftrace, size) for size in RING_SIZES),
        Heaptrack(), HeaptrackDirect(), Lsan(), Gperftools(),
        Jemalloc(), JemallocEvery(), Sysprof(), Memusage(), Massif(), Dhat(), Memcheck(),
    ]
