# SPDX-License-Identifier: MIT
"""The suites: real programs' own tests, and real programs at work whose results can be
compared.

Each suite has a name, the Debian packages that it needs, and run(place, is_long), which
returns an Outcome: how many tests ran and the names of those that failed. It may have
`expected`, the names of tests that are known to fail when recorded. Not here: how often it
is run and what is compared (scripts/soak).
"""
import hashlib
import os
import re
import socket
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from running import Outcome, Started, run

TOP = Path(__file__).resolve().parents[2]


def outcome(checks, started):
    """checks: name -> passed."""
    return Outcome(len(checks), {name for name, passed in checks.items() if not passed},
                   time.monotonic() - started)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


class Python:
    """CPython's own tests."""

    # Lists all descriptors up to the limit; docs/reliability.md, "What cannot be survived".
    expected = {"test.test_subprocess.POSIXProcessTestCase.test_pass_fds_redirected"}

    name = "python3"
    packages = ["python3.11", "libpython3.11-testsuite"]
    short = ["test_list", "test_dict", "test_gc", "test_fork1"]
    long = short + ["test_set", "test_bytes", "test_json", "test_subprocess", "test_posix",
                    "test_mmap",
                    "test_signal", "test_faulthandler", "test_thread", "test_zlib",
                    "test_unicode", "test_re", "test_sqlite"]

    def run(self, place, is_long):
        started = time.monotonic()
        place.env["PYTHONMALLOC"] = "malloc"
        report = place.work / "junit.xml"
        names = self.long if is_long else self.short
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
        return Outcome(ran, failing, time.monotonic() - started)


class StressNg:
    """stress-ng's stressors of memory and processes, which check their own work."""

    name = "stress-ng"
    packages = ["stress-ng"]

    def run(self, place, is_long):
        started = time.monotonic()
        report = place.work / "stress.yaml"
        status, text = run(place, [
            "stress-ng", "--malloc", "2", "--fork", "2", "--vfork", "2", "--sigsegv", "1",
            "--brk", "1", "-t", "60" if is_long else "3", "--verify", "--metrics",
            "--yaml", report, "--temp-path", place.work, "--malloc-bytes", "64M"],
            300)
        checks = {"ends": status == 0}
        done = report.read_text() if report.exists() else ""
        for name in ("malloc", "fork", "vfork", "sigsegv", "brk"):
            match = re.search(rf"stressor: {name}\n\s+bogo-ops: (\d+)", done)
            checks[f"{name} works"] = bool(match) and int(match[1]) > 0
            checks[f"{name} finds nothing wrong"] = not re.search(
                rf"(fail|error): .*stress-ng-{name}\b|{name}: .*(fail|verif)", text)
        return outcome(checks, started)


class Git:
    """A history with branches, merges, packs and clones; every object is as it must be."""

    name = "git"
    packages = ["git"]

    def run(self, place, is_long):
        started = time.monotonic()
        script = TOP / "tests/soak/git_history.sh"
        status, text = run(place, ["/bin/bash", script, "120" if is_long else "12"], 600)
        checks = {"ends": status == 0}
        # The names of objects are hashes of what is in them.
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if value:
                checks[f"{name} is {value}"] = True
        return outcome(checks, started)


class Build:
    """A parallel build of a C project, this one; every object is the same byte for byte."""

    name = "build"
    packages = ["meson", "ninja-build", "gcc"]

    def run(self, place, is_long):
        started = time.monotonic()
        build = place.work.parent.parent / "build"
        # Paths get into objects, so the native and the traced run use the same one.
        subprocess.run(["rm", "-rf", build], check=True)
        status, text = run(place, ["meson", "setup", build, TOP], 120, recorded=False)
        if status:
            raise RuntimeError(f"meson setup ended with {status}:\n{text[-2000:]}")
        targets = [] if is_long else ["analyzer/mftrace.p/main.c.o"]
        if not is_long:
            known = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"],
                                   capture_output=True, text=True, check=True).stdout
            targets = [line.partition(":")[0] for line in known.splitlines()
                       if "preload/libmftrace.so.p/" in line and ".o:" in line][:10]
        status, text = run(place, ["ninja", "-j2", "-C", build, *targets], 900)
        checks = {"ends": status == 0}
        for item in sorted(build.rglob("*.o")):
            digest = hashlib.sha256(item.read_bytes()).hexdigest()[:16]
            checks[f"{item.relative_to(build)} is {digest}"] = True
        return outcome(checks, started)


