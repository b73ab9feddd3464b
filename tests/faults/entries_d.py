# SPDX-License-Identifier: MIT
"""D: descriptors, files, disks and limits."""

import os
import random
import re
import resource
import signal
import struct
import subprocess
import time

import recording
from fault import BEGUN, COUNTED, UNTRACED, Fault

MIB = 1 << 20
# Dumps that are spoilt while they are read, and by whom.
READINGS = 48
VERBS = (["report"], ["report", "--json"], ["dump"], ["info"], ["frag"], ["leaks"],
         ["export", "--format", "folded"])

# Each is run in a mount namespace of its own, so that nothing stays mounted.
FULL_TMPFS = r"""
unshare -m bash -c 'mount -t tmpfs -o size=600k tmpfs {dumps} || exit 90
	$RUN {programs}/steady_events 300000; status=$?
	cp {dumps}/* {work}/ 2>/dev/null; umount {dumps}
	mv {work}/*.mft {dumps}/ 2>/dev/null; exit $status'
"""
FULL_EXT4 = r"""
unshare -m bash -c 'truncate -s 1400k {work}/image && mkfs.ext4 -q -O ^has_journal \
	{work}/image && mount -o loop {work}/image {dumps} || exit 90
	$RUN {programs}/steady_events 300000; status=$?
	cp {dumps}/*.mft {work}/ 2>/dev/null; umount {dumps}; rm {work}/image
	mv {work}/*.mft {dumps}/ 2>/dev/null; exit $status'
"""
BTRFS = r"""
unshare -m bash -c 'truncate -s 120M {work}/image && mkfs.btrfs -q {work}/image &&
	mount -o loop {work}/image {dumps} && %s || exit 90
	chmod 777 {dumps}/part; $RUN {programs}/steady_events 900000; status=$?
	cp {dumps}/part/* {work}/ 2>/dev/null; umount {dumps}; rm {work}/image
	mv {work}/*.mft {dumps}/ 2>/dev/null; exit $status'
"""
# A part of it that may not grow, and one with a megabyte left.
BTRFS_QUOTA = BTRFS % """btrfs quota enable {dumps} &&
	btrfs -q subvolume create {dumps}/part && btrfs qgroup limit 2M {dumps}/part"""
BTRFS_FULL = BTRFS % """mkdir {dumps}/part && {
	dd if=/dev/zero of={dumps}/rest bs=64k 2>/dev/null; sync
	truncate -s -1M {dumps}/rest && sync; }"""
EXT4_QUOTA = r"""
unshare -m bash -c 'truncate -s 8M {work}/image && mkfs.ext4 -q -O quota,^has_journal \
	-E quotatype=usrquota {work}/image && mount -o loop,usrquota {work}/image {dumps} &&
	setquota -u 65534 0 600 0 0 {dumps} && chmod 777 {dumps} {work} || exit 90
	setpriv --reuid=65534 --regid=65534 --clear-groups $RUN \
		{programs}/steady_events 300000; status=$?
	cp {dumps}/*.mft {work}/ 2>/dev/null; umount {dumps}; rm {work}/image
	mv {work}/*.mft {dumps}/ 2>/dev/null; exit $status'
"""
# By the kernel's older interface, or the newer one.
CGROUP = r"""
parent=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
[ -e $parent/$limit ] || parent=/sys/fs/cgroup limit=memory.max
group=$parent/mftrace.faults.$$
mkdir $group && echo %s >$group/$limit || exit 90
(echo $BASHPID >$group/cgroup.procs && exec $RUN %s) 2>/dev/null
status=$?
for i in $(seq 100); do rmdir $group 2>/dev/null && break; sleep 0.02; done
exit $status
"""
READ_ONLY = r"""
unshare -m bash -c 'mount -t tmpfs -o ro tmpfs {dumps} || exit 90
	$RUN {programs}/steady_events 20000'
"""
NO_PROC = r"""
unshare -m bash -c 'mount -t tmpfs tmpfs /proc || exit 90
	$RUN {programs}/steady_events 100000'
"""
NO_TMP = r"""
TMPDIR=/there/is/none $RUN {programs}/steady_events 100000
"""
GONE = r"""
mkdir gone && cd gone && rmdir ../gone && exec $RUN {programs}/steady_events 20000
"""
UNLOCKED = "setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "
NO_NUMBERS = r"""
ulimit -n {count}; exec $RUN {programs}/steady_events 100000
"""


