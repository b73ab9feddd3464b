# SPDX-License-Identifier: MIT
"""H: libraries that come and go, and files that hold names."""

from pathlib import Path

import recording
from fault import BEGUN, Fault

# A file that names itself as the file with its debugging information, and two that name
# each other.
LINK_LOOPS = r"""
cp {programs}/steady_events {dumps}/itself && cp {programs}/steady_events {dumps}/one &&
cp {programs}/steady_events {dumps}/two && strip -g {dumps}/one {dumps}/two &&
(cd {dumps} && objcopy --add-gnu-debuglink=itself itself &&
 objcopy --add-gnu-debuglink=two one && objcopy --add-gnu-debuglink=one two) || exit 90
mkdir {dumps}/.debug && ln -s ../one {dumps}/.debug/two && ln -s ../two {dumps}/.debug/one
$RUN {dumps}/itself 20000; [ $? = 5 ] || exit 1
$RUN {dumps}/one 20000
"""
UNREACHABLE = "http://127.0.0.1:9"  # the discard service, which nobody runs


def names_are_right(traced, native):
    """Frames of each plugin belong to its file."""
    del native
    (process,) = traced.processes
    for letter in ("a", "b"):
        function = f"plugin_{letter}_allocate"
        modules = {
            Path(frame["module"]).name
            for site in process.sites_of(function)
            for frame in site["frames"]
            if recording.base_name(frame["function"]) == function
        }
        assert modules == {f"plugin_{letter}.so"}, modules
    assert traced.truths[0]["reused"] > 1000, traced.truths


def said_unseen(traced, native):
    del native
    (process,) = traced.processes
    assert any("namespace of its own" in notice for notice in process["notices"])


def foreign_frees_counted(traced, native):
    """What the library allocated past the recorder and the program freed; what it freed
    there: blocks whose address comes again, or that seem to live. It is said."""
    del native
    (process,) = traced.processes
    (truth,) = traced.truths
    unmatched = process["recording"]["unmatched_frees"]
    rounds = truth["rounds"]
    # Some of its blocks lie where one of the program's seems to live.
    assert rounds * 0.95 <= unmatched <= rounds + 8, f"{unmatched} foreign frees"
    doubled = process["recording"]["double_allocations"]
    seeming = process.sum_of("from_outside", "live_blocks")
    assert abs(doubled + seeming - unmatched) <= 8, f"{doubled} + {seeming} blocks"
    assert any("RTLD_DEEPBIND" in notice for notice in process["notices"]), "no notice"


def answers_offline(traced, native):
    """Reports come without a network, also where somebody has set a server that is gone."""
    del native
    for servers in (None, UNREACHABLE):
        env = recording.environment({"DEBUGINFOD_URLS": servers} if servers else {})
        command = ["unshare", "-n", recording.MFTRACE, "report", traced.dumps]
        result = recording.run_process(command, env, timeout=20)
        assert result.returncode == 0, result.stderr.decode()
        assert b"steadily" in result.stdout


def plugin(how, what, **members):
    return Fault("H2", what, ("loads_plugins", how, "{faults}/odd_plugin.so", "1000"),
                 **members)


FAULTS = [
    Fault("H1", "one library where another was, 4,000 x",
          ("dlclose_reuse", "{programs}/plugin_a.so", "{programs}/plugin_b.so", "1000"),
          check=names_are_right),
    plugin("local", "$ORIGIN and RTLD_NEXT in a plugin"),
    plugin("namespace", "a plugin in a namespace of its own", check=said_unseen),
    plugin("deepbind", "a plugin bound past the recorder", recorded=BEGUN,
           may_double=True, check=foreign_frees_counted, allocators=False),
    Fault("H3", "no network", ("steady_events", "20000"), needs=("root",),
          allocators=False, rival=False, check=answers_offline),
    Fault("H3", "files of debug information in a ring", script=LINK_LOOPS,
          needs=("objcopy",), allocators=False, rival=False, recorded=BEGUN, processes=2),
]
