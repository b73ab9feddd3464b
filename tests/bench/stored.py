# SPDX-License-Identifier: MIT
"""A session's results as a JSON file, written and read again.

What is read back gives the same tables, so that the documents can be written from the file of
a session without another one.
"""
import json

from session import Results
from workloads import Sample

SCHEMA = "mftrace-bench/1"


def write(path, results, titles, machine, computed):
    samples = {
        workload: {
            size: {
                tool: [{"round": number, **sample.as_json()} for number, sample in rounds]
                for tool, rounds in tools.items()
            }
            for size, tools in sizes.items()
        }
        for workload, sizes in results.samples.items()
    }
    members = {name: value for name, value in vars(results).items() if name != "samples"}
    document = {"schema": SCHEMA, "machine": machine, "tools": titles, **computed,
                **members, "samples": samples}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read(path):
    """(Results, titles, machine); ValueError where the file is no result of scripts/bench."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"not a result of scripts/bench (schema {SCHEMA})")
    results = Results()
    for name in vars(results):
        if name != "samples":
            setattr(results, name, document[name])
    for workload, sizes in document["samples"].items():
        for size, tools in sizes.items():
            for tool, rounds in tools.items():
                for entry in rounds:
                    number = entry.pop("round")
                    results.add(workload, size, tool, number, Sample(**entry))
    return results, document["tools"], document["machine"]
