# SPDX-License-Identifier: MIT
"""Suppressions in both syntaxes against a program whose leaks are known by call site.

suppressed leaks 1000 + 1000 bytes by on_the_left, 2000 by on_the_right (both through
lose_shared), 4000 by lose_zeroed, 16000 by shop::make_many<short>, 32000 by shop::Widget.
"""

import json
import re

import pytest

from recording import environment, mftrace, run_process, schema_validator

ALL = 56000


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    """A dump of the program, in which blocks are not classified."""
    from conftest import find_program
    from recording import LIBRARY

    path = tmp_path_factory.mktemp("suppressed") / "suppressed.mft"
    env = environment({"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": f"output={path}"})
    assert run_process([find_program("suppressed")], env).returncode == 0
    return path


def leaks(*arguments):
    result = mftrace("leaks", "--json", *map(str, arguments))
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads(result.stdout)
    schema_validator().validate(report)
    return report


def left(report):
    return report["processes"][0]["leaks"]["bytes"]


def rule(*frames, kinds=None):
    lines = ["{", "   a rule", "   Memcheck:Leak"]
    if kinds:
        lines.append(f"   match-leak-kinds: {kinds}")
    return "\n".join([*lines, *(f"   {frame}" for frame in frames), "}"]) + "\n"


def test_built_in_rules(dump):
    """The reserve of libstdc++, the only block that is not the program's, is not its leak."""
    report = leaks(dump)
    assert left(report) == ALL
    assert [(s["name"], s["syntax"], s["blocks"]) for s in report["suppressions"]] == [
        ("libstdc++: reserve for exceptions", "builtin", 1)
    ]
    suppressed = report["processes"][0]["leaks"]["suppressed"]
    assert suppressed["bytes"] == report["suppressions"][0]["bytes"] > 70000
    bare = leaks("--no-default-suppressions", dump)
    assert left(bare) == ALL + suppressed["bytes"]
    assert bare["suppressions"] == []


@pytest.mark.parametrize(
    "text, taken",
    [
        ("leak:lose_shared\n", 4000),
        ("leak:on_the_left\n", 2000),
        ("leak:^on_the_\n", 4000),
        ("leak:lose_*ed$\n", 8000),
        ("leak:shop::\n", 48000),
        ("leak:shop::Widget::Widget(int)\n", 32000),
        ("leak:suppressed.cc\n", ALL),
        ("leak:^main$\n", ALL),
        ("leak:nobody_calls_this\n", 0),
        (rule("fun:malloc", "fun:lose_shared", "fun:on_the_left"), 2000),
        (rule("fun:malloc", "fun:on_the_left"), 0),
        (rule("fun:malloc", "...", "fun:on_the_left"), 2000),
        (rule("fun:*alloc", "fun:lose_*"), 8000),
        (rule("fun:_Znwm", "fun:_ZN4shop6WidgetC1Ei"), 32000),
        (rule("fun:_Znwm", "fun:_ZN4shop6WidgetC2Ei"), 32000),
        (rule("fun:operator new(unsigned long)", "fun:shop::Widget::Widget(int)"), 32000),
        (rule("fun:_Znam", "fun:*make_many*"), 16000),
        (rule("fun:*", "obj:*/suppressed", "...", "obj:*/libc.so.6"), ALL),
        (rule("...", "src:suppressed.cc", "fun:main"), ALL),
        (rule("fun:calloc", "fun:lose_zeroed", kinds="reachable"), 4000),
        (rule("fun:calloc", "fun:lose_zeroed", kinds="none"), 0),
        ("{\n x\n Memcheck:Param\n write(buf)\n fun:main\n}\nleak:lose_zeroed", 4000),
    ],
)
def test_rules(dump, tmp_path, text, taken):
    path = tmp_path / "rules.supp"
    path.write_text(text)
    report = leaks("--suppressions", path, dump)
    assert left(report) == ALL - taken
    mine = report["suppressions"][0]
    assert mine["file"] == str(path)
    assert mine["bytes"] == taken
    assert (mine["blocks"] > 0) == (taken > 0)
    suppressed = [
        s for s in report["processes"][0]["sites"] if s["leak_kind"] == "suppressed"
    ]
    assert sum(s["live_bytes"] for s in suppressed) >= taken


