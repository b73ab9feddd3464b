# SPDX-License-Identifier: MIT
"""redis-server under redis-benchmark SET: requests a second, the server being traced.

The server listens on the loopback on a free port, keeps nothing on disk, and is ended by its
pid, which it tells itself (between it and us may be the tool that traces it).
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from measuring import Running
from workloads import FULL, QUICK, SMALL, Workload

START_SECONDS = 30
CLIENTS, PIPELINE, VALUE_BYTES, KEYS = 50, 16, 64, 100000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def server_pid(port):
    """The pid that the server names, or None while it does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"INFO server\r\n")
            answer = b""
            while not (found := re.search(rb"process_id:(\d+)\r\n", answer)):
                piece = connection.recv(4096)
                if not piece:
                    return None
                answer += piece
            return int(found.group(1))
    except OSError:
        return None


class RedisLoad(Workload):
    group = "server"
    requests = {FULL: 500000, QUICK: 100000, SMALL: 10000}

    def __init__(self):
        super().__init__("redis", "redis-server, SET")

    def missing(self):
        for program in ("redis-server", "redis-benchmark"):
            if not shutil.which(program):
                return program
        return None

    def measure(self, profiler, size, place, directory):
        port = free_port()
        server = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                  "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"]
        command = profiler.command(server, directory, {})
        running = Running(place.launcher, command, directory, place.limits)
        try:
            rate, failure = self.load(running, port, self.requests[size], place.limits)
        except BaseException:
            running.end()
            raise
        if failure:
            running.end()
        cost = running.wait()
        sample = self.sample(cost, profiler, directory)
        sample.failure = failure or sample.failure
        if not sample.failure:
            sample.operations = self.requests[size]
            sample.wall_ns = sample.operations / rate * 1e9
        return sample

    @staticmethod
    def load(running, port, requests, limits):
        """(requests a second, None) and the server asked to end; or (0, why not)."""
        deadline = time.monotonic() + START_SECONDS
        while (pid := server_pid(port)) is None:
            if running.process.poll() is not None:
                return 0, "died at its start"
            if time.monotonic() > deadline:
                return 0, f"did not answer for {START_SECONDS} s"
            time.sleep(0.05)
        command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-t", "set", "--csv",
                   "-n", str(requests), "-c", str(CLIENTS), "-P", str(PIPELINE),
                   "-d", str(VALUE_BYTES), "-r", str(KEYS)]
        try:
            benchmark = subprocess.run(
                command, capture_output=True, text=True, timeout=limits.seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return 0, f"over {limits.seconds:.0f} s"
        found = re.search(r'^"SET","([0-9.]+)"', benchmark.stdout, re.M)
        if benchmark.returncode != 0 or not found:
            return 0, "redis-benchmark failed"
        os.kill(pid, signal.SIGTERM)
        return float(found.group(1)), None
