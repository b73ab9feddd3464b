# SPDX-License-Identifier: MIT
"""PostgreSQL: its own regression tests, and pgbench, whose books must balance.

The server runs as the user postgres where the runner is root: it refuses to be root's.
"""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from running import Outcome, Started, outcome, run
from workloads import free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


class Cluster:
    """A server of its own, running while the context lasts."""

    def __init__(self, place):
        self.place = place
        self.port = str(free_port())
        self.user = []
        if os.geteuid() == 0:
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres",
                         "--clear-groups"]
        self.at = ["-h", "127.0.0.1", "-p", self.port, "-U", "postgres"]

    def __enter__(self):
        data = self.place.work / "data"
        status, text = run(self.place, [*self.user, PROGRAMS / "initdb", "-D", data, "-A",
                                        "trust", "-U", "postgres", "--no-locale",
                                        "--encoding=UTF8"], 120)
        if status:
            raise RuntimeError(f"initdb ended with {status}:\n{text[-2000:]}")
        self.server = Started(self.place, [
            *self.user, PROGRAMS / "postgres", "-D", data, "-p", self.port, "-k",
            self.place.work, "-c", "listen_addresses=127.0.0.1", "-c",
            "max_connections=60"])
        for _ in range(1200):
            if subprocess.run([PROGRAMS / "pg_isready", "-q", *self.at], check=False,
                              env=self.place.plain_env()).returncode == 0:
                return self
            time.sleep(0.05)
        self.server.end()
        raise RuntimeError(f"the server does not start:\n{self.server.text()[-2000:]}")

    def stop(self):
        """Returns the server's exit status."""
        self.server.process.terminate()
        return self.server.process.wait(60)

    def __exit__(self, *_):
        self.server.end()

    def call(self, program, arguments, seconds):
        return run(self.place, [*self.user, PROGRAMS / program, *self.at, *arguments],
                   seconds)


class Pgbench:
    """PostgreSQL under pgbench; its books must balance."""

    name = "postgres"
    packages = ["postgresql-15", "util-linux"]
    balances = ("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
                "(SELECT sum(bbalance) FROM pgbench_branches) AND "
                "(SELECT sum(tbalance) FROM pgbench_tellers) = "
                "(SELECT sum(bbalance) FROM pgbench_branches) AND "
                "(SELECT sum(delta) FROM pgbench_history) = "
                "(SELECT sum(bbalance) FROM pgbench_branches)")

    def run(self, place, is_long):
        checks = {}
        scale, seconds = ("10", "60") if is_long else ("1", "4")
        with Cluster(place) as cluster:
            status, text = cluster.call("pgbench", ["-i", "-q", "-s", scale, "postgres"],
                                        300)
            checks["pgbench fills"] = status == 0
            status, text = cluster.call("pgbench", ["-n", "-c", "8", "-T", seconds,
                                                    "postgres"], 300)
            checks["pgbench works"] = status == 0
            checks["no transaction failed"] = "number of failed transactions: 0 " in text
            answer = subprocess.run([PROGRAMS / "psql", *cluster.at, "-Atc", self.balances,
                                     "postgres"], env=place.plain_env(),
                                    capture_output=True, text=True, check=False)
            checks["the books balance"] = answer.stdout.strip() == "t"
            checks["stops"] = cluster.stop() == 0
        checks["no process died"] = not re.search(r"terminated by signal|PANIC",
                                                  cluster.server.text())
        return outcome(checks, place.seconds())


class PostgresTests:
    """PostgreSQL's own regression tests, from its source package."""

    name = "pg-regress"
    packages = ["postgresql-15", "postgresql-server-dev-15", "util-linux", "gcc",
                "dpkg-dev"]
    source = "postgresql-15"
    runner = Path("/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress")
    headers = "/usr/include/postgresql/15/server"

    def run(self, place, is_long):
        tests = place.work / "regress"
        shutil.copytree(place.tree / "src/test/regress", tests)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", f"-I{self.headers}",
                        tests / "regress.c", "-o", tests / "regress.so"], check=True)
        subprocess.run(["chmod", "-R", "a+rwX", tests], check=True)
        place.start()
        chosen = (["--schedule=parallel_schedule"] if is_long else
                  ["test_setup", "boolean", "int4", "strings", "numeric", "arrays"])
        with Cluster(place) as cluster:
            status, text = run(place, [
                *cluster.user, self.runner, f"--bindir={PROGRAMS}", "--inputdir=.",
                "--outputdir=.", "--dlpath=.", "--max-connections=20", "--host=127.0.0.1",
                f"--port={cluster.port}", "--user=postgres", *chosen], 1500, cwd=tests)
            stopped = cluster.stop()
        results = re.findall(r"^(?:test|parallel group.*?:)?\s*(?:\.\.\. )?(\w+)\s+\.\.\. "
                             r"(ok|FAILED|failed \(ignored\))", text, re.M)
        failing = {name for name, result in results if result != "ok"}
        if not results:
            raise RuntimeError(f"pg_regress ended with {status}:\n{text[-2000:]}")
        if status is None:
            failing.add("pg_regress: hung")
        if stopped:
            failing.add(f"the server ended with {stopped}")
        if re.search(r"terminated by signal|PANIC", cluster.server.text()):
            failing.add("a process of the server died")
        return Outcome(len(results), failing, place.seconds())
