# SPDX-License-Identifier: MIT
"""What mftrace promises of its cost, and whether a session's figures keep it.

Each target gives a Verdict: the promise, the figure, and met: True, False, or None where the
session did not measure it.
"""
from dataclasses import dataclass

from figures import cpu_ns, geometric_mean, rss_bytes, wall_ns

PROGRAMS = ("sqlite3", "python3", "cc1plus", "perl")
RECORDED = (*PROGRAMS, "redis")
MIB = 1 << 20


@dataclass
class Verdict:
    target: str
    figure: str
    met: bool | None


def not_measured(target):
    return Verdict(target, "not measured", None)


def share(figures, workload, what, other):
    """What mftrace adds, as a share of what another tool adds."""
    ours = figures.added(workload, "mftrace", what)
    theirs = figures.added(workload, other, what)
    if ours is None or theirs is None or theirs <= 0:
        return None
    # Nothing added, or less than can be seen, is no negative share.
    return max(ours, 0) / theirs


def listed(values, digits):
    """Named values in one line, also those that are not measured (None)."""
    texts = {name: "not measured" if value is None else f"{value:.{digits}f}"
             for name, value in values.items()}
    return ", ".join(f"{name}: {text}" for name, text in texts.items())


def on_each(target, values, limit, digits):
    """A verdict over several values by name, each of which has to keep the limit. Where
    some are not measured (None), the others are shown; one beyond the limit is enough."""
    known = [value for value in values.values() if value is not None]
    if not known:
        return not_measured(target)
    if any(value > limit for value in known):
        met = False
    else:
        met = True if len(known) == len(values) else None
    return Verdict(target, listed(values, digits), met)


def all_shares(figures, target, workloads, what, other, limit):
    """One verdict over several workloads, each of which has to keep the limit."""
    shares = {figures.workloads[w].title: share(figures, w, what, other) for w in workloads}
    return on_each(target, shares, limit, 3)


def growth(figures, tool):
    """Two threads' time for a step of each, by one thread's."""
    one, two = (figures.value(f"threads-{n}", tool, wall_ns) for n in (1, 2))
    # wall_ns is by step of all threads; each of two does half of them.
    return 2 * two / one if one and two else None


def threads(figures):
    target = ("2 threads, 100,000 live blocks: added CPU an event at most 1/8 (0.125) of "
              "heaptrack's, direct")
    yield all_shares(figures, target, ["threads-2"], cpu_ns, "heaptrack-direct", 1 / 8)
    target = "2 threads' time by 1 thread's, at most 1.15 times plain's"
    ours, plain = growth(figures, "mftrace"), growth(figures, "plain")
    if ours is None or plain is None:
        yield not_measured(target)
        return
    figure = f"{ours:.2f} against {plain:.2f}: {ours / plain:.2f} times"
    yield Verdict(target, figure, ours / plain <= 1.15)


def flight_recorder(figures):
    target = "flight recorder (ring=64M): adds at most 1.5 times what a full recording adds"
    times = {w.title: ring_times(figures, w.name, "mftrace-ring-64M")
             for w in figures.workloads.values() if w.ring}
    return on_each(target, times, 1.5, 2)


def ring_times(figures, workload, ring):
    """What a ring adds to the time, by what a full recording of the same adds."""
    full, own = (figures.added(workload, tool, wall_ns) for tool in ("mftrace", ring))
    return max(own, 0) / full if own is not None and full and full > 0 else None


def rate(figures, target, workload, limit):
    ratio = figures.ratio(workload, "mftrace")
    if ratio is None:
        return not_measured(target)
    return Verdict(target, f"{1 / ratio:.2f} of plain", 1 / ratio >= limit)


def mean_ratio(figures):
    target = "geometric mean of their wall times at most 1.35 times plain"
    ratios = {w: figures.ratio(w, "mftrace") for w in PROGRAMS}
    known = [ratio for ratio in ratios.values() if ratio is not None]
    if not known:
        return not_measured(target)
    if len(known) < len(ratios):
        return Verdict(target, listed(ratios, 2), None)
    mean = geometric_mean(known)
    return Verdict(target, f"{mean:.2f}", mean <= 1.35)


