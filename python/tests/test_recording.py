# Reads the published recording with Python's msgpack and zstandard, as a program in another language does.
"""Needs msgpack, numpy and zstandard. Runs as a script and under pytest."""

import sys
from pathlib import Path

import numpy as np
import zstandard

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "fixtures"))
sys.path.insert(0, str(ROOT / "python" / "examples"))
import make_protocol  # noqa: E402
import make_recording  # noqa: E402
import read_recording  # noqa: E402

DATA = make_recording.FILE.read_bytes()
BLOCKS = list(read_recording.blocks(DATA))
START = 1_700_000_000_000_000_000
INCARNATION = bytes.fromhex("f0e0d0c0b0a090807060504030201000")
WRITER = bytes.fromhex("00112233445566778899aabbccddeeff")
FIELDS = [["observation", 4, [2], 1], ["action", 2, [], 1], ["reward", 4, [], 1]]
TABLES = [["experience", 1, 1, 0.5]]


def test_blocks():
    assert [header and header["kind"] for _, header, _ in BLOCKS] == [1, 2, 3, 4, None]
    messages = BLOCKS[2][1]
    assert {name: messages[name] for name in read_recording.NAMES[2:]} == {
        "first_number": 1, "last_number": 4, "first_time": START + 1_000_000, "last_time": START + 4_000_000,
        "messages": 2, "steps": 4, "items": 2, "missed": 2}
    assert BLOCKS[4][2] == BLOCKS[3][0], "the trailer names the index"


def test_descriptions():
    assert read_recording.entries(BLOCKS[0][2]) == [[0, START, "rookery", ""]]
    assert read_recording.entries(BLOCKS[1][2]) == [[3, INCARNATION, 1, START, 1, FIELDS, TABLES, "seed: 1\n"]]


def test_messages():
    first, missed, second = read_recording.entries(BLOCKS[2][2])
    assert missed == [2, 2, 3, START + 3_000_000]
    for entry, number, start, flags, priority in ((first, 1, 0, [1, 0], 0.5), (second, 4, 2, [0, 6], None)):
        assert entry[:6] == [1, number, START + number * 1_000_000, WRITER, "actor-1", [float(number)]]
        [chunk], [block] = entry[6], entry[7]
        assert chunk[:5] == [0, start, 2, 7, False]
        columns = read_recording.columns(FIELDS, chunk)
        assert np.array_equal(columns["observation"], np.array([[0, 0.25], [0.5, 0.75]], "<f4"))
        assert columns["action"].tolist() == [0, 1] and columns["reward"].tolist() == [1, 1]
        assert columns["flags"].tolist() == flags
        assert block[:2] == [0, 1] and read_recording.items(block) == [(0, start, 2, priority)]


def test_index():
    [[kind, listed]] = read_recording.entries(BLOCKS[3][2])
    assert kind == 4
    assert listed == [
        [offset, header["kind"], header["source"], *(header[name] for name in read_recording.NAMES)]
        for offset, header, _ in BLOCKS[:3]]


def test_a_decompressor_alone_reads_all_entries():
    """`zstd -dc` skips what it does not know and prints the contents, one after the other."""
    with zstandard.ZstdDecompressor().stream_reader(DATA, read_across_frames=True) as reader:
        found = reader.read()
    assert found == b"".join(content for _, header, content in BLOCKS if header is not None)


def test_damage_is_found():
    for offset in (20, 120, BLOCKS[2][0] + 130, len(DATA) - 10):
        damaged = bytearray(DATA)
        damaged[offset] ^= 1
        try:
            list(read_recording.blocks(bytes(damaged)))
        except (ValueError, zstandard.ZstdError):
            continue
        raise AssertionError(f"byte {offset} was changed, and nothing was noticed")


def test_document_shows_this_file():
    text = make_recording.DOCUMENT.read_text()
    parts = make_recording.parts()
    shown = make_protocol.EXAMPLE.findall(text)
    assert {name for name, _ in shown} == set(parts), "docs/RECORDINGS.md shows other parts"
    for name, body in shown:
        data = bytes.fromhex("".join(line.split("|")[0] for line in body.splitlines()))
        assert data == parts[name][0], f"docs/RECORDINGS.md shows other bytes for {name}"
    assert make_recording.written(text) == text, "run python/fixtures/make_recording.py"


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
