# SPDX-License-Identifier: MIT
"""The mftrace command: verbs, options, errors, exit statuses."""

import json
import os
import pty
import re
import subprocess
import tty

import pytest

from answers import compile_c, refused, text
from recording import MFTRACE, environment, mftrace, schema_validator

READING = ["report", "peak", "leaks", "frag", "info"]
CONTROLLING = ["snapshot", "pause", "resume", "flush"]
VERBS = ["run", *READING, *CONTROLLING, "check", "export", "diff", "dump"]


@pytest.fixture
def dump(tmp_path):
    """The dump of a program that ran to its end."""
    path = tmp_path / "one.mft"
    result = mftrace("run", "-q", "-o", path, "--", "sh", "-c", "echo hello", cwd=tmp_path)
    assert text(result) == ("hello\n", "")
    return path


# ---- Usage ---------------------------------------------------------------------------


def test_help_names_every_verb():
    """Those that the tests below are run for, and no other."""
    result = mftrace("--help")
    out, err = text(result)
    assert (result.returncode, err) == (0, "")
    assert sorted(re.findall(r"^  (\w+)\s", out, re.M)) == sorted(VERBS)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_verb_help(verb):
    result = mftrace(verb, "--help")
    out, err = text(result)
    assert (result.returncode, err) == (0, "")
    assert out.startswith(f"Usage: mftrace {verb} ")
    assert "--help" in out
    assert max(map(len, out.splitlines())) <= 80


def test_version():
    result = mftrace("--version")
    assert result.returncode == 0
    assert re.fullmatch(r"mftrace \d+\.\d+\.\d+\n", result.stdout.decode())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate", "x"],
        *([verb] for verb in VERBS),
        *([verb, "--no-such-option", "x"] for verb in VERBS),
        *([verb, "--top", "many", "x"] for verb in READING),
        *([verb, "--top", "-1", "x"] for verb in READING),
        *([verb, "--top", " -5", "x"] for verb in READING),
        *([verb, "x"] for verb in CONTROLLING),
        *([verb, "0"] for verb in CONTROLLING),
        *([verb, " 1"] for verb in CONTROLLING),
        *([verb, "+1"] for verb in CONTROLLING),
        ["dump", "--limit", " 1", "x"],
        ["dump", "--thread", "0", "x"],
        ["leaks", "--older-than", "0x10", "x"],
        ["frag", "--at", " 1", "x"],
        *([verb, "1", "2"] for verb in CONTROLLING),
        ["export", "x"],
        ["export", "--format", "frobnicate", "x"],
        ["export", "x", "--format"],
        ["check", "--budgets"],
        ["report", "x", "--top"],
        ["run", "-o"],
        ["run", "-o", "", "true"],
        ["run", "--option", "novalue", "true"],
        ["run", "--option", "output=x", "true"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments):
    refused(mftrace(*arguments))


# ---- Bad input -----------------------------------------------------------------------


@pytest.mark.parametrize("verb", [*READING, "dump"])
def test_unreadable_input(tmp_path, verb):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"this is no dump\n" * 1000)
    os.mkfifo(tmp_path / "fifo")
    for name in ["missing", "empty", "text", "fifo"]:
        refused(mftrace(verb, tmp_path / name), name)


@pytest.mark.parametrize("verb", READING)
def test_directory_without_dumps(tmp_path, verb):
    (tmp_path / "text").write_bytes(b"this is no dump\n")
    refused(mftrace(verb, tmp_path), "no dump")


def test_other_version(dump, tmp_path):
    data = bytearray(dump.read_bytes())
    data[8] = 99
    (tmp_path / "new.mft").write_bytes(data)
    refused(mftrace("report", tmp_path / "new.mft"), "version")


