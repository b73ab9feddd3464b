# SPDX-License-Identifier: MIT
"""The schema of reports: there, strict, and met by every verb that prints one."""

import copy

import jsonschema
import pytest

from recording import SCHEMA, mftrace, schema_validator


@pytest.fixture
def validator():
    assert SCHEMA.exists(), f"{SCHEMA} is missing: no report is checked"
    return schema_validator()


def test_schema_refuses_what_is_wrong(trace, validator):
    """A report passes, and does not any more once a member is missing or of another type."""
    report = copy.deepcopy(trace("leaks").process.report)
    whole = {"schema": "mftrace-report/1", "processes": [report]}
    validator.validate(whole)
    for path, wrong in [
        (["pid"], "12"),
        (["recording", "events"], -1),
        (["recording", "mode"], "fast"),
        (["exit"], "gone"),
        (["peak", "bytes"], None),
        (["at_exit", "live_blocks"], 1.5),
        (["fragmentation", "page_occupancy"], [0] * 10),
        (["sites", 0, "frames", 0, "function"], 7),
        (["sites", 0, "live_bytes"], "many"),
    ]:
        broken = copy.deepcopy(whole)
        part = broken["processes"][0]
        for key in path[:-1]:
            part = part[key]
        for change in (lambda: part.pop(path[-1]), lambda: part.__setitem__(path[-1], wrong)):
            if isinstance(part, dict):
                change()
                with pytest.raises(jsonschema.ValidationError):
                    validator.validate(broken)


@pytest.mark.parametrize("verb", ["report", "peak", "leaks", "frag"])
def test_verbs_print_it(trace, validator, verb):
    """What a verb prints as JSON is of a schema, and that one is named in it."""
    run = trace("leaks")
    result = mftrace(verb, "--json", run.dumps)
    assert result.returncode == 0
    assert b"mftrace-report/1" in result.stdout