def test_several_files(dump, tmp_path):
    """All count, the first rule that fits takes the block, and unused ones are named."""
    one, two = tmp_path / "one.supp", tmp_path / "two.supp"
    one.write_text("# of our own\n\nleak:on_the_left\nleak:unused_rule\n")
    two.write_text(rule("fun:malloc", "fun:lose_shared") + "leak:make_many\n")
    report = leaks("--suppressions", one, "--suppressions", two, dump)
    assert left(report) == 36000
    found = {(s["name"], s["line"]): s["bytes"] for s in report["suppressions"] if s["file"]}
    assert found == {
        ("on_the_left", 3): 2000,
        ("unused_rule", 4): 0,
        ("a rule", 1): 2000,
        ("make_many", 7): 16000,
    }
    text = mftrace("leaks", "--suppressions", one, "--suppressions", two, dump).stdout.decode()
    unused = text[text.index("Suppressions that fitted nothing"):]
    assert re.search(r"^  unused_rule\s+.*one\.supp:4$", unused, re.M)
    assert "make_many" not in unused


@pytest.mark.parametrize("syntax", [None, "valgrind", "lsan"])
def test_what_is_written_fits(dump, tmp_path, syntax):
    """With the rules that --gen-suppressions writes nothing is left."""
    option = "--gen-suppressions" + (f"={syntax}" if syntax else "")
    result = mftrace("leaks", option, dump)
    assert result.returncode == 0
    path = tmp_path / "written.supp"
    path.write_bytes(result.stdout)
    text = result.stdout.decode()
    assert ("Memcheck:Leak" in text) == (syntax != "lsan")
    report = leaks("--suppressions", path, dump)
    assert left(report) == 0
    # Valgrind's tell all call sites apart, each with its own rule.
    if syntax != "lsan":
        assert all(s["bytes"] > 0 for s in report["suppressions"])
        assert len([s for s in report["suppressions"] if s["file"]]) == 5


def test_valgrind_takes_what_is_written(dump, need, tmp_path):
    """memcheck, with the rules that were written for it, finds nothing definitely lost."""
    path = tmp_path / "written.supp"
    path.write_bytes(mftrace("leaks", "--gen-suppressions", dump).stdout)
    result = run_process(
        [need("valgrind"), "--leak-check=full", "--error-exitcode=9",
         f"--suppressions={path}", need("suppressed")],
        environment(), stdin=b"",
    )
    assert result.returncode == 0, result.stderr.decode()
    summary = result.stderr.decode()
    assert "definitely lost: 0 bytes" in summary
    assert re.search(r"suppressed: 56,000 bytes in 6 blocks", summary), summary


@pytest.mark.parametrize(
    "text, why",
    [
        ("leak:a\nrace:b\n", "line 2: neither leak:PATTERN nor"),
        ("{\n a\n Memcheck:Leak\n fun:x\n", 'line 1: this "{" has no "}"'),
        ("leak:*\n", "line 1: this pattern would suppress every leak"),
        ("{\n a\n Memcheck:Leak\n call:x\n}\n", "line 4: expected fun:"),
    ],
)
def test_files_that_are_refused(dump, tmp_path, text, why):
    path = tmp_path / "bad.supp"
    path.write_text(text)
    result = mftrace("leaks", "--suppressions", path, dump)
    assert result.returncode == 2
    assert result.stdout == b""
    assert f"mftrace: {path}: {why}" in result.stderr.decode()


def test_files_that_are_not_there(dump, tmp_path):
    result = mftrace("leaks", "--suppressions", tmp_path / "none", dump)
    assert result.returncode == 2
    assert b"No such file or directory" in result.stderr
    assert mftrace("leaks", "--suppressions", tmp_path, dump).returncode == 2
    assert mftrace("leaks", "--gen-suppressions=perl", dump).returncode == 2
