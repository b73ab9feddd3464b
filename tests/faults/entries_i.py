# SPDX-License-Identifier: MIT
"""I: what the functions mean, in which order, and what is said where something is lost."""

import resource
import subprocess

import recording
from fault import BEGUN, COUNTED, UNTRACED, Fault

MIB = 1 << 20
NO_THREAD_CACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
FAKETIME_THREADS = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
FAKEROOT = "/usr/lib/x86_64-linux-gnu/libfakeroot/libfakeroot-sysv.so"
EATMYDATA = "/usr/lib/x86_64-linux-gnu/libeatmydata.so.1"
STDBUF = "/usr/libexec/coreutils/libstdbuf.so"

# Addresses as the kernel gives them without chance: blocks lie where they lie natively.
FUZZ = "exec setarch -R $RUN {faults}/api_fuzz %s %s"
TIME_NAMESPACE = "exec unshare -T --fork --monotonic 86400 $RUN {programs}/handoff 2 20000"
OTHER_MACHINE = r"""
echo 'int main(void) { return 0; }' >{dumps}/small.c
%s -o {dumps}/small {dumps}/small.c || exit 90
{mftrace} run -o {dumps} -- {dumps}/small 2>{dumps}/said
echo status $? lines $(wc -l <{dumps}/said)
grep -c '^mftrace: .*small' {dumps}/said
"""


def same_usable_sizes(traced, native):
    """Usable sizes depend on where blocks lie; and operator new's are all recorded."""
    (truth,), (expected,) = traced.truths, native.truths
    for key in ("digest", "usable_digest", "failed", "thrown"):
        assert truth[key] == expected[key], key
    (process,) = [p for p in traced.processes if p.sites_of("fuzz_c")]
    recording_of = process["recording"]
    assert recording_of["failed"] == truth["failed"], recording_of
    assert recording_of["unmatched_frees"] == 0, recording_of
    # An exception is a block of its own; nothrow forms may throw and catch inside.
    found = sum(
        site["allocations"]
        for site in process.sites_of("fuzz_new")
        if not any(f["function"] == "__cxa_allocate_exception" for f in site["frames"])
    )
    assert found == truth["new"], f"{found} by operator new"
    for member in ("live_blocks", "live_bytes"):
        assert process.sum_of("fuzz_new", member) == truth[f"new_{member}"], member


def same_digest(traced, native):
    (truth,), (expected,) = traced.truths, native.truths
    for key in ("digest", "failed", "thrown"):
        assert truth.get(key) == expected.get(key), key


def time_is_sane(traced, native):
    """Durations by the kernel's clock, whatever the program is told."""
    del native
    for process in traced.processes:
        assert 0 < process["duration_ns"] < 60e9, process["duration_ns"]


def wrong_frees_are_listed(traced, native):
    del native
    (process,) = traced.processes
    assert process["recording"]["unmatched_frees"] >= 1, process["recording"]


def runs_in_as_little(traced, native):
    """The least address space in which the program runs is larger by what the library and
    its rings are; in less, the loader (127) or the program's own malloc (4) gives up."""

    def runs(limit, env):
        done = subprocess.run(
            [recording.PROGRAMS / "steady_events", "20000"], env=recording.environment(env),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
            capture_output=True, check=False, cwd=traced.work)
        assert done.returncode in (5, 4, 127) or not env, (limit, done)
        return done.returncode == 5

    def least(env):
        low, high = MIB // 2, 64 * MIB
        while high - low > 16384:
            middle = (low + high) // 2
            low, high = (low, middle) if runs(middle, env) else (middle, high)
        return high

    env = {"LD_PRELOAD": str(recording.LIBRARY),
           "MFTRACE_OPTIONS": f"output={recording.escape(traced.dumps)}/limit.%p.mft"}
    more = least(env) - least({})
    assert more <= 4 * MIB, f"{more >> 10} KiB more"


def wrong(how, what, **members):
    members.setdefault("check", wrong_frees_are_listed)
    members.setdefault("allocators", False)
    # tcmalloc names the address that it was given.
    return Fault("I5", what, ("wrong_frees", how), mask="0x[0-9a-f]+", **members)


