# SPDX-License-Identifier: MIT
"""The examples of docs/ci.md, run as they stand there: with a program within its budgets
they pass, with one that leaks they fail."""

import os
import re
import shutil

import pytest

from recording import MFTRACE, ROOT, environment, run_process

PAGE = (ROOT / "docs" / "ci.md").read_text()
GOOD = "#include <stdlib.h>\nint main(void) { free(malloc(100)); return 0; }\n"
BAD = (
    "#include <stdlib.h>\n"
    "int main(void) { char *volatile p = malloc(100); p = 0; return 0; }\n"
)


def example(section):
    """The block of code of a section."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.search(r"```\w+\n(.*?)```", text, re.S).group(1)


@pytest.fixture
def run(tmp_path):
    """Runs a command with mftrace in PATH."""
    env = environment()
    env["PATH"] = f"{MFTRACE.parent}:/usr/bin:/bin:{os.environ['PATH']}"
    env["CFLAGS"] = ""
    env["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary")

    def go(*command):
        return run_process(command, env, cwd=tmp_path)

    return go


def program(tmp_path, source):
    (tmp_path / "main.c").write_text(source)


def shell_lines(section):
    """What the section's CI system gives to the shell, a command a line."""
    text = example(section)
    if section == "Jenkins":
        return re.findall(r"sh '([^']*)'", text)
    if section == "GitLab CI":
        return re.findall(r"^    - (.*)$", text, re.M)
    return [
        re.sub(r"\s+", " ", folded or line).strip()
        for folded, line in re.findall(r"run: (?:>\n((?:          .*\n)+)|(.*)\n)", text)
    ]


@pytest.mark.parametrize("section", ["GitHub Actions", "GitLab CI", "Jenkins"])
def test_shell_examples(section, run, tmp_path):
    lines = shell_lines(section)
    assert len(lines) >= 2 and lines[0].startswith("cc ")
    for source, expected in ((GOOD, 0), (BAD, 1)):
        program(tmp_path, source)
        assert run("sh", "-c", lines[0]).returncode == 0
        gate = run("sh", "-c", lines[1])
        assert gate.returncode == expected, gate.stderr
        for line in lines[2:]:
            assert run("sh", "-c", line).returncode == 0
        if section == "GitHub Actions":
            assert (tmp_path / "mftrace.sarif").exists()
            assert "max-definite" in (tmp_path / "summary").read_text()
            assert (b"::error file=main.c,line=2," in gate.stderr) == bool(expected)
        else:
            failed = b"<failure" in (tmp_path / "mftrace.xml").read_bytes()
            assert failed == bool(expected)


def test_ctest(run, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(example("ctest"))
    for source, fine in ((GOOD, True), (BAD, False)):
        program(tmp_path, source)
        assert run("cmake", "-S", ".", "-B", "build").returncode == 0
        assert run("cmake", "--build", "build").returncode == 0
        result = run("ctest", "--test-dir", "build")
        assert (result.returncode == 0) == fine, result.stdout


def test_meson(run, tmp_path):
    (tmp_path / "meson.build").write_text(example("Meson"))
    for source, fine in ((GOOD, True), (BAD, False)):
        program(tmp_path, source)
        shutil.rmtree(tmp_path / "build", ignore_errors=True)
        assert run("/usr/bin/meson", "setup", "build").returncode == 0
        result = run("/usr/bin/meson", "test", "-C", "build", "--setup", "memory")
        assert (result.returncode == 0) == fine, result.stdout
        # Meson tells the compiler "../main.c"; annotations want the file as in the sources.
        words = ("--max-leaked=0", "--format=github", "--", "build/tests")
        shown = run("mftrace", "run", "-q", "--check", *words).stderr
        assert (b"::error file=main.c,line=2," in shown) == (not fine)
        assert run("/usr/bin/meson", "test", "-C", "build").returncode == 0


def test_pytest(run, tmp_path):
    (tmp_path / "test_memory.py").write_text(example("pytest"))
    for source, fine in ((GOOD, True), (BAD, False)):
        program(tmp_path, source)
        assert run("cc", "-g", "-o", "tests", "main.c").returncode == 0
        result = run("/usr/bin/python3", "-m", "pytest", "-q", "test_memory.py")
        assert (result.returncode == 0) == fine, result.stdout


def test_budgets_of_the_page(run, tmp_path):
    """The file that the page shows is understood whole."""
    (tmp_path / "mftrace.ini").write_text(example("Budgets"))
    program(tmp_path, GOOD)
    assert run("cc", "-g", "-o", "tests", "main.c").returncode == 0
    result = run("mftrace", "run", "-q", "--check", "--", "./tests")
    assert result.returncode == 0, result.stderr
    assert b"5 checked, 0 failed" in result.stderr
