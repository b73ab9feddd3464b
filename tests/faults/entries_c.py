# SPDX-License-Identifier: MIT
"""C: copies of a process, its successors, and processes that share a name."""

from fault import BEGUN, Fault

IN_NAMESPACES = r"""
for i in $(seq 20); do
	unshare -p -f $RUN {programs}/steady_events 2000 &
done
wait
echo done
"""
# A port of its own is not needed: it listens on a socket in the working directory.
REDIS = r"""
$RUN redis-server --daemonize yes --port 0 --unixsocket {work}/s --save '' \
	--dir {work} --pidfile {work}/pid --logfile /dev/null
for i in $(seq 500); do [ -S {work}/s ] && break; sleep 0.02; done
redis-cli -s {work}/s eval 'for i=1,5000 do redis.call("set",i,i) end
	return redis.call("dbsize")' 0
redis-cli -s {work}/s shutdown nosave
for i in $(seq 500); do [ -S {work}/s ] || break; sleep 0.02; done
"""


def all_ended(traced, native):
    del native
    for process in traced.processes:
        assert process["exit"] in ("exited", "exec"), f"{process} {process['exit']}"


def in_jail_alone(traced, native):
    del native
    names = [process["pid"] for process in traced.processes]
    assert names == [1] * 20, "not all were the first of their namespace"


FAULTS = [
    Fault("C1", "fork beside threads that allocate", ("fork_torture", "300", "0"),
          short=("fork_torture", "60", "0")),
    Fault("C1", "a tree of forks, blocks inherited", ("fork_tree",), processes=15),
    Fault("C1", "python3 forks beside its threads",
          ("/usr/bin/python3", "-c", "import os, threading, json\n"
           "def work():\n"
           "    for i in range(60): json.dumps(list(range(i)))\n"
           "threads = [threading.Thread(target=work) for _ in range(4)]\n"
           "for t in threads: t.start()\n"
           "for i in range(12):\n"
           "    pid = os.fork()\n"
           "    if not pid:\n"
           "        json.dumps(list(range(999))); os._exit(0)\n"
           "    assert os.waitpid(pid, 0)[1] == 0\n"
           "for t in threads: t.join()\n"
           "print('joined')"),
          env={"PYTHONMALLOC": "malloc"}, recorded=BEGUN, processes=13,
          needs=("/usr/bin/python3",)),
    Fault("C2", "raw clone: no atfork handler runs", ("raw_clone",), processes=2),
    Fault("C2", "clone3, five copies", ("clone_ways", "clone3"), processes=6),
    Fault("C2", "clone3 that shares descriptors", ("clone_ways", "files"), processes=6),
    Fault("C2", "clone3 of a sibling", ("clone_ways", "parent"), processes=6),
    Fault("C2", "copies of copies, 4 deep", ("clone_ways", "group"), processes=21),
    Fault("C3", "vfork and posix_spawn, again and again",
          ("vfork_and_spawn", "{programs}/nothing")),
    Fault("C3", "vfork in threads, spawn with actions", ("spawn_ways", "/bin/true")),
    *(Fault("C3", f"a vfork child allocates first: {way}", ("vfork_first", way),
            allocators=way == "exec")
      for way in ("_exit", "exec", "missing", "system", "killed")),
    Fault("C4", "exec of itself, 12 deep", ("exec_chain", "12"), processes=13),
    Fault("C4", "sh, env, nice, timeout, a program",
          ("sh", "-c", "exec env X=1 nice timeout 20 sh -c "
           "'exec {programs}/exec_chain 3'"), check=all_ended),
    Fault("C4", "exec with an empty environment",
          ("sh", "-c", "env -i {programs}/static_program; env -i /bin/echo done"),
          recorded=BEGUN),
    Fault("C5", "double fork, setsid, all closed", ("daemon", "{work}/truth"),
          truth_file="truth"),
    Fault("C5", "redis-server --daemonize yes", script=REDIS, recorded=BEGUN,
          needs=("redis-server", "redis-cli"), allocators=False, ignore=("dump.rdb",)),
    Fault("C6", "20 processes, all of them pid 1", script=IN_NAMESPACES, needs=("root",),
          processes=20, check=in_jail_alone, timeout=60),
    Fault("C6", "one name for the whole tree", ("fork_tree",), output="{dumps}/same.mft",
          processes=15),
]
