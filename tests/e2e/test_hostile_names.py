# SPDX-License-Identifier: MIT
"""Names that would drive a terminal, end a line or a tag, or read as something else, in
everything that mftrace writes."""

import csv
import json
import os
import re
import sqlite3
import subprocess
import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest

from recording import LIBRARY, MFTRACE, environment, escape, run_process

TITLE = "\x1b]0;owned\x07"
RED = "\x1b[31m"
DIRECTION = "\u202e"
C1 = "\x9b31m"
# In a function's name, a file's, the program's and its directory, an argument, a thread's.
FUNCTION = f"evil{TITLE}\n<script>alert(1)</script>;,&'\"{DIRECTION}{C1}"
FUNCTION += "%0A::error::=1+1|`$x"
FUNCTION_BYTES = FUNCTION.encode() + b"\xff"
STAND_IN = "a" * len(FUNCTION_BYTES)
FILE = f"ev{RED}il<b>,;{DIRECTION}.c"
PROGRAM = f"pro{RED}g\n<i>\"'&;,{DIRECTION}"
DIRECTORY = f"dir{TITLE}\n<u>&{C1}"

# Every byte: as an argument, in the name of a library, which has no "/", and in that of a
# function, in which "@" would begin a version.
ALL_BYTES = bytes(range(1, 256))
LIBRARY_NAME = ALL_BYTES.replace(b"/", b"")
LIBRARY_FUNCTION = ALL_BYTES.replace(b"@", b"")
LIBRARY_STAND_IN = "b" * len(LIBRARY_FUNCTION)

# Formats that are seen: soft hyphens, signs of Arabic, Kaithi, hieroglyphs and scores.
VISIBLE = "\xad" + "".join(
    chr(code)
    for low, high in (
        (0x600, 0x605), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
        (0x180E, 0x180E), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1345F),
        (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    )
    for code in range(low, high + 1)
)

# A check that fails, and shows whose fault it is.
OVER = ("check", "--no-config", "--max-peak", "1")

# No character of these may come out as it is.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]"
)


def build(path, source, names, *options):
    """Compiles; no compiler takes such a name, but files can be written without one."""
    subprocess.run(
        ["gcc", "-g", "-O1", *options, "-x", "c", "-", "-o", path],
        input=source.encode(),
        check=True,
    )
    with open(path, "r+b") as file:
        content = file.read()
        assert names[0] in content
        file.seek(0)
        file.write(content.replace(*names))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A dump whose every name is hostile, and the directory that it is in."""
    directory = tmp_path_factory.mktemp("hostile") / DIRECTORY
    directory.mkdir()
    program = directory / PROGRAM
    library = os.fsencode(directory) + b"/" + LIBRARY_NAME
    build(
        library,
        f"""
