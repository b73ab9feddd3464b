# SPDX-License-Identifier: MIT
"""Real programs' own test suites.

Each suite has a name, the Debian packages that it needs, `source`, the source package that
its tests come from, and run(place, is_long), which returns an Outcome: how many tests ran
and the names of those that failed. `has_files`: the tests are in files, of which a part can
be run. It may have `expected`, the names of tests that are known to fail when recorded.
Not here: workloads without tests of their own (workloads.py, postgres.py); how often a
suite is run and what is compared (scripts/soak).
"""
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree

from running import Outcome, run


class Python:
    """CPython's own tests."""

    # Lists all descriptors up to the limit; docs/reliability.md, "What cannot be survived".
    expected = {"test.test_subprocess.POSIXProcessTestCase.test_pass_fds_redirected"}

    name = "python3"
    packages = ["python3.11", "libpython3.11-testsuite"]
    has_files = True
    short = ["test_list", "test_dict", "test_gc", "test_fork1"]
    long = short + ["test_set", "test_bytes", "test_json", "test_subprocess", "test_posix",
                    "test_mmap", "test_signal", "test_faulthandler", "test_thread",
                    "test_zlib", "test_unicode", "test_re", "test_sqlite"]

    def run(self, place, is_long):
        place.env["PYTHONMALLOC"] = "malloc"
        report = place.work / "junit.xml"
        names = place.share(self.long if is_long else self.short)
        status, text = run(place, ["/usr/bin/python3.11", "-m", "test", "-j2",
                                   f"--junit-xml={report}", *names], 900)
        if status is None or not report.exists():
            raise RuntimeError(f"the tests ended with {status}:\n{text[-2000:]}")
        ran, failing = 0, set()
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            ran += 1
            if case.find("failure") is not None or case.find("error") is not None:
                failing.add(case.get("name"))
        # A file of tests that breaks as a whole.
        for line in re.findall(r"^(test_\w+) (?:crashed|failed|timed out)", text, re.M):
            failing.add(line)
        return Outcome(ran, failing, place.seconds())


class RedisTests:
    """Redis' own tests, from its source package, with the server that is installed."""

    name = "redis"
    packages = ["redis-server", "redis-tools", "tcl", "dpkg-dev"]
    source = "redis"
    has_files = True
    programs = ("redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb",
                "redis-check-aof", "redis-sentinel")
    short = ["unit/type/string"]

    def run(self, place, is_long):
        tree = place.work / "redis"
        for part in ("tests", "utils", "src"):
            shutil.copytree(place.tree / part, tree / part)
        for file in ("runtest", "redis.conf", "sentinel.conf"):
            shutil.copy(place.tree / file, tree)
        for program in self.programs:
            target = tree / "src" / program
            target.unlink(missing_ok=True)
            target.symlink_to(f"/usr/bin/{program}")
        known = re.search(r"set ::all_tests \{(.*?)\}",
                          (tree / "tests/test_helper.tcl").read_text(), re.S)[1].split()
        ran, failing = 0, set()
        port = 21000 + os.getpid() % 5000
        for name in place.share(known if is_long else self.short):
            status, text = run(place, ["./runtest", "--single", name, "--clients", "1",
                                       "--baseport", str(port)], 300, cwd=tree)
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
            bad = re.findall(r"^\[(?:err|exception)\]: (.*?)(?: in tests/.*)?$", text, re.M)
            ran += len(re.findall(r"^\[ok\]:", text, re.M)) + len(bad)
            failing |= {f"{name}: {test.strip()}" for test in bad}
            if status is None:
                failing.add(f"{name}: hung")
            elif status and not bad:
                failing.add(f"{name}: ended with {status}")
            place.look()
        if not ran:
            raise RuntimeError(f"no test ran:\n{text[-2000:]}")
        return Outcome(ran, failing, place.seconds())