@pytest.mark.parametrize("verb", READING)
def test_damaged_dump_is_reported_as_far_as_it_goes(dump, tmp_path, verb):
    data = dump.read_bytes().rstrip(b"\0")
    assert len(data) < 4096 + 65536  # all in the first chunk
    cut = tmp_path / "cut.mft"
    cut.write_bytes(data[: 4096 + 64 + (len(data) - 4096 - 64) * 3 // 4])
    result = mftrace(verb, cut)
    out, err = text(result)
    assert (result.returncode, err) == (0, "")
    assert "TRUNCATED" in out
    report = json.loads(mftrace(verb, "--json", cut).stdout)
    process = report["processes"][0]
    assert process["recording"]["truncated"] is True
    assert process["recording"]["damage"]["why"]
    assert process["recording"]["events"] > 0


def test_unreadable_dump_in_a_directory_is_named(dump, tmp_path):
    (tmp_path / "two.mft").write_bytes(dump.read_bytes()[:100])
    result = mftrace("report", "--json", tmp_path)
    assert result.returncode == 2
    assert "two.mft" in result.stderr.decode()
    assert len(json.loads(result.stdout)["processes"]) == 1


def test_full_disk_is_an_error(dump):
    with open("/dev/full", "wb") as full:
        result = mftrace("report", dump, stdout=full)
    assert result.returncode == 2
    assert result.stderr.decode().startswith("mftrace: ")


# ---- Reports -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", READING)
def test_text_fits_and_is_plain(dump, verb):
    result = mftrace(verb, dump.name, cwd=dump.parent)
    out, err = text(result)
    assert (result.returncode, err) == (0, "")
    assert "\033" not in out
    widest = max(out.splitlines(), key=len)
    assert len(widest) <= 80, widest


@pytest.mark.parametrize("length", [30, 46, 47, 48, 49, 50, 51, 78, 120])
@pytest.mark.parametrize("verb", READING)
def test_text_with_a_long_name(dump, verb, length):
    """The command at the end can be copied whole; nothing else is widened by the name."""
    name = "n" * (length - len(".mft")) + ".mft"
    dump.rename(dump.with_name(name))
    out, err = text(mftrace(verb, name, cwd=dump.parent))
    assert err == ""
    lines = out.splitlines()
    assert [line for line in lines if len(line) > 80 and line != f"  {name}"] == []
    if verb == "info":
        return
    (command,) = re.findall(r"^  next +(mftrace \w+ (?:\\\n)?.*)$", out, re.MULTILINE)
    told = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, check=True
    ).stdout.decode()
    assert told.split("\n") == ["mftrace", command.split()[1], name, ""]
    # One line is enough where it fits.
    one_line = f"  next           mftrace {command.split()[1]} {name}"
    assert ("\n" in command) == (len(one_line) > 80)


@pytest.mark.parametrize("verb", READING)
def test_json_meets_the_schema(dump, verb):
    schema_validator().validate(json.loads(mftrace(verb, "--json", dump).stdout))


def test_top(dump):
    every = json.loads(mftrace("peak", "--json", dump).stdout)["processes"][0]["sites"]
    assert len(every) > 2
    two = json.loads(mftrace("peak", "--json", "--top", "2", dump).stdout)
    assert two["processes"][0]["sites"] == every[:2]
    peaks = [site["peak_bytes"] for site in every]
    assert peaks == sorted(peaks, reverse=True)
    assert "\n  1  " in mftrace("peak", dump, "--top", "1").stdout.decode()
    assert "\n  2  " not in mftrace("peak", dump, "--top", "1").stdout.decode()
    one_less = mftrace("peak", dump, "--top", str(sum(map(bool, peaks)) - 1))
    assert "… and 1 more call site with " in one_less.stdout.decode()


def test_sites_add_up(dump):
    process = json.loads(mftrace("report", "--json", dump).stdout)["processes"][0]
    sites = process["sites"]
    for member, whole in [
        ("allocations", process["recording"]["allocations"]),
        ("allocated_bytes", process["totals"]["allocated_bytes"]),
        ("live_bytes", process["at_exit"]["live_bytes"]),
        ("peak_bytes", process["peak"]["bytes"]),
        ("peak_blocks", process["peak"]["blocks"]),
        ("temporary", process["totals"]["temporary_allocations"]),
    ]:
        assert sum(site[member] for site in sites) == whole, member
    assert process["recording"]["allocations"] > 0


def test_fingerprints_are_stable(tmp_path):
    """Two runs, at different addresses, give the same sites the same ids."""
    ids = []
    for name in ["a.mft", "b.mft"]:
        mftrace("run", "-q", "-o", tmp_path / name, "--", "sh", "-c", "echo hello")
        report = json.loads(mftrace("report", "--json", tmp_path / name).stdout)
        ids.append(sorted(site["id"] for site in report["processes"][0]["sites"]))
    assert ids[0] == ids[1]
    assert len(set(ids[0])) > 1


def test_colours_on_a_terminal_only(dump):
    def on_terminal(**variables):
        master, slave = pty.openpty()
        tty.setraw(slave)
        process = subprocess.Popen(
            [MFTRACE, "report", dump],
            stdout=slave,
            stderr=subprocess.DEVNULL,
            env=environment({"TERM": "xterm", **variables}),
        )
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 65536):
                seen += part
        except OSError:  # the other end is closed
            pass
        os.close(master)
        assert process.wait(timeout=20) == 0
        return seen

    assert b"\033[" in on_terminal()
    assert b"\033[" not in on_terminal(NO_COLOR="1")
    assert b"\033[" not in on_terminal(TERM="dumb")


