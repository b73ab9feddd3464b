# SPDX-License-Identifier: MIT
"""Dumps changed at random: whatever comes of it, it comes soon, and no memory is short.

tests/fuzz/mutate_dump reads each within a second and 256 MiB; what goes beyond, or ends the
process, fails the run. MFTRACE_MUTATIONS: how many of them; scripts/fuzz --mutate and --flip
do millions.
"""

import os
import re
import subprocess

import pytest
from recording import BUILD

FUZZ = BUILD / "tests" / "fuzz"
MUTATIONS = int(os.environ.get("MFTRACE_MUTATIONS", "1500"))


@pytest.fixture(scope="module")
def mutate(tmp_path_factory):
    def run(what, dumps):
        result = subprocess.run(
            [FUZZ / "mutate_dump", what, str(MUTATIONS), "7", "2", *dumps],
            capture_output=True, text=True, check=False,
            cwd=tmp_path_factory.mktemp("kept"), timeout=MUTATIONS,
        )
        assert result.returncode == 0, (result.stdout, result.stderr)
        return {word: float(figure) for figure, word in
                re.findall(r"([\d.]+) (\w+)", result.stdout.replace("largest", ""))}

    return run


def record(trace):
    dumps = []
    for program, arguments, options in (
        ("process_end", ["exit"], "leak_scan=1"),
        ("fork_tree", [], ""),
        ("/bin/ls", ["/usr"], "leak_scan=1"),
    ):
        run = trace(program, *arguments, options=options)
        dumps += sorted(run.dumps.glob("*.mft"))
    return dumps


def test_no_mutation_breaks_anything(trace, mutate, tmp_path):
    dumps = record(trace) + sorted(trace("process_end", "kill").dumps.glob("*.mft"))
    # Small ones with all kinds of records, and rings.
    subprocess.run([FUZZ / "make_seeds", tmp_path], check=True)
    dumps += sorted((tmp_path / "dump").glob("[rsw]*"))
    tally = mutate("--mutate", dumps)
    assert tally["mutations"] == MUTATIONS
    # Some do no harm, such as those behind the end of what was written.
    assert MUTATIONS / 2 < tally["noticed"] < MUTATIONS
    assert tally["ms"] < 1000
    assert tally["MiB"] < 256


def test_every_changed_bit_is_noticed(trace, mutate):
    tally = mutate("--flip", record(trace))
    assert tally["flips"] == MUTATIONS
    assert tally["noticed"] == MUTATIONS
