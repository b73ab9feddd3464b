# SPDX-License-Identifier: MIT
"""A: start-up, and how the real functions are found."""

from fault import BEGUN, NAMED, UNTRACED, Fault

EARLY = "{faults}/early_calloc.so"
COUNTING = "{faults}/counting_interposer.so"
ASAN = "{faults}/with_asan"
# The two variables that tracing itself needs.
OURS = r"(?m)^(environment )?(LD_PRELOAD|MFTRACE_OPTIONS|RUN|_)=.*\n"


def names_the_malloc(part):
    """A check: the reports say whose malloc it is that hides the program's."""

    def check(traced, native):
        del native
        said = []
        for process in traced.processes:
            said += [str(process["allocator"]), *process["notices"]]
        assert any(part in text for text in said), "not told whose malloc it is"

    return check


def sees_every_call(traced, native):
    """The calls that reach the next in the row are the same as natively."""
    assert b"malloc " in native.stdout, "the interposer did not count"
    del traced  # its output has been compared


FAULTS = [
    Fault("A1", "1 MB callocs, failing dlsym, before us", ("early_start",),
          preload=(EARLY, "mftrace")),
    Fault("A1", "the same constructor, loaded behind us", ("early_start",),
          preload=("mftrace", EARLY)),
    Fault("A2", "malloc in ifunc resolver, constructors", ("early_resolver",),
          allocators=False),
    Fault("A2", "a library's constructors and destructors",
          ("constructor_and_destructor",)),
    Fault("A2", "ifunc resolver while a name is bound", ("lazy_binding",)),
    Fault("A2", "LD_AUDIT library that allocates", ("steady_events", "20000"),
          env={"LD_AUDIT": "{faults}/audit.so"}, allocators=False),
    Fault("A3", "another interposer behind us", ("steady_events", "20000"),
          preload=("mftrace", COUNTING), check=sees_every_call),
    Fault("A3", "another interposer before us", ("steady_events", "20000"),
          preload=(COUNTING, "mftrace"), check=sees_every_call),
    Fault("A3", "jemalloc before us", ("steady_events", "20000"), recorded=NAMED,
          preload=("libjemalloc.so.2", "mftrace"), allocators=False,
          needs=("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",),
          check=names_the_malloc("libjemalloc")),
    Fault("A3", "tcmalloc before us", ("steady_events", "20000"), recorded=NAMED,
          preload=("libtcmalloc_minimal.so.4", "mftrace"), allocators=False,
          needs=("/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",),
          check=names_the_malloc("libtcmalloc")),
    Fault("A3", "mimalloc before us", ("steady_events", "20000"), recorded=NAMED,
          preload=("libmimalloc.so.2", "mftrace"), allocators=False,
          needs=("/usr/lib/x86_64-linux-gnu/libmimalloc.so.2",),
          check=names_the_malloc("libmimalloc")),
    Fault("A3", "jemalloc behind us, mimalloc last", ("every_operator",),
          preload=("mftrace", "libjemalloc.so.2"),
          needs=("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",)),
    Fault("A3", "redis-server, linked to jemalloc",
          script="$RUN redis-server --port 0 --unixsocket {work}/s --save '' "
                 "--daemonize no --logfile /dev/null & for i in $(seq 500); do "
                 "[ -S {work}/s ] && break; sleep 0.02; done; "
                 "redis-cli -s {work}/s eval 'for i=1,2000 do redis.call(\"set\",i,i) end "
                 "return redis.call(\"dbsize\")' 0; redis-cli -s {work}/s shutdown nosave; "
                 "wait $!",
          needs=("redis-server", "redis-cli"), recorded=BEGUN, allocators=False),
    Fault("A4", "program with a malloc of its own", ("own_malloc",), recorded=NAMED,
          check=names_the_malloc("own_malloc")),
    Fault("A4", "statically linked program", ("static_program",), recorded=UNTRACED),
    Fault("A4", "mftrace run says why: static", recorded=UNTRACED, rival=False,
          script="{mftrace} run -o x.mft -- {programs}/static_program 2>&1 | "
                 "grep -c 'statically linked'; echo ${PIPESTATUS[0]}",
          allocators=False, check=lambda traced, native: expect_output(traced, b"1\n2\n")),
    Fault("A4", "busybox, static", ("busybox", "sh", "-c", "echo 1; seq 3"),
          needs=("busybox",), recorded=UNTRACED),
    Fault("A5", "program with ASan, its runtime first", ("with_asan", "2000"),
          preload=("libasan.so.8", "mftrace"), recorded=NAMED, allocators=False,
          env={"ASAN_OPTIONS": "detect_leaks=0"},
          check=names_the_malloc("libasan")),
    Fault("A5", "mftrace run says why: ASan", recorded=UNTRACED, rival=False,
          script="{mftrace} run -o x.mft -- " + ASAN + " 10 2>&1 | "
                 "grep -ci sanitizer; echo ${PIPESTATUS[0]}",
          allocators=False, check=lambda traced, native: expect_output(traced, b"1\n2\n")),
    Fault("A6", "no symbol newer than glibc 2.34", rival=False,
          script="objdump -T {library} | grep -v ' w ' | grep -o 'GLIBC_[0-9.]*' | "
                 "sort -uV | tail -n 1",
          needs=("objdump",), recorded=UNTRACED, allocators=False,
          check=lambda traced, native: expect_floor(traced)),
    Fault("A7", "setenv in a loop beside allocations", ("setenv_race",), mask=OURS,
          processes=None),
    Fault("A7", "the environment as a child finds it", recorded=BEGUN, mask=OURS,
          script="$RUN sh -c 'env | sort'", env={"LD_PRELOAD_OF_THE_USER": "kept"}),
    Fault("A7", "environment, signals, threads, limits", ("unchanged_process", "a", "b"),
          mask=OURS, recorded=BEGUN),
    *(Fault("A8", f"caller optimised: {way}", (f"optimised_{way}",),
            allocators=way in ("o2", "lto"))
      for way in ("o0", "o1", "o2", "o3", "lto")),
    *(Fault("A8", f"recorder optimised: o{level}", ("every_operator",), rival=False,
            library=f"{{faults}}/libmftrace_o{level}.so")
      for level in "013"),
    Fault("A8", "stacks without frame pointers", ("stack_shapes_without_fp", "400"),
          short=("stack_shapes_without_fp", "120")),
]


def expect_output(traced, output):
    assert traced.stdout == output, traced.stdout.decode()


def expect_floor(traced):
    newest = traced.stdout.decode().strip().removeprefix("GLIBC_")
    assert tuple(map(int, newest.split("."))) <= (2, 34), f"needs glibc {newest}"
