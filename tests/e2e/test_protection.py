# SPDX-License-Identifier: MIT
"""Checksums over a dump: what the recorder seals, and what a changed bit does to reports.

scripts/check_format, which knows the format from docs/format.md alone, says that the seals
fit.
"""

import json
import random
import subprocess
import sys

import pytest
from recording import ROOT, environment, mftrace, read_report

PYTHON_THREADS = """
import os, threading
ready = threading.Barrier(5)
def work():
    kept = [bytes(1000 + i) for i in range(3000)]
    ready.wait()
    while True:
        kept[:100] = [bytes(2000 + i) for i in range(100)]
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
os._exit(3)
"""


def check_format(dump):
    """How much of a dump is sealed; fails where a seal does not fit."""
    result = subprocess.run(
        [sys.executable, ROOT / "scripts/check_format", dump],
        capture_output=True, text=True, check=False, env=environment(), timeout=100,
    )
    assert result.returncode == 0, (result.stdout, result.stderr)
    words = dict(word.split("=") for word in result.stdout.split())
    assert words["two_live_at_one_address"] == "0"
    return int(words["sealed_bytes"])


def chunks_bytes(dump):
    return dump.stat().st_size - 4096


def only_dump(run):
    (dump,) = run.dumps.glob("*.mft")
    return dump


@pytest.mark.parametrize("way", ["return", "exit", "_exit"])
def test_a_process_that_ends_is_sealed(trace, way):
    run = trace("process_end", way)
    run.process.expect_nothing_lost()
    recording = run.process["recording"]
    assert (recording["unsealed_bytes"], recording["skipped_bytes"]) == (0, 0)
    dump = only_dump(run)
    assert check_format(dump) == chunks_bytes(dump) > 0


def test_events_after_the_seal_are_read_and_counted(trace):
    """quick_exit runs its handlers after it has said that the process ends."""
    run = trace("process_end", "quick_exit")
    run.process.expect_truth(run.truth)
    assert 0 < run.process["recording"]["unsealed_bytes"] < 65536
    dump = only_dump(run)
    assert 0 < check_format(dump) < chunks_bytes(dump)


def test_a_killed_process_is_read_and_judged(trace):
    run = trace("process_end", "kill")
    run.process.expect_nothing_lost()
    assert run.process["recording"]["unsealed_bytes"] > 0
    assert run.process["leaks"]["judged"] is True
    assert run.process["leaks"]["doubt"] is None
    assert check_format(only_dump(run)) == 0


def test_threads_that_go_on_writing_are_sealed_as_far_as_they_are(trace):
    run = trace("/usr/bin/python3", "-c", PYTHON_THREADS, env={"PYTHONMALLOC": "malloc"})
    assert run.status == 3
    run.process.expect_nothing_lost()
    assert run.process["recording"]["threads"] == 5
    # What they had allocated before the end began; what follows depends on who runs when.
    # An allocation has an operation, a clock, a size and an address: four bytes at least.
    assert check_format(only_dump(run)) > 4 * 3000 * 4


def test_a_failed_exec_goes_on_behind_the_seal(trace):
    script = "exec {'/nonexistent'} 'x'; my %h; $h{$_} = $_ x 9 for 1..20000; exit 5"
    run = trace("/usr/bin/perl", "-e", script)
    assert run.status == 5
    run.process.expect_nothing_lost()
    recording = run.process["recording"]
    assert recording["allocations"] > 20000
    assert (recording["unsealed_bytes"], recording["skipped_bytes"]) == (0, 0)
    # All but the places that it had taken ahead and not begun.
    dump = only_dump(run)
    assert check_format(dump) > chunks_bytes(dump) / 2


def test_a_changed_bit_is_noticed_and_nothing_is_judged(trace, tmp_path):
    run = trace("process_end", "exit")
    whole = only_dump(run).read_bytes()
    changed = tmp_path / "changed.mft"
    for seed in range(25):
        data = bytearray(whole)
        bit = random.Random(seed).randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        changed.write_bytes(data)
        result = mftrace("leaks", "--json", changed)
        if result.returncode == 2:
            assert not result.stdout and result.stderr.startswith(b"mftrace: ")
            continue
        assert result.returncode == 0, (bit, result.stderr)
        (process,) = json.loads(result.stdout)["processes"]
        assert process["recording"]["damage"], bit
        assert process["leaks"]["judged"] is False
        assert process["leaks"]["doubt"] == "the dump is damaged"
        assert mftrace("check", "--max-leaked", "1G", changed).returncode == 2
        assert mftrace("check", "--max-leaked", "1G", "--force", changed).returncode == 0


def test_text_says_why_leaks_are_not_judged(trace, tmp_path):
    run = trace("process_end", "exit")
    data = bytearray(only_dump(run).read_bytes())
    data[4096 + 5000] ^= 16
    changed = tmp_path / "changed.mft"
    changed.write_bytes(data)
    text = mftrace("leaks", changed).stdout.decode()
    assert "not judged" in text and "--force" in text
    assert "does not fit its checksum" in " ".join(text.split())
    forced = mftrace("leaks", "--force", changed).stdout.decode()
    assert "not judged" not in forced and "doubtful" in forced
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)


def test_a_stored_report_with_losses_passes_nothing(trace, tmp_path):
    run = trace("process_end", "exit")
    report = read_report(only_dump(run))
    stored = tmp_path / "report.json"
    stored.write_text(json.dumps(report))
    assert mftrace("check", "--max-leaked", "1G", stored).returncode == 0
    report["processes"][0]["recording"]["lost_events"] = 1
    stored.write_text(json.dumps(report))
    result = mftrace("check", "--max-leaked", "1G", stored)
    assert result.returncode == 2
    assert b"not whole" in result.stdout
