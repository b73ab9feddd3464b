# SPDX-License-Identifier: MIT
"""Real programs at work whose results can be compared: what they make, and what they say.

Each has a name, the Debian packages that it needs, and run(place, is_long), which returns
an Outcome: how many things were looked at, and the names of those that were wrong. Not
here: programs' own tests (suites.py), PostgreSQL (postgres.py), how often a workload is run
and what is compared (scripts/soak).
"""
import hashlib
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from running import Started, outcome, run

TOP = Path(__file__).resolve().parents[2]


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


class StressNg:
    """stress-ng's stressors of memory and processes, which check their own work."""

    name = "stress-ng"
    packages = ["stress-ng"]

    def run(self, place, is_long):
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
        return outcome(checks, place.seconds())


class Git:
    """A history with branches, merges, packs and clones; every object is as it must be."""

    name = "git"
    packages = ["git"]

    def run(self, place, is_long):
        script = TOP / "tests/soak/git_history.sh"
        status, text = run(place, ["/bin/bash", script, "120" if is_long else "12"], 600)
        checks = {"ends": status == 0}
        # The names of objects are hashes of what is in them.
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if value:
                checks[f"{name} is {value}"] = True
        return outcome(checks, place.seconds())


class Build:
    """A parallel build of a C project, this one; every object is the same byte for byte."""

    name = "build"
    packages = ["meson", "ninja-build", "gcc"]

    def run(self, place, is_long):
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
        return outcome(checks, place.seconds())


class Nginx:
    """nginx, master and workers, under wrk."""

    name = "nginx"
    packages = ["nginx-light", "wrk"]

    def run(self, place, is_long):
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
            f" client_body_temp_path {place.work}/body;\n"
            f" proxy_temp_path {place.work}/proxy;\n"
            f" fastcgi_temp_path {place.work}/fcgi; uwsgi_temp_path {place.work}/uwsgi;\n"
            f" scgi_temp_path {place.work}/scgi;\n"
            f" server {{ listen 127.0.0.1:{port}; root {root};\n"
            f" default_type text/plain; }} }}\n")
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
        return outcome(checks, place.seconds())
