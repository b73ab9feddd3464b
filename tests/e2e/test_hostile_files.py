# SPDX-License-Identifier: MIT
"""Files that a dump names are not trusted: whatever stands where a module was, the report
is made, and says why names are missing."""

import json
import os
import shutil
import subprocess

import pytest

from recording import LIBRARY, MFTRACE, environment, escape, run_process

SOURCE = """
#include <stdlib.h>
void *recorded_function(size_t n) { return malloc(n); }
int main(void) { for (int i = 1; i <= 100; i++) recorded_function(i); return 0; }
"""


def build(path, *options, source=SOURCE):
    """Compiles the program anew; other options or sources give another build-id."""
    subprocess.run(
        ["gcc", "-g", "-O1", "-Wl,--build-id", *options, "-x", "c", "-", "-o", str(path)],
        input=source.encode(),
        check=True,
    )


@pytest.fixture
def recorded(tmp_path):
    """The program, and a dump of it."""
    program = tmp_path / "subject"
    dump = tmp_path / "subject.mft"
    build(program)
    record(program, dump)
    return program, dump


def record(program, dump):
    options = f"output={escape(dump)}"
    env = environment({"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": options})
    assert run_process([program], env).returncode == 0


def report(dump, env=None):
    """The report of 100 blocks, as JSON: the functions that allocated, and the reasons."""
    run = run_process([MFTRACE, "report", "--json", dump], environment(env), timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stderr == b""
    found = json.loads(run.stdout)
    process = found["processes"][0]
    assert process["recording"]["allocations"] == 100
    functions = {f["function"] for site in process["sites"] for f in site["frames"]}
    reasons = {item["module"]: item["why"] for item in found["unnamed_modules"]}
    return functions, reasons


def why(dump, env=None):
    """What the text report says, without its white space."""
    run = run_process([MFTRACE, "report", dump], environment(env), timeout=60)
    assert run.returncode == 0, run.stderr
    return "".join(run.stdout.decode().split())  # lines are broken anywhere in long paths


def replace_by(program, what):
    if what == "pipe":
        os.mkfifo(program)
    elif what == "directory":
        program.mkdir()
    elif what == "device":
        program.symlink_to("/dev/zero")
    elif what == "kernel":
        program.symlink_to("/proc/self/environ")
    elif what == "loop":
        program.symlink_to(program.name)
    elif what == "dangling":
        program.symlink_to("/nonexistent")
    elif what == "text":
        program.write_text("#!/bin/sh\n")
    elif what == "empty":
        program.write_bytes(b"")
    elif what == "other build":
        build(program, "-O2", source=SOURCE.replace("100", "101"))


@pytest.mark.parametrize(
    "what, reason",
    [
        ("pipe", "not a regular file"),
        ("directory", "not a regular file"),
        ("device", "not a regular file"),
        ("kernel", "not a regular file"),
        ("loop", "file not found"),
        ("dangling", "file not found"),
        ("nothing", "file not found"),
        ("text", "not an ELF file"),
        ("empty", "not an ELF file"),
        ("other build", "binary changed since recording"),
    ],
)
def test_replaced(recorded, what, reason):
    program, dump = recorded
    assert "recorded_function" in report(dump)[0]
    program.unlink()
    replace_by(program, what)
    functions, reasons = report(dump)
    assert "recorded_function" not in functions
    assert reasons[str(program)] == reason
    assert f"nonamesfrom{program}:{reason.replace(' ', '')}" in why(dump)


def test_cut_at_any_place(recorded):
    program, dump = recorded
    whole = program.read_bytes()
    for share in range(20):
        program.write_bytes(whole[: len(whole) * share // 20])
        report(dump)


def test_a_bomb_costs_nothing(recorded):
    """A debug section that claims to unpack to a terabyte."""
    program, dump = recorded
    subprocess.run(["objcopy", "--compress-debug-sections", str(program)], check=True)
    lines = subprocess.run(
        ["readelf", "-W", "-S", str(program)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    offsets = [
        int(line.split("]")[1].split()[3], 16) for line in lines if " .debug_" in line
    ]
    content = bytearray(program.read_bytes())
    assert len(offsets) >= 4
    for offset in offsets:
        content[offset + 8 : offset + 16] = (1 << 40).to_bytes(8, "little")
    program.write_bytes(content)
    functions, _ = report(dump)
    assert "recorded_function" in functions  # by the symbol table


def test_only_within_the_roots(recorded, tmp_path):
    program, dump = recorded
    inside = {"MFTRACE_SYMBOL_ROOTS": str(tmp_path)}
    outside = {"MFTRACE_SYMBOL_ROOTS": "/usr/lib:/nonexistent"}
    assert "recorded_function" in report(dump, inside)[0]
    assert "recorded_function" not in report(dump, outside)[0]
    assert f"nonamesfrom{program}:outsideofMFTRACE_SYMBOL_ROOTS" in why(dump, outside)


def test_roots_of_another_machine(recorded, tmp_path):
    """A copy of another machine's files: paths are looked for below it, and no link leads
    out of it."""
    program, dump = recorded
    root = tmp_path / "root"
    copy = root / str(program).lstrip("/")
    copy.parent.mkdir(parents=True)
    env = {"MFTRACE_SYMBOL_ROOTS": str(root)}
    shutil.move(program, tmp_path / "elsewhere")
    copy.symlink_to(tmp_path / "elsewhere")
    assert "recorded_function" not in report(dump, env)[0]
    copy.unlink()
    shutil.copy(tmp_path / "elsewhere", copy)
    assert "recorded_function" in report(dump, env)[0]
    assert "recorded_function" not in report(dump)[0]


def build_id(program):
    notes = subprocess.run(
        ["readelf", "-n", str(program)], check=True, capture_output=True, text=True
    ).stdout
    return notes.split("Build ID:")[1].split()[0]


def test_separate_debug_file(recorded, tmp_path):
    """By name beside the program, by build-id in a root's store; a wrong one not at all."""
    program, dump = recorded
    debug = tmp_path / "symbols.debug"
    store = tmp_path / "root" / ".build-id" / build_id(program)[:2]
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    subprocess.run(["strip", "--strip-all", program], check=True)
    assert "recorded_function" not in report(dump)[0]
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", program], check=True)
    assert "recorded_function" in report(dump)[0]
    store.mkdir(parents=True)
    shutil.move(debug, store / (build_id(program)[2:] + ".debug"))
    assert "recorded_function" not in report(dump)[0]
    program.rename(tmp_path / "elsewhere")
    env = {"MFTRACE_SYMBOL_ROOTS": str(tmp_path / "root")}
    assert "recorded_function" in report(dump, env)[0]


def test_split_and_shared_debugging_information(tmp_path):
    for name, options in (("split", ["-gsplit-dwarf"]), ("plain", [])):
        program, dump = tmp_path / name, tmp_path / f"{name}.mft"
        build(program, *options)
        record(program, dump)
        run = run_process([MFTRACE, "report", dump], environment())
        assert b"<stdin>:3" in run.stdout
    for name in ("one", "two"):
        build(tmp_path / name)
    subprocess.run(["dwz", "-m", "shared.debug", "one", "two"], cwd=tmp_path, check=True)
    record(tmp_path / "one", tmp_path / "one.mft")
    run = run_process([MFTRACE, "report", tmp_path / "one.mft"], environment())
    assert b"<stdin>:3" in run.stdout


def test_servers_only_where_the_user_names_them(recorded, tmp_path):
    """A server that is a directory: file:// needs no network."""
    program, dump = recorded
    served = tmp_path / "served" / "buildid" / build_id(program)
    served.mkdir(parents=True)
    shutil.move(program, served / "executable")
    cache = {"DEBUGINFOD_CACHE_PATH": str(tmp_path / "cache")}
    asked = {**cache, "DEBUGINFOD_URLS": f"file://{tmp_path / 'served'}"}
    assert "recorded_function" not in report(dump, cache)[0]
    assert not (tmp_path / "cache").exists()
    assert "recorded_function" in report(dump, asked)[0]
