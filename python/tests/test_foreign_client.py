# A client of the replay and the parameter server, written from the message layouts alone.
"""Needs pyzmq, msgpack and numpy. ROOKERY_FOREIGN_REPLAY, ROOKERY_FOREIGN_PARAMETERS and ROOKERY_FOREIGN_WEIGHTS are the
addresses of services that learn CartPole with n-step 2, discount 0.5, uniform sampling after 8 items, and batches of 8
(Tests/EndToEndTests/ForeignClientTests.swift starts them and runs this). Runs as a script and under pytest.
"""

import os
import sys

import msgpack
import numpy as np
import zmq

VERSION = 4
HELLO, WELCOME, INSERT, ACKNOWLEDGEMENT, SAMPLE, BATCH, PRIORITIES, REFUSAL = range(1, 9)
HEALTH_REQUEST, HEALTH, WEIGHTS, STATUS_REQUEST, STATUS, GOODBYE = 9, 10, 15, 16, 17, 19
WRITER, SAMPLER = 1, 2
INT32, FLOAT32 = 2, 4
IS_FIRST, IS_LAST, IS_TERMINAL = 1, 2, 4
INVALID = 4
DTYPES = {1: "<u1", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8"}

REPLAY = os.environ.get("ROOKERY_FOREIGN_REPLAY")
PARAMETERS = os.environ.get("ROOKERY_FOREIGN_PARAMETERS")
SUBSCRIPTIONS = os.environ.get("ROOKERY_FOREIGN_WEIGHTS")

FIELDS = [["observation", FLOAT32, [4], 1], ["action", INT32, [], 1], ["reward", FLOAT32, [], 1]]
N_STEP, DISCOUNT = 2, 0.5
TABLES = [["experience", 1, N_STEP, DISCOUNT]]


class Client:
    """One connection to a service: sends messages and receives the next message of a type."""

    def __init__(self, address):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = 20_000
        self.socket.connect(address)

    def send(self, *elements):
        self.socket.send(msgpack.packb([VERSION, *elements]))

    def receive(self, wanted):
        while True:
            message = msgpack.unpackb(self.socket.recv())
            assert message[0] == VERSION, message
            if message[1] == wanted:
                return message[1:]
            assert message[1] != REFUSAL, message

    def close(self):
        self.socket.close()


def column(values, dtype):
    """The padding before a payload, which is optional and helps readers, and the payload."""
    return [b"", np.ascontiguousarray(values, dtype).tobytes()]


class Episodes:
    """Two episodes of one stream: 6 steps that end terminally, then 5 that a time limit cuts off."""

    starts, lasts = [0, 6], [5, 10]

    def __init__(self):
        count = 11
        self.observations = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
        self.actions = np.arange(count, dtype=np.int32) % 2
        self.rewards = np.linspace(1, 2, count, dtype=np.float32)
        self.flags = np.zeros(count, np.uint8)
        self.flags[self.starts] = IS_FIRST
        self.flags[self.lasts] = IS_LAST | IS_TERMINAL, IS_LAST

    def items(self):
        """First index and span (n' + 1 steps) of every transition."""
        pairs = zip(self.starts, self.lasts)
        return {t: min(N_STEP, last - t) + 1 for start, last in pairs for t in range(start, last)}

    def transition(self, first, span):
        """n-step return, discount of the bootstrap, and next observation."""
        steps = span - 1
        reward = sum(DISCOUNT**k * self.rewards[first + k] for k in range(steps))
        is_terminal = bool(self.flags[first + steps] & IS_TERMINAL)
        return reward, 0.0 if is_terminal else DISCOUNT**steps, self.observations[first + steps]

    def message(self, sequence):
        """One chunk of stream 0, acted with weights version 7, and all its items with priority 1."""
        columns = (
            column(self.observations, "<f4")
            + column(self.actions, "<i4")
            + column(self.rewards, "<f4")
            + column(self.flags, "<u1")
        )
        items = self.items()
        block = (
            [0, len(items)]
            + column(np.zeros(len(items)), "<u4")
            + column(list(items.keys()), "<u8")
            + column(list(items.values()), "<u4")
            + column(np.ones(len(items)), "<f4")
        )
        return [INSERT, sequence, [[0, 0, len(self.actions), 7, False, columns]], [block]]


def read_batch(client, request):
    """The columns of a whole batch by name, from all of its parts."""
    parts = []
    while not parts or len(parts) < parts[0][4]:
        part = client.receive(BATCH)
        assert part[1] == request
        # All parts are of one draw; a repeated request is drawn again under a higher number.
        assert not parts or part[2] == parts[0][2]
        parts.append(part)
    parts.sort(key=lambda part: part[3])
    batch = {"items": parts[0][9]}
    for name, index, dtype in [("keys", 11, "<u8"), ("probabilities", 13, "<f4"), ("versions", 15, "<u8")]:
        batch[name] = np.concatenate([np.frombuffer(part[index], dtype) for part in parts])
    for index, ((name, code, shape, _), _, _) in enumerate(parts[0][16]):
        payloads = [np.frombuffer(part[16][index][2], DTYPES[code]).reshape(-1, *shape) for part in parts]
        batch[name] = np.concatenate(payloads)
    return batch


def check_batch(batch, episodes):
    """Compares every row with the episodes; returns the keys by first index."""
    items = episodes.items()
    assert batch["items"] == len(items)
    np.testing.assert_allclose(batch["probabilities"], 1 / len(items), rtol=1e-6)
    assert (batch["versions"] == 7).all()
    assert batch["keys"].shape == (8,)
    firsts = batch["observation"][:, 0].astype(int) // 4
    for row, first in enumerate(firsts):
        reward, discount, following = episodes.transition(first, items[first])
        np.testing.assert_array_equal(batch["observation"][row], episodes.observations[first])
        np.testing.assert_array_equal(batch["next_observation"][row], following)
        np.testing.assert_allclose(batch["reward"][row], reward, rtol=1e-6)
        np.testing.assert_allclose(batch["discount"][row], discount, rtol=1e-6)
        assert batch["action"][row] == episodes.actions[first]
    return dict(zip(firsts.tolist(), batch["keys"].tolist()))


def insert(writer, episodes):
    identifier = os.urandom(16)
    writer.send(HELLO, WRITER, identifier, "python", 1, FIELDS, TABLES)
    _, incarnation, committed, credit, credit_bytes, frame_bytes, silence_s, rows, fields, tables = writer.receive(WELCOME)
    assert (len(incarnation), committed, fields, tables) == (16, 0, FIELDS, TABLES)
    assert credit >= 1 and credit_bytes >= 1 << 20 and frame_bytes >= credit_bytes and silence_s >= 60 and rows[0] >= 8
    writer.send(*episodes.message(1))
    assert writer.receive(ACKNOWLEDGEMENT) == [ACKNOWLEDGEMENT, 1, False]
    # A repeated message is acknowledged and not stored twice. A message ahead of the next one leaves a gap.
    writer.send(*episodes.message(1))
    assert writer.receive(ACKNOWLEDGEMENT) == [ACKNOWLEDGEMENT, 1, False]
    writer.send(*episodes.message(3))
    assert writer.receive(ACKNOWLEDGEMENT) == [ACKNOWLEDGEMENT, 1, True]
    return identifier


def test_inserts_and_samples():
    if REPLAY is None:
        print("skipped: ROOKERY_FOREIGN_REPLAY is not set")
        return
    episodes = Episodes()
    writer = Client(REPLAY)
    identifier = insert(writer, episodes)
    sampler = Client(REPLAY)
    sampler.send(HELLO, SAMPLER, os.urandom(16), "python", 0, None, TABLES)
    assert sampler.receive(WELCOME)[8] == FIELDS
    keys = {}
    for request in range(1, 41):
        sampler.send(SAMPLE, request, 0, 8)
        keys |= check_batch(read_batch(sampler, request), episodes)
    # 320 uniform draws of 9 items: each item is drawn. A key is the position of its item's first step.
    assert set(keys) == set(episodes.items())
    assert all(keys[first] - keys[0] == first for first in keys), keys

    # New priorities are accepted, one of an unknown key is only counted, and NaN is refused.
    known = list(keys.values()) + [2**40]
    sampler.send(PRIORITIES, 0, *column(known, "<u8"), *column(np.ones(len(known)), "<f4"))
    sampler.send(PRIORITIES, 0, *column([keys[0]], "<u8"), *column([np.nan], "<f4"))
    assert sampler.receive(REFUSAL)[1:3] == [INVALID, PRIORITIES]
    sampler.send(SAMPLE, 99, 0, 10_000)
    refusal = sampler.receive(REFUSAL)
    assert refusal[1:4] == [INVALID, SAMPLE, 99] and "items of table 'experience', found 10000" in refusal[4], refusal

    sampler.send(HEALTH_REQUEST)
    assert sampler.receive(HEALTH)[1:4] == ["replay", True, "1 writers, 1 samplers, 11 steps"]
    writer.send(GOODBYE, identifier)
    writer.send(HEALTH_REQUEST)
    assert writer.receive(HEALTH)[3].startswith("0 writers")
    sampler.close()
    writer.close()


def newest_weights(topic):
    """The server's answer to a new subscription of this client."""
    prefix = bytes([0x9F, VERSION, WEIGHTS]) + msgpack.packb(topic)
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.linger = 0
    socket.rcvtimeo = 20_000
    socket.subscribe(prefix)
    socket.connect(SUBSCRIPTIONS)
    frame = socket.recv()
    socket.close()
    assert frame.startswith(prefix)
    return frame


def test_subscribes_to_weights():
    if PARAMETERS is None:
        print("skipped: ROOKERY_FOREIGN_PARAMETERS is not set")
        return
    topic = os.urandom(16).hex()
    frame = newest_weights(topic)
    message = msgpack.unpackb(frame)
    assert message[:3] == [VERSION, WEIGHTS, topic]
    version, incarnation, updates, clock, env_steps, milestone, _, _, merged, tensors, _, values = message[3:]
    assert (version, updates, clock, env_steps, milestone, merged) == (1, 0, 0, 0, 1, []) and len(incarnation) == 16
    flat = np.frombuffer(values, "<f4")
    assert flat.size == sum(int(np.prod(shape)) for _, shape in tensors), tensors
    assert np.isfinite(flat).all() and flat.std() > 0
    # PyTorch's layout is [out, in], and the first layer reads 4 observations.
    name, shape = tensors[0]
    assert name.endswith("weight") and shape[1] == 4, tensors[0]
    # The payload starts on a multiple of 8 in the frame.
    assert (len(frame) - len(values)) % 8 == 0

    client = Client(PARAMETERS)
    client.send(STATUS_REQUEST, None, 0, None)
    status = client.receive(STATUS)
    assert status[1:4] == [incarnation, 1, 0], status[:4]
    assert "parameters" in {process[2] for process in status[4]}
    client.send(HEALTH_REQUEST)
    assert client.receive(HEALTH)[1:4] == ["parameters", True, "version 1, 0 learners"]
    client.close()


if __name__ == "__main__":
    if REPLAY is None or PARAMETERS is None or SUBSCRIPTIONS is None:
        sys.exit("set ROOKERY_FOREIGN_REPLAY, ROOKERY_FOREIGN_PARAMETERS and ROOKERY_FOREIGN_WEIGHTS")
    test_inserts_and_samples()
    test_subscribes_to_weights()
