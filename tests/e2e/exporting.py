# SPDX-License-Identifier: MIT
"""Dumps in other tools' formats: what `mftrace export` makes of them."""

import csv

from recording import mftrace


def export(form, dump, path, *options):
    """Exports a dump, or a directory of them, to a file; returns its path."""
    result = mftrace("export", "--format", form, *options, "-o", path, dump)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stderr == b""
    return path


def export_rows(dump, path):
    """The call sites of a dump: a dict for each line of its CSV."""
    export("csv", dump, path)
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


# Programs that everybody has, and enough work for each to hold something at its peak.
SQL = """
CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000)
INSERT INTO t SELECT x, hex(x * x) FROM c;
SELECT substr(b, 1, 3), count(*) FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT 3;
"""
PYTHON = "import json; x = [json.loads(json.dumps({str(i): [i] * 9})) for i in range(3000)]"
REAL_PROGRAMS = {
    "sqlite3": (["sqlite3", ":memory:", SQL], None),
    "python3": (["/usr/bin/python3", "-c", PYTHON], {"PYTHONMALLOC": "malloc"}),
}