class Postgres:
    """PostgreSQL under pgbench; its books must balance, also after a backend was killed."""

    name = "postgres"
    packages = ["postgresql-15", "util-linux"]
    programs = Path("/usr/lib/postgresql/15/bin")
    balances = ("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
                "(SELECT sum(bbalance) FROM pgbench_branches) AND "
                "(SELECT sum(tbalance) FROM pgbench_tellers) = "
                "(SELECT sum(bbalance) FROM pgbench_branches) AND "
                "(SELECT sum(delta) FROM pgbench_history) = "
                "(SELECT sum(bbalance) FROM pgbench_branches)")

    def wait_until_ready(self, place, at):
        for _ in range(600):
            if subprocess.run([self.programs / "pg_isready", "-q", *at], check=False,
                              env=place.plain_env()).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def run(self, place, is_long):
        started = time.monotonic()
        port = str(free_port())
        data = place.work / "data"
        # It refuses to run as root.
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if os.geteuid() != 0:
            self.user = []
        checks = {}
        status, text = run(place, [*self.user, self.programs / "initdb", "-D", data, "-A",
                                   "trust", "-U", "postgres"], 120)
        checks["initdb"] = status == 0
        if status:
            return outcome(checks, started)
        server = Started(place, [*self.user, self.programs / "postgres", "-D", data, "-p",
                                 port, "-k", place.work, "-c", "listen_addresses=127.0.0.1"])
        try:
            at = ["-h", "127.0.0.1", "-p", port, "-U", "postgres"]
            checks["starts"] = self.wait_until_ready(place, at)
            scale, seconds = ("10", "60") if is_long else ("1", "4")
            for name, arguments in (
                    ("fills", ["-i", "-q", "-s", scale, "postgres"]),
                    ("works", ["-n", "-c", "8", "-T", seconds, "postgres"])):
                status, text = run(place, [*self.user, self.programs / "pgbench", *at,
                                           *arguments], 300)
                checks[f"pgbench {name}"] = status == 0
            checks["no transaction failed"] = "number of failed transactions: 0 " in text
            answer = subprocess.run([self.programs / "psql", *at, "-Atc", self.balances,
                                     "postgres"], env=place.plain_env(),
                                    capture_output=True, text=True, check=False)
            checks["the books balance"] = answer.stdout.strip() == "t"
            server.process.terminate()
            checks["stops"] = server.process.wait(60) == 0
        finally:
            server.end()
        checks["no process died"] = not re.search(r"terminated by signal|PANIC",
                                                  server.text())
        return outcome(checks, started)


class Nginx:
    """nginx, master and workers, under wrk."""

    name = "nginx"
    packages = ["nginx-light", "wrk"]

    def run(self, place, is_long):
        started = time.monotonic()
        port = free_port()
        root = place.work / "root"
        root.mkdir()
        page = b"a page of text\n" * 500
        (root / "page.txt").write_bytes(page)
        user = "user root;\n" if os.geteuid() == 0 else ""
        (place.work / "nginx.conf").write_text(
            f"{user}daemon off;\nworker_processes 2;\npid {place.work}/pid;\n"
            f"error_log {place.work}/error.log;\nevents {{ worker_connections 512; }}\n"
            f"http {{ access_log off;\n gzip on; gzip_types text/plain;\n"
            f" client_body_temp_path {place.work}/body; proxy_temp_path {place.work}/proxy;\n"
            f" fastcgi_temp_path {place.work}/fcgi; uwsgi_temp_path {place.work}/uwsgi;\n"
            f" scgi_temp_path {place.work}/scgi;\n"
            f" server {{ listen 127.0.0.1:{port}; root {root}; default_type text/plain; }} }}\n")
        checks = {}
        server = Started(place, ["/usr/sbin/nginx", "-p", place.work, "-e",
                                 place.work / "error.log", "-c", place.work / "nginx.conf"])
        try:
            checks["starts"] = wait_for_port(port)
            status, text = run(place, ["wrk", "-t2", "-c64", "-d60" if is_long else "-d3",
                                       "-H", "Accept-Encoding: gzip",
                                       f"http://127.0.0.1:{port}/page.txt"], 120)
            checks["wrk ends"] = status == 0
            checks["answers"] = "Requests/sec" in text
            checks["no errors"] = "Non-2xx" not in text and "Socket errors" not in text
            server.process.send_signal(3)  # SIGQUIT: finish what is under way
            checks["stops"] = server.process.wait(30) == 0
        finally:
            server.end()
        checks["no worker died"] = "exited on signal" not in (
            (place.work / "error.log").read_text(errors="replace"))
        return outcome(checks, started)


