# SPDX-License-Identifier: MIT
"""B: thread-local storage, and threads that come and go."""

from fault import BEGUN, NAMED, UNTRACED, Fault

STATIC = tuple(f"{{faults}}/storage_static_{number}.so" for number in range(40))


def threads_as_natively(traced, native):
    assert b"threads 1\n" in native.stdout, "the program does not count its threads"
    assert b"threads 1\n" in traced.stdout, "a thread was added"


FAULTS = [
    Fault("B1", "storage that the loader makes on use",
          ("thread_storage", "{faults}/storage_dynamic.so")),
    Fault("B1", "our own storage: never made on use", rival=False, allocators=False,
          script="readelf -rW {library} | grep -cE 'DTPMOD|DTPOFF|TLSDESC'; "
                 "set -- $(readelf -lW {library} | grep -w TLS); echo $(($6 <= 64))",
          needs=("readelf",), recorded=UNTRACED,
          check=lambda traced, native: expect_storage(traced)),
    Fault("B2", "40 libraries with static storage", ("thread_storage", *STATIC)),
    Fault("B3", "40 keys whose destructors allocate", ("free_in_key_destructor",)),
    Fault("B3", "C++ thread_local destructors", ("thread_local_destructor",)),
    Fault("B3", "50,000 short threads", ("thread_churn", "50000"),
          short=("thread_churn", "4000")),
    Fault("B4", "loaded by dlopen, closed, 30 times", ("loads_recorder", "{library}"),
          preload=(), recorded=NAMED, rival=False, ignore=("*.mft",)),
    Fault("B4", "the same while it is preloaded", ("loads_recorder", "{library}"),
          recorded=BEGUN, rival=False, ignore=("*.mft",)),
    Fault("B5", "no thread is added", ("unchanged_process",), recorded=BEGUN,
          mask=r"(?m)^environment (LD_PRELOAD|MFTRACE_OPTIONS)=.*\n",
          check=threads_as_natively),
    Fault("B5", "a server that takes signals by sigwait", ("sigwait_server",)),
]


def expect_storage(traced):
    assert traced.stdout == b"0\n1\n", "storage is dynamic, or too large"