def test_control_bytes_are_escaped(tmp_path):
    path = tmp_path / "c.mft"
    nasty = "a\x1b]0;title\x07b\n"
    mftrace("run", "-q", "-o", path, "--", "sh", "-c", ":", nasty)
    out = mftrace("report", path).stdout
    assert b"\x1b" not in out and b"\x07" not in out
    assert b"\\x1b]0;title\\x07" in out
    process = json.loads(mftrace("report", "--json", path).stdout)["processes"][0]
    assert process["argv"][-1] == nasty


def test_several_processes_are_a_tree(tmp_path, need):
    dumps = tmp_path / "tree"
    script = "/bin/sh -c 'echo a; :' ; (echo b; :) ; exec sh -c 'echo c'"
    result = mftrace("run", "-q", "-o", f"{dumps}/", "--", need("bash"), "-c", script)
    assert text(result) == ("a\nb\nc\n", "")
    processes = json.loads(mftrace("report", "--json", dumps).stdout)["processes"]
    assert processes[0]["exit"] == "exec"
    assert {p["exit"] for p in processes} == {"exec", "exited"}
    children = {p["pid"] for p in processes if p["ppid"] == processes[0]["pid"]}
    assert len(children) == 2
    out = mftrace("report", dumps).stdout.decode()
    assert f"{len(processes)} processes" in out
    for process in processes:
        assert re.search(rf"^ +{process['pid']}  ", out, re.M)
    # Files named one by one are the same report.
    files = sorted(dumps.iterdir())
    assert json.loads(mftrace("report", "--json", *files).stdout)["processes"] == processes


def test_changed_binary_gives_no_names(tmp_path, need):
    """A file that is not the one recorded never lends its names."""
    source = """
    #include <stdlib.h>
    void *volatile p;
    __attribute__((noinline)) void NAME(void) { p = malloc(4321); }
    int main(void) { NAME(); return 0; }
    """
    program = tmp_path / "program"
    compile_c(need, program, source.replace("NAME", "first_name"), "-g", "-O1")
    mftrace("run", "-q", "-o", tmp_path / "d.mft", "--", program)

    def functions():
        report = json.loads(mftrace("report", "--json", tmp_path / "d.mft").stdout)
        frames = [f for s in report["processes"][0]["sites"] for f in s["frames"]]
        return {f["function"] for f in frames if f["module"] == str(program)}, report

    assert "first_name" in functions()[0]
    compile_c(need, program, source.replace("NAME", "other_name"), "-g", "-O1")
    names, report = functions()
    assert names == {None}
    assert report["unnamed_modules"] == [
        {"module": str(program), "why": "binary changed since recording"}
    ]
    assert "binary changed since recording" in mftrace(
        "report", tmp_path / "d.mft"
    ).stdout.decode().replace("\n" + 17 * " ", " ")


def test_names_files_lines_and_inlined_calls(tmp_path, need):
    source = """
    #include <stdlib.h>
    void *volatile p;
    static inline __attribute__((always_inline)) void inner(int n) { p = malloc(n); }
    __attribute__((noinline)) void outer(int n) {
        inner(n);
    }
    int main(int argc, char **argv) { outer(argc * 1234); return 0; }
    """
    program = compile_c(need, tmp_path / "p", source, "-g", "-O2")
    mftrace("run", "-q", "-o", tmp_path / "d.mft", "--", program)
    report = json.loads(mftrace("report", "--json", tmp_path / "d.mft").stdout)
    sites = [s for s in report["processes"][0]["sites"] if s["allocated_bytes"] == 1234]
    assert len(sites) == 1
    frames = [f for f in sites[0]["frames"] if f["module"] == str(program)]
    shown = [(f["function"], f["line"], f["inlined"]) for f in frames[:3]]
    assert shown == [("inner", 4, True), ("outer", 6, False), ("main", 8, False)]
    first, last = sites[0]["shown_begin"], sites[0]["shown_end"]
    assert sites[0]["frames"][first]["function"] == "inner"
    assert sites[0]["frames"][last - 1]["function"] == "main"
