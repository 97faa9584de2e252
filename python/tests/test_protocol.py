# Reads the published frames with Python's msgpack and numpy, as a client in another language does.
"""Needs msgpack and numpy. Runs as a script and under pytest. With ROOKERY_WIRE_MUTANTS (a file that
Tests/WireTests/ProtocolPythonTests.swift writes) it also checks that Python reads every input that Swift's reader accepts.
"""

import hashlib
import os
import sys
from pathlib import Path

import msgpack
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "fixtures"))
import make_protocol  # noqa: E402

FRAMES = make_protocol.frames()
VERSION = 4
WRITER = bytes.fromhex("00112233445566778899aabbccddeeff")
LEARNER = bytes.fromhex("102132435465768798a9bacbdcedfe0f")
# The public names of a process: the first half of its secret id's SHA-256.
LEARNER_NAME = hashlib.sha256(LEARNER).digest()[:16]
WRITER_NAME = hashlib.sha256(WRITER).digest()[:16]
TOKEN = bytes.fromhex("7f6e5d4c3b2a1908f7e6d5c4b3a29180")
SERVICE = bytes.fromhex("f0e0d0c0b0a090807060504030201000")
SCHEMA = [["observation", 4, [4], 1], ["action", 2, [], 1], ["reward", 4, [], 1]]
STACKED = [["observation", 1, [84, 84], 4], ["action", 2, [], 1], ["reward", 4, [], 1]]
TABLES = [["experience", 1, 3, 0.5]]
KINDS = [["experience", 1, 3, 0.5], ["unroll", 2, 21, 20, 1], ["replay", 2, 3, 2, 2], ["steps", 3]]
TENSORS = [["0.weight", [2, 3]], ["0.bias", [2]], ["scale", []]]
GRANT = [64, 1 << 24, 1 << 26, 600, [4096]]
COUNTERS = {"env_steps_total": 1048576.0, "episodes_total": 37.0, "weights_version": 12.0}
SHOWN = {name: COUNTERS[name] for name in ("env_steps_total", "weights_version")}
EVALUATION = [0, 300, 3000, 20, 482.75, 310.0, 500.0, True]
ACCEPTED_AT = 1_700_000_000_000_000_000
DTYPES = {1: "u1", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8"}
VALUES = np.array([0.5, -0.5, 1, -1, 0.25, 0, 2, -2, 3], "<f4")

# Messages without payloads, whole.
PLAIN = {
    "hello-writer": [VERSION, 1, 1, WRITER, "actor-1", 1, SCHEMA, TABLES],
    "hello-sampler": [VERSION, 1, 2, LEARNER, "learner-1", 0, None, TABLES],
    "welcome": [VERSION, 2, SERVICE, 41, *GRANT, SCHEMA, TABLES],
    "welcome-stacked": [VERSION, 2, SERVICE, 0, *GRANT, STACKED, TABLES],
    "welcome-first": [VERSION, 2, SERVICE, 0, *GRANT, None, TABLES],
    "welcome-kinds": [VERSION, 2, SERVICE, 0, *GRANT, SCHEMA, KINDS],
    "acknowledgement": [VERSION, 4, 42, False],
    "acknowledgement-gap": [VERSION, 4, 300, True],
    "sample-request": [VERSION, 5, 9, 0, 3],
    "refusal": [VERSION, 8, 3, 1, 0, "table 'experience': expected n-step 3, found 1"],
    "health-request": [VERSION, 9],
    "health": [VERSION, 10, "replay", True, "2 writers, 1 samplers, 5000 steps", 12.5],
    "telemetry": [VERSION, 11, WRITER, TOKEN, "actor", "actor-1", COUNTERS],
    "join": [VERSION, 12, LEARNER, TOKEN, "learner-1", TENSORS],
    "joined": [VERSION, 13, SERVICE, 0, 0, 7],
    "status-request": [VERSION, 16, SERVICE, 4, ["env_steps_total", "weights_version"]],
    "status-request-first": [VERSION, 16, None, 0, None],
    "status": [VERSION, 17, SERVICE, 300, 3000, [[0.25, WRITER_NAME, "actor", "actor-1", SHOWN]], 0, [4, [EVALUATION]]],
    "evaluation": [VERSION, 18, TOKEN, *EVALUATION],
    "evaluation-confirmation": [VERSION, 18, None, 1, 300, 3000, 100, -0.5, -1.0, 0.0, False],
    "goodbye": [VERSION, 19, WRITER],
    "inspect-request": [VERSION, 20, "experience", 2, 1000],
    "inspect-request-all": [VERSION, 20, None, 0, None],
    "snapshot-request": [VERSION, 22, LEARNER, 1, "monday"],
    "totals-request": [VERSION, 26, 0, 4000, 8000.5, [[WRITER, 5000, 40_000, False]]],
    "totals-request-first": [VERSION, 26, 0, 0, None, []],
    "totals": [VERSION, 27, 0, 6.5, 1000, True, 8000.5, SERVICE, 1200, 8000, True],
    "learner-request": [VERSION, 32],
    "learner": [VERSION, 33, True, "learner-1", True],
    "learner-none": [VERSION, 33, True, None, False],
    "progress": [VERSION, 34, 1, 300, 12, [640, 0.75, 2, 3]],
    "grant-request": [VERSION, 35, 7, 5, 640],
    "grant": [VERSION, 36, 7, 640, 300],
    "snapshot": [VERSION, 23, LEARNER, 2, "monday", 0, 1 << 20, 1 << 22, "runs/a/snapshots/monday/1"],
    "limits-request": [VERSION, 24, "experience", 4.0, None, None, float("inf")],
    "limits-request-only": [VERSION, 24, None, None, None, None, None],
    "tap": [VERSION, 28, SERVICE, 1, ACCEPTED_AT, 5, SCHEMA, TABLES, "seed: 1\n"],
    "tap-first": [VERSION, 28, SERVICE, 1, ACCEPTED_AT, 1, None, TABLES, "seed: 1\n"],
    "limits": [VERSION, 25, "experience", 4.0, 1000, 3000.0, float("inf"), 3500.0, 1200],
}
PAYLOADS = {
    "insert", "insert-items-only", "batch-part-0", "batch-part-1", "batch-sequence", "priorities", "delta", "weights",
    "gradient", "updated", "inspection", "accepted",
}


class Aligned:
    """Writes a message as docs/PROTOCOL.md says, padding before payloads."""

    def __init__(self):
        self.packer = msgpack.Packer(autoreset=False, use_bin_type=True)

    def add(self, *values):
        for value in values:
            self.packer.pack(value)
        return self

    def array(self, count):
        self.packer.pack_array_header(count)
        return self

    def payload(self, values, dtype):
        content = np.asarray(values, dtype).tobytes()
        head = 2 if len(content) < 1 << 8 else 3 if len(content) < 1 << 16 else 5
        offset = len(self.bytes())
        return self.add(bytes((8 - (offset + 2 + head) % 8) % 8), content)

    def bytes(self):
        return self.packer.bytes()


# 30 and 31 are not messages of this version.
TYPES = set(range(1, 37))


def unpack(name):
    return msgpack.unpackb(FRAMES[name], raw=False, strict_map_key=True)


def view(name, padding, content, dtype, shape=None):
    """The numbers of a payload, viewed in the frame; fails unless they start on a multiple of 8."""
    frame = FRAMES[name]
    assert len(padding) <= 7 and not any(padding), (name, padding)
    # The two elements as they stand in the frame.
    pair = msgpack.packb(padding) + msgpack.packb(content)
    start = frame.index(pair) + len(pair) - len(content)
    assert start % 8 == 0, f"{name}: a payload of {len(content)} bytes starts at {start}"
    numbers = np.frombuffer(frame, dtype, len(content) // np.dtype(dtype).itemsize, start)
    assert numbers.tobytes() == content
    return numbers if shape is None else numbers.reshape(shape)


def test_every_frame_is_covered():
    assert set(FRAMES) == set(PLAIN) | PAYLOADS


def test_plain_messages():
    for name, expected in PLAIN.items():
        found = unpack(name)
        assert found == expected, (name, found)
        assert [type(value) for value in found] == [type(value) for value in expected], name


def test_plain_messages_are_written_the_same():
    single = {"hello-writer", "hello-sampler", "welcome", "welcome-stacked", "welcome-first", "welcome-kinds", "tap", "tap-first"}
    for name, message in PLAIN.items():
        # The discount of a table is a float32, every other float is a float64.
        assert msgpack.packb(message, use_single_float=name in single) == FRAMES[name], name


def columns(rows, flags):
    return (
        (np.arange(rows * 4, dtype="<f4") / 4).reshape(rows, 4), np.arange(rows, dtype="<i4") % 2,
        np.arange(rows, dtype="<f4") + 1, np.array(flags, "u1"),
    )


def check_items(name, block, priorities):
    assert block[:2] == [0, 2] and len(block) == 10
    assert view(name, block[2], block[3], "<u4").tolist() == [0, 0]
    assert view(name, block[4], block[5], "<u8").tolist() == [0, 1]
    assert view(name, block[6], block[7], "<u4").tolist() == [3, 2]
    if priorities is None:
        assert block[8:] == [b"", None]
    else:
        assert view(name, block[8], block[9], "<f4").tolist() == priorities


def test_insert():
    version, kind, sequence, chunks, items = unpack("insert")
    assert (version, kind, sequence) == (VERSION, 3, 42)
    assert [chunk[:5] for chunk in chunks] == [[0, 0, 3, 7, False], [1, 7, 1, 7, True]]
    for chunk, flags in zip(chunks, ([1, 0, 6], [0])):
        found = chunk[5]
        assert len(found) == 8
        for index, expected in enumerate(columns(len(flags), flags)):
            numbers = view("insert", found[2 * index], found[2 * index + 1], expected.dtype, expected.shape)
            assert np.array_equal(numbers, expected), (index, numbers)
    assert len(items) == 1
    check_items("insert", items[0], [0.5, 2.0])


def test_insert_of_items_only():
    version, kind, sequence, chunks, items = unpack("insert-items-only")
    assert (version, kind, sequence, chunks, len(items)) == (VERSION, 3, 43, [], 1)
    check_items("insert-items-only", items[0], None)


def test_accepted():
    """The INSERT as it was accepted: the same chunks and items, byte by byte."""
    message = unpack("accepted")
    assert message[:8] == [VERSION, 29, SERVICE, 5, ACCEPTED_AT, WRITER_NAME, "actor-1", [2.5]]
    assert message[8:] == unpack("insert")[3:]
    head = Aligned().array(5).add(VERSION, 3, 42).bytes()
    assert FRAMES["insert"].startswith(head) and FRAMES["accepted"].endswith(FRAMES["insert"][len(head):])


def test_batch():
    for part, rows in enumerate((range(0, 2), range(2, 3))):
        name = f"batch-part-{part}"
        message = unpack(name)
        assert message[:11] == [VERSION, 6, 9, 77, part, 2, rows.start, len(rows), 3, 6.5, 5000]
        assert len(message) == 18
        assert view(name, *message[11:13], "<u8").tolist() == [1000 + row for row in rows]
        assert view(name, *message[13:15], "<f4").tolist() == [(row + 1) / 8 for row in rows]
        assert view(name, *message[15:17], "<u8").tolist() == [5 + row for row in rows]
        found = {}
        for (field, dtype, shape, stack), padding, content in message[17]:
            assert stack == 1
            found[field] = view(name, padding, content, DTYPES[dtype], [len(rows), *shape])
        observations = np.array([[row * 4 + i for i in range(4)] for row in rows], "<f4")
        assert list(found) == ["observation", "action", "reward", "discount", "next_observation"]
        assert np.array_equal(found["observation"], observations)
        assert np.array_equal(found["next_observation"], observations + 100)
        assert found["action"].tolist() == [row % 2 for row in rows]
        assert found["reward"].tolist() == [row - 1 for row in rows]
        assert found["discount"].tolist() == [0.125] * len(rows)


# Two padded sequences of three steps: an episode's first three, and its last two.
SEQUENCES = {
    "observation": (4, [3, 4], np.concatenate([np.arange(12), np.arange(8, 16), np.zeros(4)])),
    "action": (2, [3], [0, 1, 0, 0, 1, 0]), "reward": (4, [3], [1, 2, 3, 3, 0, 0]),
    "flags": (1, [3], [1, 0, 0, 0, 6, 0]), "valid_length": (2, [], [3, 2]),
}


def test_batch_of_sequences():
    name = "batch-sequence"
    message = unpack(name)
    assert message[:11] == [VERSION, 6, 10, 78, 0, 1, 0, 2, 2, 2.0, 2] and len(message) == 18
    assert view(name, *message[11:13], "<u8").tolist() == [1000, 1002]
    columns = {field[0]: (field[1:], pad, content) for field, pad, content in message[17]}
    assert list(columns) == list(SEQUENCES)
    for field, (dtype, shape, values) in SEQUENCES.items():
        declared, pad, content = columns[field]
        assert declared == [dtype, shape, 1]
        found = view(name, pad, content, DTYPES[dtype], [2, *shape])
        assert np.array_equal(found.reshape(-1), values), (field, found)


def test_batch_of_sequences_is_written_the_same():
    batch = Aligned().array(18).add(VERSION, 6, 10, 78, 0, 1, 0, 2, 2, 2.0, 2).payload([1000, 1002], "<u8")
    batch.payload([0.5, 0.5], "<f4").payload([7, 8], "<u8").array(len(SEQUENCES))
    for field, (dtype, shape, values) in SEQUENCES.items():
        batch.array(3).add([field, dtype, shape, 1]).payload(values, DTYPES[dtype])
    assert batch.bytes() == FRAMES["batch-sequence"]


def test_priorities():
    message = unpack("priorities")
    assert message[:3] == [VERSION, 7, 0] and len(message) == 7
    assert view("priorities", *message[3:5], "<u8").tolist() == [1000, 1001, 1 << 40]
    assert view("priorities", *message[5:7], "<f4").tolist() == [0.25, 1.5, 0]


def test_inspection():
    message = unpack("inspection")
    assert message[:5] == [VERSION, 21, SERVICE, [4096, 4000, 5000, 125, 2], ["memory", None]]
    limits, numbers = [8.0, 1000, 0.0, 16000.0], {"mass": 1234.5, "size": 3996.0}
    histograms = [["times_sampled", 1.0, [10, 20, 30]], ["priority", 0.5, [0, 60]]]
    blocked = ["error 16008 > 16000 (errorMax)", 0.5]
    staleness = [1, "pace", [640, 0.75, 1, 1], 2, 1.5, ["actor-2", "actor-1"], [["actor-1", 7]]]
    assert message[5] == [
        ["experience", "prioritized(exponent: 0.6)", limits, numbers, blocked, None, histograms, [[1000, 2.0]], None],
        ["trajectories", "fifo", [1.0, 1, 0.0, 16.0], {}, None, None, [], [], staleness]]
    assert message[6:8] == [1, [["actor-1", 5, 42, 3, 0.25]]]
    *item, columns = message[8]
    assert item == ["experience", 1000, 2.0, 3, "actor-1", 5, 1, 7, 12, bytes([1, 6])]
    [[field, *payload]] = columns
    assert field == ["reward", 4, [], 1]
    assert view("inspection", *payload, "<f4").tolist() == [1, -0.5]


def test_delta():
    message = unpack("delta")
    assert message[:10] == [VERSION, 14, LEARNER, 3, 7, 10, 640, False, 10**9, 1_020_000_000] and len(message) == 12
    assert np.array_equal(view("delta", *message[10:], "<f4"), VALUES)


def test_gradient_and_its_answer():
    message = unpack("gradient")
    assert message[:9] == [VERSION, 30, LEARNER, 3, SERVICE, 79, 64, 12.5, 1_020_000_000] and len(message) == 11
    assert np.array_equal(view("gradient", *message[9:], "<f4"), VALUES)
    message = unpack("updated")
    assert message[:10] == [VERSION, 31, SERVICE, 3, 1, 1, 8, 81, 61.5, 4096] and len(message) == 12
    assert np.array_equal(view("updated", *message[10:], "<f4"), VALUES)


def test_weights():
    message = unpack("weights")
    assert message[:9] == [VERSION, 15, "all", 8, SERVICE, 80, 61.5, 4096, 7] and len(message) == 15
    assert message[9:11] == [1_000_000_000, 1_020_000_000]
    assert message[11:13] == [[[LEARNER_NAME, 3]], TENSORS]
    assert np.array_equal(view("weights", *message[13:], "<f4"), VALUES)
    # What a subscriber of 'all' hands to ZMQ_SUBSCRIBE.
    prefix = Aligned().array(15).add(VERSION, 15, "all").bytes()
    assert FRAMES["weights"].startswith(prefix) and prefix == bytes.fromhex("9f040fa3616c6c")


def add_items(message, priorities):
    message.array(1).array(10).add(0, 2).payload([0, 0], "<u4").payload([0, 1], "<u8").payload([3, 2], "<u4")
    return message.add(b"", None) if priorities is None else message.payload(priorities, "<f4")


def test_payloads_are_written_the_same():
    """Messages written in Python by the document's rules have the same bytes."""
    insert = Aligned().array(5).add(VERSION, 3, 42).array(2)
    for (stream, first, cut), flags in zip(((0, 0, False), (1, 7, True)), ([1, 0, 6], [0])):
        insert.array(6).add(stream, first, len(flags), 7, cut).array(8)
        for column in columns(len(flags), flags):
            insert.payload(column, column.dtype)
    assert add_items(insert, [0.5, 2]).bytes() == FRAMES["insert"]
    only = Aligned().array(5).add(VERSION, 3, 43, [])
    assert add_items(only, None).bytes() == FRAMES["insert-items-only"]
    priorities = Aligned().array(7).add(VERSION, 7, 0).payload([1000, 1001, 1 << 40], "<u8").payload([0.25, 1.5, 0], "<f4")
    assert priorities.bytes() == FRAMES["priorities"]
    delta = Aligned().array(12).add(VERSION, 14, LEARNER, 3, 7, 10, 640, False, 10**9, 1_020_000_000)
    assert delta.payload(VALUES, "<f4").bytes() == FRAMES["delta"]
    gradient = Aligned().array(11).add(VERSION, 30, LEARNER, 3, SERVICE, 79, 64, 12.5, 1_020_000_000)
    assert gradient.payload(VALUES, "<f4").bytes() == FRAMES["gradient"]
    updated = Aligned().array(12).add(VERSION, 31, SERVICE, 3, 1, 1, 8, 81, 61.5, 4096)
    assert updated.payload(VALUES, "<f4").bytes() == FRAMES["updated"]
    weights = Aligned().array(15).add(VERSION, 15, "all", 8, SERVICE, 80, 61.5, 4096, 7, 10**9, 1_020_000_000)
    weights.add([[LEARNER_NAME, 3]], TENSORS)
    assert weights.payload(VALUES, "<f4").bytes() == FRAMES["weights"]


def test_batches_are_written_the_same():
    for part, rows in enumerate((range(0, 2), range(2, 3))):
        batch = Aligned().array(18).add(VERSION, 6, 9, 77, part, 2, rows.start, len(rows), 3, 6.5, 5000)
        batch.payload([1000 + row for row in rows], "<u8").payload([(row + 1) / 8 for row in rows], "<f4")
        batch.payload([5 + row for row in rows], "<u8").array(5)
        observations = [[row * 4 + i for i in range(4)] for row in rows]
        for name, dtype, shape, values in (
            ("observation", 4, [4], observations), ("action", 2, [], [row % 2 for row in rows]),
            ("reward", 4, [], [row - 1 for row in rows]), ("discount", 4, [], [0.125] * len(rows)),
            ("next_observation", 4, [4], np.array(observations) + 100),
        ):
            batch.array(3).add([name, dtype, shape, 1]).payload(values, DTYPES[dtype])
        assert batch.bytes() == FRAMES[f"batch-part-{part}"], part


def test_document_shows_these_frames():
    text = make_protocol.DOCUMENT.read_text()
    shown = make_protocol.examples(text)
    assert shown, "docs/PROTOCOL.md shows no frame"
    for name, data in shown.items():
        assert data == FRAMES[name], f"docs/PROTOCOL.md shows other bytes for {name}"
    kinds = {msgpack.unpackb(data, strict_map_key=False)[1] for data in shown.values()}
    assert kinds == TYPES, f"docs/PROTOCOL.md shows no message of type {TYPES - kinds}"
    assert make_protocol.written(text) == text, "run python/fixtures/make_protocol.py"


def test_what_swift_takes_is_msgpack():
    path = os.environ.get("ROOKERY_WIRE_MUTANTS")
    if path is None:
        print("skipped: ROOKERY_WIRE_MUTANTS is not set")
        return
    lines = Path(path).read_text().splitlines()
    assert lines, "no mutants"
    for line in lines:
        message = msgpack.unpackb(bytes.fromhex(line), raw=False, strict_map_key=True)
        assert message[0] == VERSION and message[1] in TYPES, line


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
