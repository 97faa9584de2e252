# Keeps as many requests unanswered as WELCOME grants: no answer may be lost.
"""Needs msgpack, numpy and pyzmq, and a replay alone with two tables of records: `experience` (uniform) and `queue`, whose
items are removed with their first sample. Tests/EndToEndTests/CreditTests.swift starts it and sets its address
(ROOKERY_CREDIT_REPLAY), the numbers of answers of one part and of eight parts to request (ROOKERY_CREDIT_ANSWERS), and the
size of a step in the environment.
"""

import os
import sys
from pathlib import Path

import msgpack
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from test_foreign_client import (  # noqa: E402
    ACKNOWLEDGEMENT, BATCH, HELLO, INSERT, REFUSAL, SAMPLE, SAMPLER, VERSION, WELCOME, WRITER, Client, column,
)

REPLAY = os.environ.get("ROOKERY_CREDIT_REPLAY")
STEP_BYTES = 16_384
ROWS = {1: 32, 8: 480}  # of an answer of one part of half a megabyte, and of eight
UINT8, RECORD = 1, 3
FIELDS = [["number", 3, [], 1], ["payload", UINT8, [STEP_BYTES - 8], 1]]
TABLES = [["experience", RECORD], ["queue", RECORD]]


class Writer:
    def __init__(self):
        self.client = Client(REPLAY)
        self.client.send(HELLO, WRITER, os.urandom(16), "credit", 1, FIELDS, TABLES)
        self.credit = self.client.receive(WELCOME)[3]
        self.sequence = self.written = 0

    def insert(self, count, tables):
        """One message of `count` steps numbered on, each an item of each table; waits for its acknowledgement."""
        numbers = np.arange(self.written, self.written + count, dtype="<i8")
        columns = column(numbers, "<i8") + column(np.zeros((count, STEP_BYTES - 8)), "<u1") + column(np.zeros(count), "<u1")
        blocks = [
            [table, count, *column(np.zeros(count), "<u4"), *column(numbers, "<u8"), *column(np.ones(count), "<u4"),
             *column(np.ones(count), "<f4")]
            for table in tables
        ]
        self.sequence += 1
        self.client.send(INSERT, self.sequence, [[0, self.written, count, 1, False, columns]], blocks)
        assert self.client.receive(ACKNOWLEDGEMENT) == [ACKNOWLEDGEMENT, self.sequence, False]
        self.written += count


class Sampler:
    """Keeps the granted number of requests unanswered, and reads answers at once."""

    def __init__(self):
        self.client = Client(REPLAY)
        self.client.send(HELLO, SAMPLER, os.urandom(16), "credit", 0, None, [])
        welcome = self.client.receive(WELCOME)
        self.credit = welcome[3]
        self.rows = welcome[7]
        self.request = 0
        self.parts = {}
        self.numbers = []

    def ask(self, table, count):
        self.request += 1
        self.parts[self.request] = 0
        self.client.send(SAMPLE, self.request, table, count)

    def receive_answer(self):
        """Reads parts until an answer is complete; if a part is lost, the socket times out."""
        while True:
            part = msgpack.unpackb(self.client.socket.recv())
            assert part[0] == VERSION and part[1] == BATCH, part[:6]
            request, parts = part[2], part[5]
            self.parts[request] += 1
            self.numbers.append(np.frombuffer(part[17][0][2], "<i8"))
            if self.parts[request] == parts:
                del self.parts[request]
                return parts

    def run(self, answers, table, count, parts):
        for _ in range(min(answers, self.credit)):
            self.ask(table, count)
        for answer in range(answers):
            assert self.receive_answer() == parts
            if answer + self.credit < answers:
                self.ask(table, count)
        assert not self.parts, "answers were lost"


def test_no_answer_is_lost():
    if REPLAY is None:
        print("skipped: ROOKERY_CREDIT_REPLAY is not set")
        return
    one, eight = (int(count) for count in os.environ["ROOKERY_CREDIT_ANSWERS"].split())
    writer = Writer()
    for _ in range(64):
        writer.insert(64, [0])
    sampler = Sampler()
    assert sampler.credit >= 64 and sampler.rows[0] >= ROWS[8]
    sampler.run(one, 0, ROWS[1], 1)
    sampler.run(eight, 0, ROWS[8], 8)


def test_no_answer_of_a_queue_is_lost():
    if REPLAY is None:
        return
    answers = int(os.environ["ROOKERY_CREDIT_ANSWERS"].split()[0])
    writer, sampler = Writer(), Sampler()
    first = writer.written
    rest = 0
    # Requests sent before there are items are served as items arrive.
    for _ in range(min(answers, sampler.credit)):
        sampler.ask(1, ROWS[1])
    for answer in range(answers):
        while rest < (min(answers, answer + 8) - answer) * ROWS[1]:
            writer.insert(4 * ROWS[1], [1])
            rest += 4 * ROWS[1]
        assert sampler.receive_answer() == 1
        rest -= ROWS[1]
        if answer + sampler.credit < answers:
            sampler.ask(1, ROWS[1])
    taken = np.concatenate(sampler.numbers)
    assert np.array_equal(taken, np.arange(first, first + answers * ROWS[1])), "each item once, in order"


def test_what_can_never_fit_is_refused_with_the_limit():
    if REPLAY is None:
        return
    sampler = Sampler()
    most = sampler.rows[0]
    sampler.client.send(SAMPLE, 1, 0, most + 1)
    refusal = msgpack.unpackb(sampler.client.socket.recv())
    assert refusal[1] == REFUSAL and refusal[4] == 1 and f"expected 1 to {most} items" in refusal[5], refusal


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
