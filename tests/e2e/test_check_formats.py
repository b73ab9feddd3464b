# SPDX-License-Identifier: MIT
"""What `mftrace check` writes for CI systems, as their readers read it."""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest

from gate import check, gated
from recording import BUILD
from viewers import JUNIT_SCHEMA


@pytest.fixture(scope="module")
def written(gate_dumps, gate_runs):
    """Two failures, a pass and an unknown one in every format, into files."""
    formats = ("text", "json", "junit", "sarif", "github", "markdown")
    outputs = [f"--output={name}={gate_dumps / name}" for name in formats]
    check("--max-peak=1K", "--max-leaked=0", "--max-frag=1", "--max-definite=0", *outputs,
          gate_runs[0], status=2)
    return {name: (gate_dumps / name).read_text() for name in formats}


def test_output_is_that_of_the_format(written, gate_runs):
    for name, text in written.items():
        assert text == check("--max-peak=1K", "--max-leaked=0", "--max-frag=1",
                             "--max-definite=0", "--format", name, gate_runs[0], status=2)


def test_junit(written, gate_dumps, need):
    """It is as Jenkins's schema wants it, and the counts are those of the cases."""
    schema = JUNIT_SCHEMA / "jenkins-junit.xsd"
    assert schema.is_file(), f"scripts/install_node_packages {BUILD} has not been run"
    lint = [need("xmllint"), "--noout", "--schema", schema]
    subprocess.run([*lint, gate_dumps / "junit"], check=True)
    wrong = gate_dumps / "wrong.xml"
    wrong.write_text(written["junit"].replace("<testcase", "<case"))
    assert subprocess.run([*lint, wrong], stderr=subprocess.DEVNULL).returncode != 0
    suites = ElementTree.fromstring(written["junit"])
    (suite,) = suites
    cases = list(suite)
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    assert {case.tag for case in cases} == {"testcase"}
    for element in (suites, suite):
        counted = [element.get(name) for name in ("tests", "failures", "errors")]
        assert counted == ["4", "2", "1"]
    by_name = {case.get("name"): case for case in cases}
    failure = by_name["max-peak"].find("failure")
    assert failure.get("type") == "peak-over-budget" and "held_at_peak" in failure.text
    assert by_name["max-definite"].find("error") is not None
    assert len(by_name["max-frag"]) == 0


def test_sarif(written):
    """The rules exist, the places point at the test program, stacks end where memory was
    allocated, and the fingerprint is the site's."""
    log = json.loads(written["sarif"])
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    results = {result["ruleId"]: result for result in run["results"]}
    assert log["version"] == "2.1.0" and set(results) <= rules
    assert set(results) == {"peak-over-budget", "leaked-over-budget"}
    for result, function in zip(results.values(), ("held_at_peak", "lost_always")):
        (place,) = result["locations"]
        artifact = place["physicalLocation"]["artifactLocation"]["uri"]
        assert artifact.endswith("tests/programs/gated.c")
        assert place["physicalLocation"]["region"]["startLine"] > 1
        steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
        places = [step["location"]["logicalLocations"][0] for step in steps]
        names = [place["fullyQualifiedName"] for place in places]
        assert names == ["main", function]
        site = result["partialFingerprints"]["mftraceSite/v1"]
        assert re.fullmatch("[0-9a-f]{16}", site)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_is_valid(written, gate_dumps, gate_runs):
    """By the schema that is published: of failures, of a new leak, and of nothing."""
    installed = BUILD / "node_modules" / "@microsoft" / "jest-sarif" / "lib" / "schemas"
    assert installed.is_dir(), f"scripts/install_node_packages {BUILD} has not been run"
    schema = json.loads((installed / "sarif-2.1.0-rtm.5.json").read_text())
    validator = jsonschema.Draft4Validator(schema)
    anew = gated(gate_dumps / "anew.sarif.mft", anew=1)
    texts = [
        written["sarif"],
        check("--format=sarif", "--baseline", gate_runs[0], anew, status=1),
        check("--format=sarif", "--max-peak=1G", gate_runs[0], status=0),
    ]
    counts = []
    for text in texts:
        log = json.loads(text)
        validator.validate(log)
        counts.append(len(log["runs"][0]["results"]))
    assert counts == [2, 2, 0]  # a new leak is also more leaked memory
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{}]})


def test_github(written):
    lines = written["github"].splitlines()
    assert len(lines) == 3
    command = re.compile(r"::error (file=[^,:]+,line=\d+,)?title=[^,:]+::\S")
    assert all(command.match(line) for line in lines)
    assert "gated.c" in lines[0] and "%0A" in lines[0]


def test_markdown(written):
    table = [x for x in written["markdown"].splitlines() if x.startswith("|")]
    assert len(table) == 2 + 4
    assert {row.count(" | ") for row in table[2:]} == {5}
    assert table[2].startswith("| **failed** | max-peak | ")


def test_hostile_names(tmp_path, gate_runs):
    """A name from outside stays in its place in every format."""
    name = "a|b`c<d>&\x1b[31m\n::error::x, %\r\"'.mft"
    (tmp_path / name).write_bytes(gate_runs[0].read_bytes())
    texts = {
        form: check("--max-peak=1K", "--format", form, name, status=1, cwd=tmp_path)
        for form in ("text", "json", "junit", "sarif", "github", "markdown")
    }
    assert len(texts["github"].splitlines()) == 1
    ElementTree.fromstring(texts["junit"])
    assert json.loads(texts["json"]) and json.loads(texts["sarif"])
    for form, text in texts.items():
        assert "\x1b" not in text and "\r" not in text, form
        assert "\n::error::x" not in text, form