def dump_size(figures):
    target = "at most 8 bytes an event in the dump, on these programs and redis-server"
    return on_each(target, {w: figures.bytes_per_event(w) for w in RECORDED}, 8, 1)


def memory(figures):
    target = "resident memory added: at most 16 MiB + 10 % of plain's, on every workload"
    worst = None
    for workload in figures.workloads:
        plain = figures.value(workload, "plain", rss_bytes)
        added = figures.added(workload, "mftrace", rss_bytes)
        if plain is None or added is None:
            continue
        excess = added - (16 * MIB + plain / 10)
        if worst is None or excess > worst[0]:
            worst = (excess, workload, added, plain)
    if worst is None:
        return not_measured(target)
    excess, workload, added, plain = worst
    figure = f"worst: {workload}, {added / MIB:.1f} MiB more than {plain / MIB:.1f} MiB"
    return Verdict(target, figure, excess <= 0)


def reading(figures):
    read = [entry for entry in figures.results.lengths
            if entry["tool"] == "mftrace" and entry.get("reading")]
    target = "analyzer: at least 20 M events/s, on the longest trace with a small live set"
    if not read:
        yield not_measured(target)
    else:
        longest = max(read, key=lambda entry: entry["events"])
        million = longest["events"] / longest["reading"]["wall_s"] / 1e6
        figure = f"{million:.1f} M events/s ({longest['events'] / 1e6:.0f} M events)"
        yield Verdict(target, figure, million >= 20)
    target = "analyzer: 100 M events in under 10 s and 300 MB"
    # The threads' own blocks make it some events more or fewer.
    hundred = [entry for entry in read if entry["events"] > 99e6]
    if not hundred:
        yield not_measured(target)
        return
    cost = hundred[0]["reading"]
    figure = f"{cost['wall_s']:.1f} s, {cost['rss_bytes'] / 1e6:.0f} MB"
    yield Verdict(target, figure, cost["wall_s"] < 10 and cost["rss_bytes"] < 300e6)


def completeness(figures):
    recordings = figures.results.recordings.values()
    lost = sum(recording["lost_events"] for recording in recordings)
    if recordings:
        figure = f"{lost:,} in {len(recordings)} workloads, all rounds"
        yield Verdict("no event lost", figure, lost == 0)
    else:
        yield not_measured("no event lost")
    target = "stacks that differ from libunwind's: at most 0.01 %"
    verified = figures.results.verified.values()
    checked = sum(v["checked"] for v in verified)
    if not checked:
        yield not_measured(target)
        return
    different = sum(v["different"] for v in verified)
    figure = f"{different:,} of {checked:,} ({100 * different / checked:.4f} %)"
    yield Verdict(target, figure, different / checked <= 0.0001)


def verdicts(figures):
    """Every target's Verdict, in the order of the table."""
    found = [
        all_shares(figures, "malloc+free, stable stack: adds at most 1/10 (0.100) of what "
                   "heaptrack adds, direct", ["pair-8", "pair-43"], wall_ns,
                   "heaptrack-direct", 1 / 10),
        all_shares(figures, "the same, 2 to 4 innermost frames changing each time: at most 1/5 "
                   "(0.200)", [f"pair-{d}-vary{v}" for d in (8, 20) for v in (2, 4)], wall_ns,
                   "heaptrack-direct", 1 / 5),
        *threads(figures),
        rate(figures, "server churn, 2 threads: at least 0.50 of plain's operations/s", "churn",
             0.5),
        all_shares(figures, "real programs: added wall time at most 1/6 (0.167) of heaptrack's as "
                   "people run it, on each", PROGRAMS, wall_ns, "heaptrack", 1 / 6),
        mean_ratio(figures),
        rate(figures, "redis-server under redis-benchmark SET: at least 0.88 of plain", "redis",
             0.88),
        dump_size(figures),
        memory(figures),
        flight_recorder(figures),
        *reading(figures),
        *completeness(figures),
    ]
    return found
