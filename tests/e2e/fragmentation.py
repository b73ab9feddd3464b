# SPDX-License-Identifier: MIT
"""What `mftrace frag` says of one process at one moment."""

import json
import xml.etree.ElementTree

from recording import Process, mftrace, schema_validator

SVG = "{http://www.w3.org/2000/svg}"


def frag_process(dumps, *options, at="worst"):
    """The only process of a recording, looked at in depth at a moment."""
    result = mftrace("frag", "--json", "--at", at, *options, dumps)
    assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
    report = json.loads(result.stdout)
    if schema_validator():
        schema_validator().validate(report)
    (process,) = report["processes"]
    return Process(process)


def frag_text(*arguments):
    """The text of `mftrace frag`, as it is when nobody looks at it on a terminal."""
    result = mftrace("frag", *arguments)
    assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
    return result.stdout.decode()


def heap_at(process, start):
    """The heap of glibc's that begins at an address, as written in a report."""
    (heap,) = [h for h in process["fragmentation"]["heaps"] if h["start"] == start]
    return heap


class HeapMap:
    """A picture made by `mftrace frag --map=FILE.svg`: the colours of its squares."""

    def __init__(self, path):
        self.svg = xml.etree.ElementTree.parse(path).getroot()
        rects = self.svg.iter(SVG + "rect")
        self.square = min(int(rect.get("height")) for rect in rects)

    def rows(self):
        """[(address of the first page, y in squares, colours of the squares)]"""
        for group in self.svg.iter(SVG + "g"):
            colours = []
            rects = list(group.iter(SVG + "rect"))
            for rect in rects:
                assert int(rect.get("x")) == len(colours) * self.square
                colours += [rect.get("fill")] * (int(rect.get("width")) // self.square)
            (y,) = {int(rect.get("y")) for rect in rects}
            yield int(group.find(SVG + "title").text, 16), y // self.square, colours

    def squares(self, start, end):
        """The colours of the squares of the heap [start, end), in order of address."""
        return [c for address, _, row in self.rows() if start <= address < end for c in row]
