# SPDX-License-Identifier: MIT
"""Real programs' work is the same when it is recorded: the short part of scripts/soak."""

import subprocess

import pytest

from recording import BUILD, ROOT


@pytest.mark.parametrize("suite", ["git", "stress-ng"])
def test_soak(suite):
    run = subprocess.run([ROOT / "scripts/soak", "--build", BUILD, "--only", suite],
                         capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
