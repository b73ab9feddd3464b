# SPDX-License-Identifier: MIT
"""J: planted names, raised privileges, and bytes that control terminals."""

import json
import os
import re

import recording
from fault import EXACT, UNTRACED, Fault

PLANTED = 60
KINDS = 4


def plant(work):
    """Files, links, pipes and directories under the names that a dump would take first."""
    victim = work / "victim"
    victim.write_bytes(b"not to be touched")
    for number in range(PLANTED):
        path = work / (f"taken.mft.{number}" if number else "taken.mft")
        if number % KINDS == 0:
            path.symlink_to(victim)
        elif number % KINDS == 1:
            os.mkfifo(path)
        elif number % KINDS == 2:
            path.hardlink_to(victim)
        else:
            path.mkdir()


def plant_all(work):
    """All ten thousand."""
    victim = work / "victim"
    victim.write_bytes(b"not to be touched")
    for number in range(10000):
        (work / (f"taken.mft.{number}" if number else "taken.mft")).symlink_to(victim)


def recorded_beside(traced, native):
    """Under the first free name, for its owner alone."""
    del native
    dump = traced.work / f"taken.mft.{PLANTED}"
    assert oct(dump.stat().st_mode) == "0o100600", oct(dump.stat().st_mode)
    (process,) = recording.read_report(dump, validate=False)["processes"]
    assert recording.Process(process).sum_of("steadily", "allocations") == 20000


# The library has to lie in a directory that the loader trusts, setuid itself, or it would
# not even be loaded: all of that is made in a mount namespace.
SET_USER = r"""
unshare -m bash -c '
lib=/usr/lib/$(gcc -print-multiarch)
mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/bin && chmod 755 /mnt &&
mount -t overlay overlay -o "lowerdir=$lib,upperdir=/mnt/upper,workdir=/mnt/work" "$lib" &&
cp {programs}/steady_events /mnt/bin/program || exit 90
recorder=$(sed -n "s/.*LD_PRELOAD=\([^ :]*libmftrace.so\).*/\1/p" <<<"$RUN")
if [ "$recorder" ]; then
	install -m 4755 "$recorder" "$lib/libmftrace_trusted.so" &&
	RUN="env LD_PRELOAD=libmftrace_trusted.so MFTRACE_OPTIONS=output={work}/%%p.mft:help=1"
fi
%s
chmod 777 {work} && cd {work} &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups $RUN /mnt/bin/program 1000'
"""
SETUID = SET_USER % "chmod 4755 /mnt/bin/program"
CAPABILITY = SET_USER % "setcap cap_net_raw+ep /mnt/bin/program"

UNPRIVILEGED = r"""
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all $RUN \
	{faults}/privileges
"""

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x7f\u202e\u009b31m<script>alert(1)<b>\n&b"
HOSTILE_NAMES = r"""
cp {faults}/privileges {dumps}/"$1" && cp {programs}/plugin_a.so {dumps}/"$1".so ||
	exit 90
$RUN {dumps}/"$1" "$2"
"""
ALLOWED_CONTROL = {"\n", "\t"}


def nothing_controls(traced, native):
    """No command writes a control character that came from a name."""
    del native
    (dump,) = list(traced.dumps.glob("*.mft"))
    for words in (["report"], ["peak"], ["leaks"], ["frag"], ["info"], ["dump"],
                  ["report", "--json"]):
        result = recording.mftrace(*words, dump)
        assert result.returncode == 0, (words, result.stderr)
        for channel in (result.stdout, result.stderr):
            text = channel.decode()  # fails on what is no UTF-8
            control = {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160}
            control |= set(re.findall("[\u202a-\u202e\u2066-\u2069]", text))
            if "--json" in words:
                # For programs: a string is what the name is, as far as JSON lets it.
                json.loads(text or "null")
                control = {c for c in control if ord(c) < 32}
            assert control <= ALLOWED_CONTROL, (words, control)


def said_inert(traced, native):
    """The library was there, and said why it did nothing."""
    del native
    assert b"raised privileges" in traced.stderr, traced.stderr


FAULTS = [
    Fault("J1", "60 names planted: links, pipes, ...", ("steady_events", "20000"),
          output="{work}/taken.mft", prepare=plant, recorded=UNTRACED,
          ignore=(f"taken.mft.{PLANTED}",), allocators=False, rival=False,
          check=recorded_beside),
    Fault("J1", "all 10,000 names planted", ("steady_events", "20000"),
          output="{work}/taken.mft", prepare=plant_all, recorded=UNTRACED, may_say=True,
          allocators=False, rival=False),
    Fault("J2", "a setuid program", script=SETUID, needs=("root",), recorded=UNTRACED,
          may_say=True, check=said_inert, allocators=False, rival=False),
    Fault("J2", "a program with file capabilities", script=CAPABILITY,
          needs=("root", "setcap"), recorded=UNTRACED, may_say=True, allocators=False,
          rival=False, check=said_inert),
    Fault("J3", "what the process may do", ("privileges",)),
    Fault("J3", "the same without privileges", script=UNPRIVILEGED, needs=("root",),
          recorded=EXACT),
    Fault("J6", "names with control characters", script=HOSTILE_NAMES.replace(
          "$1", HOSTILE.replace("\n", "")).replace("$2", HOSTILE), allocators=False,
          rival=False, check=nothing_controls),
]
