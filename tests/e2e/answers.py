# SPDX-License-Identifier: MIT
"""What the mftrace command says, and programs of a test's own to put to it."""

import re
import subprocess


def text(result):
    return result.stdout.decode(), result.stderr.decode()


def refused(result, *words):
    """Exit 2, nothing on stdout, one line `mftrace: ...` on stderr that holds the words."""
    out, err = text(result)
    assert (result.returncode, out) == (2, ""), (result.returncode, out, err)
    assert re.fullmatch(r"mftrace: [^\n]+\n", err), err
    for word in words:
        assert word in err, (word, err)


def compile_c(need, path, source, *options):
    """Builds a program of one's own."""
    subprocess.run(
        [need("gcc"), "-xc", "-", "-o", path, *options],
        input=source.encode(),
        check=True,
    )
    return path
