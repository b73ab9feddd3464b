# SPDX-License-Identifier: MIT
"""What the machine has that a fault needs.

A need is "root" (with namespaces), one of the words below, the name of a program or the
path of a file. Where it is missing the table says so, and nothing has passed.
"""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def run_as_root(script):
    """Whether a script for bash succeeds in a mount namespace of its own."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory(prefix="faults.") as place:
        done = subprocess.run(["unshare", "-m", "bash", "-c", script], cwd=place,
                              capture_output=True, check=False)
    return done.returncode == 0


def lacks_root():
    if os.geteuid() != 0:
        return "not root"
    return None if run_as_root("unshare -p -f true") else "no namespaces"


def lacks_memory_cgroup():
    """A group with a limit can be made, by either of the kernel's interfaces."""
    parent = memory_cgroup()
    if os.geteuid() != 0 or not parent:
        return "no memory cgroup"
    probe = parent / f"mftrace.faults.{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return "no memory cgroup"
    try:
        names = {path.name for path in probe.iterdir()}
    finally:
        probe.rmdir()
    return None if names & {"memory.max", "memory.limit_in_bytes"} else "no memory cgroup"


def memory_cgroup():
    """The directory in which groups with a limit of memory are made, or None."""
    for path, mark in ((CGROUPS / "memory", "memory.limit_in_bytes"),
                       (CGROUPS, "cgroup.controllers")):
        if (path / mark).exists():
            return path
    return None


def lacks_btrfs():
    usable = shutil.which("mkfs.btrfs") and run_as_root(
        "truncate -s 120M image && mkfs.btrfs -q image && mkdir at && "
        "mount -o loop image at")
    return None if usable else "no btrfs"


def lacks_ext4_quota():
    """The kernel may know ext4 and not its quotas (CONFIG_QFMT_V2)."""
    usable = shutil.which("setquota") and run_as_root(
        "truncate -s 8M image && mkfs.ext4 -q -O quota,^has_journal -E quotatype=usrquota "
        "image && mkdir at && mount -o loop,usrquota image at && "
        "setquota -u 65534 0 100 0 0 at")
    return None if usable else "no ext4 quota"


PROBES = {
    "root": lacks_root,
    "memory cgroup": lacks_memory_cgroup,
    "btrfs": lacks_btrfs,
    "ext4 quota": lacks_ext4_quota,
}


@functools.cache
def what_is_missing(need):
    """A word for the table, or None."""
    if need in PROBES:
        return PROBES[need]()
    found = Path(need).exists() if "/" in need else shutil.which(need)
    return None if found else f"no {Path(need).name}"
