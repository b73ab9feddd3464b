# SPDX-License-Identifier: MIT
"""G: stacks that are hard to walk, the loader's lock, and system calls that are refused."""

import resource

from fault import BEGUN, COUNTED, EXACT, Fault

MIB = 1 << 20
NODE = """
const words = [];
for (let i = 0; i < 30000; i++) words.push(`word ${i * 7919 % 10007}`);
const sorted = JSON.parse(JSON.stringify(words)).sort();
console.log(sorted.length, sorted[5]);
"""
LUA = """
local t = {}
for i = 1, 300000 do t[i % 1000] = { i, tostring(i) } end
local s = 0
for i = 0, 999 do s = s + t[i][1] + #t[i][2] end
print(s)
"""


def no_stack_differs(traced, native):
    """Every stack was taken with libunwind as well."""
    del native
    checked = sum(process["recording"]["stacks_checked"] for process in traced.processes)
    differ = sum(process["recording"]["stack_differences"] for process in traced.processes)
    assert checked > 500, f"{checked} stacks compared"
    assert differ == 0, f"{differ} of {checked} stacks differ"


def cut_stacks_are_marked(traced, native):
    """What ends in code that nobody knows is called cut, and nothing else is."""
    del native
    (process,) = traced.processes
    marked = sum(site["allocations"] for site in process["sites"] if site["truncated"])
    assert marked == process["recording"]["unwind"]["truncated"]
    for site in process.sites_of("below_made_code"):
        names = [frame["function"] for frame in site["frames"]]
        assert site["truncated"] or "main" in names, names


def stopped_by_filter(traced, native):
    """What was laid in was used up; the rest is counted."""
    del native
    (process,) = traced.processes
    assert process["recording"]["stop_reason"] == "filter", process["recording"]
    assert process["recording"]["lost_events"] > 500000, process["recording"]


def confined(how, action, what, **members):
    words = ("confined", how, action)
    return Fault("G5", what, (*words, "200000"), short=(*words, "20000"), **members)


FAULTS = [
    Fault("G1", "dlopen, dlclose, throw, allocate at once",
          ("loader_torture", "4", "{programs}/plugin_a.so", "{faults}/joining_plugin.so"),
          short=("loader_torture", "1", "{programs}/plugin_a.so",
                 "{faults}/joining_plugin.so"), timeout=60),
    Fault("G1", "libraries come and go beside threads",
          ("dlopen_storm", "{programs}/plugin_a.so")),
    Fault("G2", "all stacks compared with libunwind's", ("stack_shapes_without_fp", "1000"),
          short=("stack_shapes_without_fp", "150"),
          options="verify=1", check=no_stack_differs, allocators=False, rival=False),
    Fault("G3", "code without tables", ("stack_guessed_without_fp", "1000")),
    Fault("G3", "assembly with odd tables", ("stack_odd_frames_without_fp", "500")),
    Fault("G3", "a just-in-time compiler: node", ("node", "-e", NODE), needs=("node",),
          recorded=BEGUN, timeout=60, allocators=False),
    Fault("G3", "a just-in-time compiler: luajit", ("luajit", "-e", LUA), needs=("luajit",),
          recorded=BEGUN, timeout=60),
    Fault("G4", "exceptions thrown through it", ("stack_exceptions_without_fp", "1000")),
    Fault("G4", "longjmp and swapcontext", ("stack_shapes_with_fp", "1000"),
          short=("stack_shapes_with_fp", "150")),
    Fault("G4", "threads cancelled in deep calls", ("cancelled_threads",), timeout=60),
    Fault("G4", "operator new fails, then does not", ("new_handler",), allocators=False),
    # mimalloc gives memory back after a while, and is killed for that natively, too.
    confined("prctl", "kill", "a filter that kills, by prctl", allocators=False),
    confined("syscall", "trap", "a filter that traps, by seccomp", allocators=False),
    confined("prctl", "errno", "a filter that refuses"),
    confined("threads", "kill", "a filter for all threads (TSYNC)", allocators=False),
    confined("vfork", "kill", "a filter in a vfork child"),
    confined("strict", "kill", "strict seccomp", allocators=False),
    Fault("G5", "a filter, then 12 million events",
          ("confined", "prctl", "kill", "6000000"),
          short=("confined", "prctl", "kill", "4600000"), recorded=COUNTED, timeout=60,
          check=stopped_by_filter, allocators=False),
    Fault("G6", "a recursion one million deep", ("deep_recursion", "1000000"),
          short=("deep_recursion", "100000"), limits={resource.RLIMIT_STACK: 1024 * MIB},
          timeout=60, recorded=EXACT),
    Fault("G6", "frame pointers that lead anywhere", ("smashed_frames",),
          check=cut_stacks_are_marked),
]
