# SPDX-License-Identifier: MIT
"""The fault matrix in its short form, and each proof by number in a small one.

scripts/faults runs all of it: more rounds, other allocators, heaptrack beside it.
"""

import os
import subprocess

import pytest

from recording import BUILD, ROOT, environment

# Small enough for every change, large enough that the mistakes they were made for show.
PROOFS = {"kill9": 8, "full-disk": 6, "file-limit": 6, "forks": 200, "order": 8000000,
          "kill9-ring": 4, "ring": 4000000}


def run_faults(*arguments):
    command = [ROOT / "scripts" / "faults", "--build", BUILD, *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True,
                          timeout=300, check=False)


@pytest.mark.parametrize("letter", "ABCDEFGHIJ")
def test_entries(letter):
    """Every entry of the catalogue's letter holds, where it is possible at all."""
    run = run_faults("--short", "--only", letter)
    assert run.returncode == 0, run.stdout + run.stderr
    # As root nothing of it needs a right that is missing.
    if os.geteuid() == 0:
        assert "not root" not in run.stdout
    assert " ok 1 " in run.stdout


@pytest.mark.parametrize("proof", PROOFS)
def test_proof(proof):
    run = run_faults("--bulk", proof, "--times", str(PROOFS[proof]))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 failed" in run.stdout
