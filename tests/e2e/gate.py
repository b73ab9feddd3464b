# SPDX-License-Identifier: MIT
"""Recordings of a program whose peak and leaks are as it is told, and what
`mftrace check` says of them. conftest.py makes the recordings once for all files."""

import json

import jsonschema

from recording import PROGRAMS, ROOT, mftrace

KIB = 1024


def record(path, *words, options=()):
    """Records a command that ends with status 0; returns the dump's path."""
    result = mftrace("run", "-q", *options, "-o", path, "--", *words)
    assert result.returncode == 0, result.stderr
    return path


def gated(path, peak_kib=4096, lost=10, temporaries=100, anew=0, options=()):
    """Records tests/programs/gated.c, told what to hold and to lose."""
    program = PROGRAMS / "gated"
    return record(path, program, peak_kib, lost, temporaries, anew, options=options)


def check(*arguments, status, config=("--no-config",), **popen):
    """What `mftrace check` prints, which must end with that status."""
    result = mftrace("check", *config, *arguments, **popen)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    return result.stdout.decode()


def verdicts(*arguments, status, **popen):
    """The verdicts of `mftrace check` by their names, checked against the schema."""
    answer = json.loads(check("--format", "json", *arguments, status=status, **popen))
    schema = json.loads((ROOT / "docs" / "check.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert answer["exit_status"] == status
    return {verdict["name"]: verdict for verdict in answer["verdicts"]}


def functions(verdict, n=0):
    """The functions of a verdict's nth call site, from the allocation outwards."""
    return [frame["function"] for frame in verdict["sites"][n]["frames"]]


def report_of(dump):
    """What `mftrace report` says of a dump, by the names of the budgets."""
    process = json.loads(mftrace("report", "--json", dump).stdout)["processes"][0]
    snapshots = process["snapshots"]
    return {
        "leaked": process["leaks"]["bytes"],
        "definite": process["leaks"]["definite"]["bytes"],
        "peak": process["peak"]["bytes"],
        "live-at-exit": process["at_exit"]["live_bytes"],
        "allocations": process["recording"]["allocations"],
        "temporary": process["totals"]["temporary_allocations"],
        "resident": max(snapshot["resident_bytes"] for snapshot in snapshots),
        "frag": process["fragmentation"]["ratio"],
        "pinned": process["fragmentation"]["pinned_bytes"],
    }
