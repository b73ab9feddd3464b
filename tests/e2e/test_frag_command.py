# SPDX-License-Identifier: MIT
"""`mftrace frag` as a command: the moments of --at, the maps of --map, and text that fits
into 80 columns."""

import re
import struct
import zlib

import pytest

from fragmentation import HeapMap, frag_process, frag_text
from recording import mftrace
from test_real_programs import PYTHON, SQL

# By class of occupancy, as docs/fragmentation.md says: two classes have one sign.
SIGNS = "·▁▁▂▂▃▄▅▆▇█"


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return {}


@pytest.fixture
def record(trace, patterns):
    """record(words): the recording of a program, made once."""

    def make(*words, **how):
        if words not in patterns:
            run = trace(*words, **how)
            assert run.stderr == b""
            patterns[words] = run
        return patterns[words]

    return make


# ---- Moments ----------------------------------------------------------------------


def first_highest(snapshots, key):
    """Of the snapshots with the highest key the first."""
    return max(range(len(snapshots)), key=lambda i: (key(snapshots[i]), -i))


@pytest.mark.parametrize(
    "words", [("frag_counterfactual", "sessions"), ("frag_arenas", "kept", "slowly")]
)
def test_moments(record, words):
    """Each moment is the snapshot that it says, looked at in depth."""
    dumps = record(*words, options="interval=20").dumps
    snapshots = frag_process(dumps)["snapshots"]
    assert len(snapshots) > 3
    largest = max(s["resident_bytes"] for s in snapshots)
    assert largest > 8 * 2**20

    def how_bad(snapshot):
        return snapshot["resident_bytes"] >= largest // 8, snapshot["ratio"] or 0

    middle = snapshots[len(snapshots) // 2]["time_ns"]
    expected = {
        "worst": first_highest(snapshots, how_bad),
        "exit": next(i for i, s in enumerate(snapshots) if s["reason"] == "exit"),
        "peak_live": first_highest(snapshots, lambda s: s["requested_bytes"]),
        "peak_resident": first_highest(snapshots, lambda s: s["rss_bytes"]),
        f"{middle // 1000 + 1}us": len(snapshots) // 2,
        f"{middle / 1e6 + 0.001}ms": len(snapshots) // 2,
        "1us": 0,
        "2min": len(snapshots) - 1,
    }
    for moment, index in expected.items():
        process = frag_process(dumps, at=moment)
        figures = process["fragmentation"]
        assert figures["snapshot"] == index, moment
        for member in ("time_ns", "resident_bytes", "pinned_bytes", "page_occupancy"):
            assert figures[member] == snapshots[index][member], moment
        assert figures["at"] == snapshots[index]["reason"]
        pinned = sum(
            site["pinned_exclusive_bytes"] + site["pinned_shared_bytes"]
            for site in process["sites"]
        )
        assert pinned == pytest.approx(figures["pinned_bytes"], abs=len(process["sites"]))


@pytest.mark.parametrize("moment", ["", "later", "-1s", "5 parsecs", "1y"])
def test_no_such_moment(record, moment):
    result = mftrace("frag", "--at", moment, record("frag_every_page").dumps)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"--at: neither a moment nor a time" in result.stderr


# ---- Maps -------------------------------------------------------------------------


def map_signs(text):
    """The signs of a map in text, and how many pages one of them stands for."""
    drawn = text[text.index("Map of the heap's") :]
    pages = int(re.search(r"A sign is ([\d,]+) pages?:", drawn)[1].replace(",", ""))
    rows = re.findall(r"^ +[0-9a-f]+ (\S+)$", drawn, re.MULTILINE)
    return "".join(rows), pages


def test_map_in_text(record):
    """A sign for each page, where there are few enough."""
    dumps = record("frag_every_page").dumps
    occupancy = frag_process(dumps, at="exit")["fragmentation"]["page_occupancy"]
    signs, pages = map_signs(frag_text("--at", "exit", "--map", dumps))
    assert pages == 1
    for sign in set(SIGNS):
        known = sum(n for n, s in zip(occupancy, SIGNS) if s == sign)
        assert signs.count(sign) == known, sign
    assert len(signs) == sum(occupancy)


def test_map_of_many_pages(record):
    """A sign for several pages."""
    dumps = record("frag_counterfactual", "pool").dumps
    occupancy = frag_process(dumps, at="exit")["fragmentation"]["page_occupancy"]
    signs, pages = map_signs(frag_text("--at", "exit", "--map", dumps))
    assert pages > 1
    assert len(signs) == pytest.approx(sum(occupancy) / pages, abs=2)
    # All but the first pages of the heap are hardly used.
    assert signs.count("▁") >= len(signs) - 1


def read_png(path):
    """Width and the rows of RGB bytes of a picture."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + length
    assert at == len(data) and b"IEND" in chunks
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 2, [0, 0, 0])
    raw, stride = zlib.decompress(chunks[b"IDAT"]), 3 * width
    assert len(raw) == height * (stride + 1)
    rows, above = [], bytes(stride)
    for y in range(height):
        line = raw[y * (stride + 1) : (y + 1) * (stride + 1)]
        above = unfilter(line[0], line[1:], above)
        rows.append(above)
    return width, rows


def unfilter(kind, line, above):
    """A row of a picture as it was before filtering (PNG specification, 9.2)."""
    row = bytearray(line)
    for i in range(len(row)):
        a = row[i - 3] if i >= 3 else 0
        b = above[i]
        c = above[i - 3] if i >= 3 else 0
        if kind == 4:
            p = a + b - c
            guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        else:
            guess = (0, a, b, (a + b) // 2)[kind]
        row[i] = (row[i] + guess) % 256
    return bytes(row)


@pytest.mark.parametrize("words", [("frag_every_page",), ("frag_arenas", "kept")])
def test_pictures(record, tmp_path, words):
    """The PNG and the SVG show the same, and are what they are by name."""
    dumps = record(*words).dumps
    png, svg = tmp_path / "heap.png", tmp_path / "heap.SVG"
    frag_text("--at", "exit", f"--map={png}", dumps)
    frag_text("--at", "exit", f"--map={svg}", dumps)
    heap_map = HeapMap(svg)
    square = heap_map.square
    width, pixels = read_png(png)
    size = tuple(int(heap_map.svg.get(k)) for k in ("width", "height"))
    assert (width, len(pixels)) == size
    squares = 0
    for _, y, colours in heap_map.rows():
        for dy in (0, square - 1):
            row = pixels[y * square + dy]
            for x, colour in enumerate(colours):
                first, last = 3 * x * square, 3 * ((x + 1) * square - 1)
                assert row[first : first + 3].hex() == colour[1:]
                assert row[last : last + 3].hex() == colour[1:]
            assert set(row[3 * len(colours) * square :]) <= {255}
        squares += len(colours)
    occupancy = frag_process(dumps, at="exit")["fragmentation"]["page_occupancy"]
    assert squares == sum(occupancy)


def test_no_such_picture(record, tmp_path):
    dumps = record("frag_every_page").dumps
    names = {"heap.gif": b"ends in .png or .svg", "no/such.png": b"No such file"}
    for name, why in names.items():
        result = mftrace("frag", f"--map={tmp_path / name}", dumps)
        assert result.returncode == 2
        assert why in result.stderr
        assert not (tmp_path / name).exists()


# ---- Text -------------------------------------------------------------------------

TO_READ = {
    "sqlite3": (["sqlite3", "-batch", ":memory:"], {"stdin": SQL}),
    "python3": (
        ["/usr/bin/python3", "-c", PYTHON],
        {"env": {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}},
    ),
    "pool": (["frag_counterfactual", "pool"], {}),
    "sessions": (["frag_counterfactual", "sessions"], {}),
    "arenas": (["frag_arenas", "kept"], {}),
    "nothing": (["nothing"], {}),
    "jemalloc": (["frag_counterfactual", "index"], {"preload": ["libjemalloc.so.2"]}),
}
HEADINGS = (
    "What the process's resident memory (RSS) is",
    "The heap at its worst",
    "How full the ",
    "What keeps the heap from shrinking",
    "Free memory in resident pages",
    "Live blocks by size",
    "Course of the heap",
    "Who holds free memory on their pages",
    "Map of the heap's",
)


@pytest.mark.parametrize("name", TO_READ)
def test_text_fits_80_columns(trace, name):
    """All but what has no shorter form: paths and command lines."""
    words, how = TO_READ[name]
    run = trace(*words, **how)
    text = frag_text("--map", run.dumps)
    lines = text.splitlines()
    for line in lines:
        shortest = re.match(r"  (command|dump|allocator|directory) ", line) or "/" in line
        assert len(line) <= 80 or shortest, line
        assert line == line.rstrip(), repr(line)
    assert not re.search(r"\033|\bnan\b|\binf\b", text)
    if name != "nothing":
        found = [
            next(i for i, line in enumerate(lines) if line.startswith(heading))
            for heading in HEADINGS
        ]
        assert found == sorted(found)