def counted_within(limit):
    """A check: the dump is no larger than that, and says what is missing."""

    def check(traced, native):
        del native
        for dump in traced.dumps.glob("*.mft"):
            assert dump.stat().st_size <= limit, f"dump of {dump.stat().st_size} bytes"
        lost = sum(process["recording"]["lost_events"] for process in traced.processes)
        assert lost > 0, "nothing was lost, which proves nothing"

    return check


def told_why(traced, native):
    """One line on standard error, where natively there is none."""
    lines = traced.stderr.splitlines()
    assert lines != native.stderr.splitlines(), "not a word about it"
    assert sum(line.startswith(b"mftrace: ") for line in lines) == 1, "not one line"


def address_space(megabytes):
    return Fault("D5", f"address space of {megabytes} MiB", ("steady_events", "100000"),
                 limits={resource.RLIMIT_AS: megabytes * MIB}, recorded=COUNTED,
                 may_say=True, allocators=False, timeout=60)


def reserve_is_known(traced, native):
    """The snapshot at exit has the pages of the reserve that were touched."""
    del native
    truth = traced.truths[0]
    traced.processes[0].exit_snapshot()
    (dump,) = traced.dumps.glob("*.mft")
    listing = subprocess.run([recording.MFTRACE, "dump", dump], capture_output=True,
                             check=True).stdout.decode()
    resident = sum(int(found[2]) for found in
                   re.finditer(r"0x([0-9a-f]+) +[0-9]+ +([0-9]+) resident", listing)
                   if 0 <= int(found[1], 16) - truth["reserve"] < 8 << 40)
    assert resident >= 4096 * truth["touched"], f"{resident} bytes of the reserve"


def killed_with_all(traced, native):
    """The out-of-memory killer came, and what the program had counted is in the dump."""
    assert native.status == 128 + signal.SIGKILL, f"natively {native.status}"
    allocations, frees = struct.unpack("<QQ", (traced.work / "completed").read_bytes()[:16])
    (process,) = traced.processes
    found = process.sum_of("until_killed", "allocations")
    released = found - process.sum_of("until_killed", "live_blocks")
    assert allocations > 100, f"{allocations} allocations only"
    # The one at hand may have been recorded and not yet counted.
    assert 0 <= found - allocations <= 1, f"allocations {found}/{allocations}"
    assert 0 <= released - frees <= 1, f"releases {released}/{frees}"


