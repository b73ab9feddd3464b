# SPDX-License-Identifier: MIT
"""Judges an attempt by the native one: did the program notice, and is all of it recorded?

A verdict is a short text for the table; the empty one says that everything holds.
"""

import re
import signal

from fault import BEGUN, COUNTED, EXACT, NAMED, UNTRACED


def name_status(status):
    """An exit status as people say it."""
    if status < 0:
        return f"died of {signal.Signals(-status).name}"
    return f"exit status {status}"


def masked(content, fault):
    if fault.may_say:
        content = re.sub(rb"(?m)^mftrace: .*\n", b"", content)
    if fault.mask:
        content = re.sub(fault.mask.encode(), b"", content)
    return content


def judge_behaviour(fault, attempt, native):
    """What a user of the program would notice."""
    if attempt.hung:
        return "hung"
    if attempt.status != native.status:
        return name_status(attempt.status)
    if masked(attempt.stdout, fault) != masked(native.stdout, fault):
        return "stdout differs"
    if masked(attempt.stderr, fault) != masked(native.stderr, fault):
        return "stderr differs"
    if attempt.files != native.files:
        return "files differ"
    for name in ("bad", "wrong", "corrupt"):
        if any(truth.get(name) for truth in attempt.truths):
            return f"program counts {name}"
    if len(attempt.truths) != len(native.truths):
        return "truths missing"
    return ""


def expected_events(truth):
    """The events that a truth stands for: each allocation and each release of its sites,
    and its calls of mmap and the like."""
    return truth.get("mapping_calls", 0) + sum(
        2 * site["allocations"] - site["live_blocks"] for site in truth["sites"].values())


def processes_of(truth, processes):
    """The recordings that a truth can be about: its pid's, or whoever has its sites."""
    if "pid" in truth:
        return [p for p in processes if p["pid"] == truth["pid"]]
    if len(processes) == 1:
        return processes
    return [p for p in processes if has_site(p, truth)]


def has_site(process, truth):
    return any(process.sites_of(function) for function in truth["sites"])


def judge_exact(truth, process):
    recording = process["recording"]
    if recording["lost_events"]:
        return f"{recording['lost_events']} events lost"
    if recording["truncated"]:
        return "dump cut"
    for function, counts in truth["sites"].items():
        for member, value in counts.items():
            if not isinstance(value, int):
                continue
            found = process.sum_of(function, member)
            if found != value:
                return f"{member} {found}/{value}"
    return ""


def judge_counted(truth, process, around):
    """Recorded or counted as lost, but for what any process's start and end may add."""
    recording = process["recording"]
    found = recording["events"] + recording["lost_events"]
    expected = expected_events(truth)
    if not expected <= found <= expected + around:
        return f"{found} of {expected} events"
    return ""


def judge_truth(fault, truth, process, around):
    if fault.recorded == COUNTED:
        return judge_counted(truth, process, around + fault.besides)
    return judge_exact(truth, process)


def judge_records(fault, attempt, around):
    """What the reports say against what the programs know."""
    processes = attempt.processes
    if fault.recorded == UNTRACED:
        events = sum(process["recording"]["events"] for process in processes)
        return f"{events} events, of none" if events else ""
    if not processes:
        return "nothing recorded"
    for process in processes:
        if process["recording"]["double_allocations"] and not fault.may_double:
            return "double allocations"
        if fault.recorded != COUNTED and process["recording"]["lost_events"]:
            return f"{process['recording']['lost_events']} events lost"
    if fault.processes is not None and len(processes) != fault.processes:
        return f"{len(processes)}/{fault.processes} processes"
    if fault.recorded in (EXACT, COUNTED) and not attempt.truths:
        return "no truth told"
    if fault.recorded == NAMED:
        return ""
    claimed = []
    for truth in attempt.truths if fault.recorded != BEGUN else ():
        found = [p for p in processes_of(truth, processes) if p not in claimed]
        if not found:
            return f"pid {truth.get('pid', '')} is missing"
        # The images of a pid that called exec: each truth has one of its own.
        verdicts = [judge_truth(fault, truth, process, around) for process in found]
        if all(verdicts):
            return verdicts[0]
        claimed.append(found[verdicts.index("")])
    if fault.recorded == BEGUN and not any(p["recording"]["events"] for p in processes):
        return "no events"
    return ""


def judge(fault, attempt, native, around):
    """The verdict on a traced attempt. around: the events of a process doing nothing."""
    verdict = judge_behaviour(fault, attempt, native)
    if verdict:
        return verdict
    try:
        verdict = judge_records(fault, attempt, around)
        if not verdict and fault.check:
            fault.check(attempt, native)
    except AssertionError as failure:
        text = str(failure).strip().splitlines()
        return text[0] if text else "check failed"
    return verdict