#include <stdlib.h>
static __attribute__((noinline)) void *{LIBRARY_STAND_IN}(size_t n)
{{ return malloc(n); }}
void *call(size_t n) {{ return {LIBRARY_STAND_IN}(n); }}
""",
        (LIBRARY_STAND_IN.encode(), LIBRARY_FUNCTION),
        "-shared",
        "-fPIC",
        "-fno-optimize-sibling-calls",
    )
    source = f"""
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
# 7 "{FILE}"
__attribute__((noinline)) void *{STAND_IN}(size_t n) {{ return malloc(n); }}
static void *run(void *p)
{{
	prctl(PR_SET_NAME, "t\\033[1m\\n<b>\\377");
	return {STAND_IN}(77);
}}
int main(int argc, char **argv) {{
	void *(*call)(size_t) = dlsym(dlopen(argv[1], RTLD_NOW), "call");
	pthread_t t;
	call(4711);
	for (int i = 0; i < 50; i++) {STAND_IN}(1000 + i);
	pthread_create(&t, 0, run, 0);
	return pthread_join(t, 0);
}}
"""
    build(program, source, (STAND_IN.encode(), FUNCTION_BYTES), "-pthread")
    dump = directory / "evil\x1b[32m.mft"
    env = environment(
        {
            "LD_PRELOAD": str(LIBRARY),
            "MFTRACE_OPTIONS": f"output={escape(dump)}:leak_scan=1",
        }
    )
    arguments = [program, library, DIRECTION, b"\x1b[33m\xff\n<b>", ALL_BYTES]
    done = subprocess.run(arguments, env=env, cwd=directory, check=False)
    assert done.returncode == 0
    return dump


def output(dump, *arguments, status=(0,)):
    """Standard output, and that nothing in it or in the errors is harmful."""
    run = run_process([MFTRACE, *arguments, dump], environment(), cwd=dump.parent)
    assert run.returncode in status, run.stderr
    assert_harmless(run.stderr)
    assert run.stdout
    return assert_harmless(run.stdout)


def assert_harmless(content):
    text = content.decode()  # that is, it is UTF-8
    found = FORBIDDEN.search(text.replace("\r\n", "\n"))
    assert not found, (found, text[max(0, found.start() - 80) : found.end() + 20])
    return text


@pytest.mark.parametrize(
    "arguments",
    [
        ["report"],
        ["peak"],
        ["leaks"],
        ["leaks", "--kind", "definite,indirect,possible,reachable"],
        ["leaks", "--gen-suppressions=lsan"],
        ["leaks", "--gen-suppressions=valgrind"],
        ["frag"],
        ["frag", "--map"],
        ["info"],
        ["dump", "--stack"],
        [*OVER],
        [*OVER, "--format", "markdown"],
        [*OVER, "--format", "github"],
        ["export", "--format", "folded"],
        ["export", "--format", "callgrind"],
        ["export", "--format", "massif"],
        ["export", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_text(hostile, arguments):
    text = output(hostile, *arguments, status=(0, 1))
    assert "\t" not in text or arguments[0] == "export"


def test_the_names_are_there(hostile):
    """What is looked for in the others would else be missing for another reason."""
    text = output(hostile, *OVER, "--format", "markdown", status=(1,))
    assert "evil\\x1b]0;owned\\x07\\x0a<script>" in text
    assert "ev\\x1b[31mil<b>,;\\xe2\\x80\\xae.c" in text


def the_process(dump, *arguments):
    """What JSON says of it: escaped by the format, in ASCII, DEL being plain there."""
    run = run_process([MFTRACE, *arguments, dump], environment())
    assert not re.search(rb"[^\x0a\x20-\x7f]", run.stdout)
    (process,) = json.loads(run.stdout)["processes"]
    return process


def test_json_says_what_it_was(hostile):
    for arguments in (["report", "--json"], ["leaks", "--json"], ["frag", "--json"]):
        process = the_process(hostile, *arguments)
        assert process["argv"][2] == DIRECTION
        assert process["exe"].endswith(PROGRAM)
        assert process["argv"][4].startswith(ALL_BYTES[:127].decode())


def test_junit(hostile):
    text = output(hostile, *OVER, "--format", "junit", status=(1,))
    tree = ElementTree.fromstring(text)
    assert {element.tag for element in tree.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "properties", "property",
        "skipped", "system-out", "system-err", "error",
    }


def test_json_formats(hostile):
    for arguments in (
        [*OVER, "--format", "sarif"],
        [*OVER, "--format", "json"],
        ["export", "--format", "speedscope"],
        ["export", "--format", "perfetto"],
    ):
        json.loads(output(hostile, *arguments, status=(0, 1)))


def test_github_annotations_are_one_line_each(hostile):
    text = output(
        hostile, *OVER, "--format", "github", status=(1,)
    )
    annotations = [line for line in text.splitlines() if line.startswith("::")]
    assert annotations
    assert all(re.match(r"::(error|warning|notice)[ :]", line) for line in annotations)
    assert not any(line.startswith("::error::=1+1") for line in text.splitlines())


def test_markdown_has_no_tags(hostile):
    text = output(
        hostile, *OVER, "--format", "markdown", status=(1,)
    )
    outside_code = re.sub(r"^```$.*?^```$", "", text, flags=re.M | re.S)
    assert outside_code.count("\n| ") == 2
    assert not re.search("^```", outside_code, flags=re.M)
    for tag in ("<script", "<i>", "<b>", "<u>"):
        assert tag not in outside_code


def shown(name):
    """As text: what is no plain character becomes a backslash, x and two digits."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in name)