def reading_survives(traced, native):
    """A dump that is cut, overwritten or exchanged while it is read: a report or one line
    that says why not, and never a signal."""
    del native
    (whole,) = traced.dumps.glob("*.mft")
    content = whole.read_bytes()
    chance = random.Random(len(content))
    victim = traced.work.parent / "victim.mft"
    for number in range(READINGS):
        victim.write_bytes(content)
        verb = VERBS[number % len(VERBS)]
        with subprocess.Popen([recording.MFTRACE, *verb, victim], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as reader:
            time.sleep(chance.uniform(0, 0.03))
            spoil(victim, content, number, chance)
            said = reader.communicate(timeout=30)[1].decode()
        assert reader.returncode in (0, 2), f"{verb[0]}: status {reader.returncode}"
        assert reader.returncode == 0 or said.startswith("mftrace: "), said


def spoil(path, content, number, chance):
    at = chance.randrange(len(content))
    if number % 3 == 0:
        os.truncate(path, at)
    elif number % 3 == 1:
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(chance.randbytes(100000))
    else:
        other = path.with_suffix(".other")
        other.write_bytes(chance.randbytes(at))
        other.rename(path)


FAULTS = [
    Fault("D1", "closefrom(3), then 12 files of its own", ("closes_descriptors", "{work}")),
    Fault("D1", "every number taken by dup2", ("descriptor_storm",)),
    Fault("D2", "the first descriptor is 3", ("unchanged_process",), recorded=BEGUN,
          mask=r"(?m)^environment (LD_PRELOAD|MFTRACE_OPTIONS)=.*\n",
          check=lambda traced, native: expect_line(traced, b"first descriptor 3")),
    Fault("D2", "subprocess with close_fds, /proc/self/fd",
          ("/usr/bin/python3", "-c", "import os, subprocess\n"
           "for close in True, False:\n"
           "    print(subprocess.run(['ls', '/proc/self/fd'], close_fds=close,\n"
           "          capture_output=True).stdout.replace(b'1000\\n', b''))\n"
           "print(os.open('/dev/null', 0))"), recorded=BEGUN,
          needs=("/usr/bin/python3",)),
    Fault("D2", "three descriptors allowed", rival=False, recorded=BEGUN,
          script=NO_NUMBERS.replace("{count}", "4").replace("exec $RUN", "exec $RUN"),
          may_say=True),
    Fault("D3", "tmpfs of 600 KiB", script=FULL_TMPFS, needs=("root",), recorded=COUNTED,
          check=counted_within(600 << 10)),
    Fault("D3", "ext4 of 1.4 MB on a loop device", script=FULL_EXT4, allocators=False,
          needs=("root", "/dev/loop-control", "mkfs.ext4"), recorded=COUNTED,
          check=counted_within(1400 << 10)),
    Fault("D3", "btrfs, a quota of 2 MB", script=BTRFS_QUOTA, allocators=False,
          output="{dumps}/part/%e.%p.mft",
          needs=("root", "/dev/loop-control", "btrfs"), recorded=COUNTED,
          check=counted_within(2 << 20)),
    Fault("D3", "btrfs, a megabyte left", script=BTRFS_FULL, allocators=False,
          output="{dumps}/part/%e.%p.mft",
          needs=("root", "/dev/loop-control", "btrfs"), recorded=COUNTED,
          check=counted_within(3 << 20)),
    Fault("D3", "ext4, a quota of 600 KiB", script=EXT4_QUOTA, allocators=False,
          needs=("root", "/dev/loop-control", "ext4 quota"), recorded=COUNTED,
          check=counted_within(600 << 10)),
    Fault("D4", "RLIMIT_FSIZE 300,000 bytes", ("steady_events", "500000"),
          limits={resource.RLIMIT_FSIZE: 300000}, recorded=COUNTED,
          check=counted_within(300000)),
    Fault("D4", "RLIMIT_FSIZE of one byte", ("steady_events", "20000"),
          limits={resource.RLIMIT_FSIZE: 1}, recorded=UNTRACED, may_say=True,
          check=told_why),
    Fault("D4", "the program lowers RLIMIT_FSIZE", ("lowered_file_limit",),
          recorded=COUNTED),
    address_space(6), address_space(10), address_space(16), address_space(48),
    Fault("D5", "mlockall, 64 KiB may be locked",
          script=UNLOCKED + "$RUN {faults}/locked_memory 64", needs=("root", "setpriv"),
          recorded=COUNTED, allocators=False, besides=8),
    Fault("D5", "mlockall, 1 MiB may be locked",
          script=UNLOCKED + "$RUN {faults}/locked_memory 1024", needs=("root", "setpriv"),
          recorded=COUNTED, allocators=False, besides=8),
    Fault("D5", "no mapping left (max_map_count)", ("many_maps",), recorded=COUNTED,
          allocators=False),
    Fault("D5", "a memory cgroup smaller than the dump", needs=("root", "memory cgroup"),
          script=CGROUP % ("8M", "{programs}/steady_events 1500000"), allocators=False),
    Fault("D5", "killed for what its cgroup may have", needs=("root", "memory cgroup"),
          script=CGROUP % ("24M", "{faults}/eats_memory {work}/completed"),
          recorded=BEGUN, ignore=("completed",), mask="(?m)^bash: line .* Killed .*$",
          check=killed_with_all),
    Fault("D5", "8 TiB reserved, a few pages of it used", ("reserves_memory",),
          check=reserve_is_known),
    Fault("D6", "chroot into nothing, as nobody",
          script="mkdir -p {work}/jail; $RUN {faults}/enters_chroot {work}/jail",
          needs=("root",)),
    Fault("D6", "a system without /proc", script=NO_PROC, needs=("root",)),
    Fault("D6", "no directory for temporary files", script=NO_TMP),
    Fault("D6", "dumps on a read-only file system", script=READ_ONLY, needs=("root",),
          recorded=UNTRACED, may_say=True, check=told_why),
    Fault("D6", "the directory of dumps is missing", ("steady_events", "20000"),
          output="/there/is/none/%p.mft", recorded=UNTRACED, may_say=True, check=told_why),
    Fault("D6", "the working directory is deleted", script=GONE),
    Fault("D6", "default output, directory deleted", script=GONE, output="mftrace.%p.mft",
          recorded=UNTRACED, may_say=True, check=told_why),
    Fault("D7", "a dump cut and changed while it is read", ("steady_events", "300000"),
          allocators=False, rival=False, check=reading_survives),
    Fault("D8", "reads all memory that it may read", ("reads_memory",)),
    Fault("D8", "a conservative garbage collector (libgc)", ("collects_garbage",),
          needs=("/usr/lib/x86_64-linux-gnu/libgc.so.1",)),
]


def expect_line(traced, line):
    assert line in traced.stdout.splitlines(), f"{line.decode()} is missing"