FAULTS = [
    Fault("I1", "every function of C", ("every_entry_point",), allocators=False),
    Fault("I1", "every operator of C++", ("every_operator",)),
    Fault("I1", "the edges of each function", ("edge_cases",), allocators=False),
    Fault("I1", "300,000 random calls, mild ones", ("api_fuzz", "1", "300000", "mild"),
          short=("api_fuzz", "1", "60000", "mild"), check=same_digest, rival=False),
    Fault("I1", "1,000,000 random calls, blocks alike", script=FUZZ % (2, 1000000),
          allocators=False, rival=False, timeout=120, check=same_usable_sizes),
    Fault("I2", "addresses used again at once", ("handoff", "4", "100000"),
          env=NO_THREAD_CACHE, short=("handoff", "4", "30000"), timeout=60),
    Fault("I2", "the last owner of each address", ("last_owner",), env=NO_THREAD_CACHE,
          timeout=60),
    Fault("I3", "a clock that runs ten times as fast", ("handoff", "2", "20000"),
          preload=("mftrace", FAKETIME_THREADS), env={"FAKETIME": "-30d x10"},
          needs=(FAKETIME_THREADS,), allocators=False, check=time_is_sane),
    Fault("I3", "a clock that stands still", ("steady_events", "50000"),
          preload=(FAKETIME, "mftrace"), env={"FAKETIME": "2020-12-24 20:30:00"},
          needs=(FAKETIME,), allocators=False, check=time_is_sane),
    Fault("I3", "a time namespace, a day ahead", script=TIME_NAMESPACE, needs=("root",),
          check=time_is_sane),
    Fault("I4", "room for 400,000 bytes of events", ("steady_events", "300000"),
          limits={resource.RLIMIT_FSIZE: 400000}, recorded=COUNTED),
    wrong("double", "a block freed twice"),
    wrong("double_later", "a block freed twice, later"),
    wrong("foreign", "mapped memory freed"),
    wrong("inside", "the middle of a block freed"),
    wrong("stack", "an address of the stack freed"),
    wrong("realloc_wild", "an address of the stack reallocated"),
    wrong("realloc_freed", "a freed block reallocated"),
    wrong("misaligned", "an odd address in a block freed"),
    wrong("static", "static data freed"),
    # The C library reads in front of these, and so does the recorder: there it ends. Other
    # allocators have ways of their own to refuse them, and words.
    *(wrong(how, what, check=None, allocators=True) for how, what in (
        ("wild", "an address freed that is none"),
        ("realloc_none", "the same reallocated"),
        ("unmapped", "memory freed that was given back"),
        ("forbidden", "memory freed that cannot be read"),
        ("last", "the last address there is freed"))),
    Fault("I6", "four million events in a small dump", ("churn_without_loss",), timeout=60,
          recorded=BEGUN),
    Fault("I7", "a program of 32 bits", script=OTHER_MACHINE % "gcc -m32",
          needs=("/usr/lib32/libc.so.6",), recorded=UNTRACED, rival=False,
          allocators=False),
    Fault("I7", "a program on musl", script=OTHER_MACHINE % "musl-gcc", needs=("musl-gcc",),
          recorded=UNTRACED, rival=False, allocators=False),
    Fault("I9", "libfakeroot in front", ("steady_events", "50000"),
          preload=(FAKEROOT, "mftrace"), needs=(FAKEROOT,)),
    Fault("I9", "libfakeroot behind", ("steady_events", "50000"),
          preload=("mftrace", FAKEROOT), needs=(FAKEROOT,)),
    Fault("I9", "libeatmydata in front", ("steady_events", "50000"),
          preload=(EATMYDATA, "mftrace"), needs=(EATMYDATA,)),
    Fault("I9", "stdbuf's library behind", ("privileges",), preload=("mftrace", STDBUF),
          env={"_STDBUF_O": "0"}, needs=(STDBUF,)),
    Fault("I10", "sizes that nobody has", ("edge_cases",), limits={
          resource.RLIMIT_AS: 400 * MIB}, allocators=False),
    Fault("I10", "as little address space as possible", ("steady_events", "20000"),
          check=runs_in_as_little, allocators=False, rival=False),
]