def read_tap(file, status, text):
    """What a file says in the Test Anything Protocol: how many tests, and which failed."""
    ran, failing = 0, set()
    for line in re.finditer(r"^(not )?ok (\d+)([^\n]*)$", text, re.M):
        ran += 1
        # What is known to be broken is no failure.
        if line[1] and not re.search(r"# *todo", line[3], re.I):
            failing.add(f"{file}: {line[2]}{line[3]}")
    planned = re.search(r"^1\.\.(\d+)", text, re.M)
    if status is None:
        failing.add(f"{file}: hung")
    elif status < 0:
        failing.add(f"{file}: died of signal {-status}")
    elif planned and int(planned[1]) != ran:
        failing.add(f"{file}: {ran} of {planned[1]} tests ran")
    elif status and not failing:
        failing.add(f"{file}: ended with {status}")
    return ran, failing


class GitTests:
    """Git's own tests, from its source package, with the git that is installed."""

    name = "git-tests"
    packages = ["git", "perl", "dpkg-dev", "make", "gcc", "zlib1g-dev"]
    source = "git"
    has_files = True
    short = "t000[1-5]*.sh"

    def build(self, place):
        """Its helpers; they are kept with the sources."""
        for targets in (["t/helper/test-tool", "GIT-BUILD-OPTIONS"], ["-C", "templates"]):
            status, text = run(place, ["make", "-s", "-j2", "CFLAGS=-O1", "NO_CURL=1",
                                       "NO_EXPAT=1", "NO_GETTEXT=1", "NO_OPENSSL=1",
                                       "NO_TCLTK=1", "NO_PYTHON=1", *targets],
                               1800, cwd=place.tree, recorded=False)
            if status:
                raise RuntimeError(f"git's helpers do not build:\n{text[-2000:]}")

    def run(self, place, is_long):
        self.build(place)
        place.start()
        place.env["GIT_TEST_INSTALLED"] = "/usr/bin"
        tests = place.tree / "t"
        files = sorted(tests.glob("t[0-9]*.sh" if is_long else self.short))
        ran, failing = 0, set()
        for file in place.share(files):
            status, text = run(place, ["/bin/sh", file.name, f"--root={place.work}/trash"],
                               300, cwd=tests)
            more, bad = read_tap(file.name, status, text)
            ran += more
            failing |= bad
            place.look()
        return Outcome(ran, failing, place.seconds())


class PerlTests:
    """Perl's own tests of the language, from its source package, with the perl that is
    installed and its libraries."""

    name = "perl"
    packages = ["perl", "dpkg-dev"]
    source = "perl"
    has_files = True
    folders = ("base", "cmd", "comp", "io", "re", "opbasic", "op", "uni", "mro", "lib")
    libraries = ("/usr/share/perl/5.36.0", "/usr/lib/x86_64-linux-gnu/perl/5.36.0",
                 "/usr/lib/x86_64-linux-gnu/perl-base")

    def run(self, place, is_long):
        shutil.copytree(place.tree / "t", place.work / "t")
        shutil.copytree(place.tree / "lib", place.work / "lib")
        for library in self.libraries:
            shutil.copytree(library, place.work / "lib", dirs_exist_ok=True)
        tests = place.work / "t"
        (tests / "perl").symlink_to("/usr/bin/perl")
        place.start()
        files = sorted(file.relative_to(tests) for folder in
                       (self.folders if is_long else ("base", "cmd"))
                       for file in (tests / folder).glob("*.t"))
        ran, failing = 0, set()
        for file in place.share(files):
            first = (tests / file).read_bytes().split(b"\n", 1)[0].decode(errors="replace")
            asked = re.match(r"#!.*perl\s+(-.*)", first)
            status, text = run(place, ["./perl", *(asked[1].split() if asked else []),
                                       "-I../lib", file], 300, cwd=tests)
            more, bad = read_tap(file, status, text)
            ran += more
            failing |= bad
            place.look()
        return Outcome(ran, failing, place.seconds())