class RedisTests:
    """Redis' own tests, from its source package."""

    name = "redis"
    packages = ["redis-server", "redis-tools", "tcl", "dpkg-dev"]
    source = "redis"
    programs = ("redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb",
                "redis-check-aof", "redis-sentinel")
    short = ["unit/type/string"]
    long = ["unit/type/list", "unit/type/hash", "unit/type/string", "unit/other",
            "integration/rdb"]

    def run(self, place, is_long):
        started = time.monotonic()
        tree = place.work / "redis"
        subprocess.run(["cp", "-r", place.sources[self.source], tree], check=True)
        for program in self.programs:
            target = tree / "src" / program
            target.unlink(missing_ok=True)
            target.symlink_to(f"/usr/bin/{program}")
        chosen = [word for name in (self.long if is_long else self.short)
                  for word in ("--single", name)]
        status, text = run(place, ["./runtest", *chosen, "--clients", "2", "--tags",
                                   "-needs:debug", "--baseport",
                                   str(21000 + os.getpid() % 5000)],
                           900, cwd=tree)
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        ran = len(re.findall(r"^\[ok\]:", text, re.M))
        failing = {match.strip() for match in
                   re.findall(r"^\[(?:err|exception)\]: (.*?)(?: in tests/.*)?$", text, re.M)}
        if status is None:
            failing.add("hung")
        elif status and not failing:
            failing.add(f"ended with {status}")
        if not ran:
            raise RuntimeError(f"no test ran:\n{text[-2000:]}")
        return Outcome(ran + len(failing), failing, time.monotonic() - started)


class GitTests:
    """Git's own tests, from its source package, with the git that is installed."""

    name = "git-tests"
    packages = ["git", "perl", "dpkg-dev", "make", "gcc", "zlib1g-dev"]
    source = "git"
    chosen = ["t0*.sh", "t1[0-3]*.sh", "t3[0-2]*.sh", "t4[0-1]*.sh"]

    def run(self, place, is_long):
        started = time.monotonic()
        tree = place.work / "git"
        subprocess.run(["cp", "-r", place.sources[self.source], tree], check=True)
        (tree / "GIT-BUILD-OPTIONS").write_text(
            f"SHELL_PATH='/bin/sh'\nPERL_PATH='/usr/bin/perl'\nDIFF='diff'\n"
            f"TEST_SHELL_PATH='/bin/sh'\nNO_PERL=''\nNO_PYTHON='1'\nX=''\n")
        status, text = run(place, ["make", "-s", "-j2", "NO_CURL=1", "NO_EXPAT=1",
                                   "NO_GETTEXT=1", "NO_OPENSSL=1", "NO_TCLTK=1"],
                           1800, cwd=tree, recorded=False)
        if status:
            raise RuntimeError(f"git does not build:\n{text[-2000:]}")
        files = sorted({f for glob in (self.chosen if is_long else self.chosen[:1])
                        for f in (tree / "t").glob(glob)})
        ran, failing = 0, set()
        for file in files:
            status, text = run(place, ["/bin/sh", file.name, "--root",
                                       place.work / "trash"], 300, cwd=tree / "t")
            ran += len(re.findall(r"^ok \d+", text, re.M))
            # What git knows to be broken is no failure.
            for line in re.findall(r"^not ok \d+ - (.*)$", text, re.M):
                if "known breakage" not in line:
                    failing.add(f"{file.name}: {line}")
            if status is None:
                failing.add(f"{file.name}: hung")
        return Outcome(ran, failing, time.monotonic() - started)


def all_suites():
    return [Python(), StressNg(), Git(), Build(), Postgres(), Nginx(), RedisTests(),
            GitTests()]