def test_every_byte_of_a_name_is_there(hostile):
    """Those that are harmless as they are, the rest as digits."""
    text = output(hostile, "export", "--format", "csv")
    stacks = [row["stack"] for row in csv.DictReader(text.splitlines())]
    assert sum(shown(LIBRARY_FUNCTION) in stack for stack in stacks) == 1
    process = the_process(hostile, "report", "--json")
    assert shown(LIBRARY_FUNCTION) in {
        frame["function"] for site in process["sites"] for frame in site["frames"]
    }
    assert shown(LIBRARY_NAME) in {
        frame["module"].rpartition("/")[2]
        for site in process["sites"]
        for frame in site["frames"]
        if frame["module"]
    }


def test_folded_has_a_number_at_each_end(hostile):
    """And between semicolons nothing but whole names."""
    process = the_process(hostile, "report", "--json")
    frames = [frame for site in process["sites"] for frame in site["frames"]]
    names = {frame["function"].replace(";", ":") for frame in frames if frame["function"]}
    found = set()
    for line in output(hostile, "export", "--format", "folded").splitlines():
        assert re.fullmatch(r".+ \d+", line)
        found.update(line.rpartition(" ")[0].split(";"))
    hexadecimal = re.compile(r"(.+\+)?0x[0-9a-f]+|\[.+\]")
    assert not [one for one in found - names if not hexadecimal.fullmatch(one)]
    assert any(one.startswith("evil") for one in found)
    assert shown(LIBRARY_FUNCTION).replace(";", ":") in found


def test_csv_rows_are_whole(hostile):
    text = output(hostile, "export", "--format", "csv")
    rows = list(csv.reader(text.splitlines()))
    assert len(rows) >= 2
    assert {len(row) for row in rows} == {len(rows[0])}


def test_callgrind_lines(hostile):
    """A name cannot begin a line of its own."""
    for line in output(hostile, "export", "--format", "callgrind").splitlines():
        assert not line.startswith("<script>")
        known = r"$|#|[a-z ]+:|c?(fn|fi|fe|ob|fl|file)=|calls=|[+*-]?\d|\*"
        assert re.match(known, line), line


def test_pictures(hostile, tmp_path):
    picture = tmp_path / "map.svg"
    output(hostile, "frag", f"--map={picture}")
    tree = ElementTree.fromstring(assert_harmless(picture.read_bytes()))
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert not tags & {"script", "b", "i", "u"}


def test_database(hostile, tmp_path):
    path = tmp_path / "runs.db"
    run = run_process(
        [MFTRACE, "export", "--format", "sqlite", "-o", path, hostile], environment()
    )
    assert run.returncode == 0, run.stderr
    database = sqlite3.connect(path)
    tables = database.execute("select name from sqlite_master where type='table'")
    tables = tables.fetchall()
    assert tables
    for (table,) in tables:
        # Raises where a text is no UTF-8.
        assert database.execute(f"select * from {table}").fetchall() is not None


def test_binary_exports(hostile, tmp_path):
    for form in ("heaptrack", "pprof"):
        path = tmp_path / form
        run = run_process(
            [MFTRACE, "export", "--format", form, "-o", path, hostile], environment()
        )
        assert run.returncode == 0, run.stderr
        assert path.stat().st_size > 0


def test_diff(hostile):
    for arguments in ([], ["--json"]):
        run = run_process([MFTRACE, "diff", *arguments, hostile, hostile], environment())
        assert run.returncode == 0
        assert_harmless(run.stdout)


def test_errors(tmp_path):
    """A name on the command line comes back in the message."""
    for arguments in (["report"], [*OVER], ["diff"]):
        name = str(tmp_path / f"no{RED}thing\n{DIRECTION}")
        run = run_process([MFTRACE, *arguments, name, name], environment())
        assert run.returncode == 2
        assert b"\\x1b[31m" in run.stderr
        assert_harmless(run.stderr)
        assert len(run.stderr.splitlines()) == 1


def test_every_character(tmp_path):
    """What is printed of all of Unicode has no controls and no formats."""
    harmful = [
        chr(code)
        for code in range(1, 0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")
    ]
    assert len(harmful) > 100
    for start in range(0, len(harmful), 30):
        name = "".join(harmful[start : start + 30])
        run = run_process([MFTRACE, "report", tmp_path / name], environment())
        assert_harmless(run.stderr)
        shown = [c for c in run.stderr.decode() if c in harmful and c not in "\n" + VISIBLE]
        assert not shown, shown
