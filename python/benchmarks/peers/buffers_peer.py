"""Measures prioritized buffers in this process: `buffers_peer.py cpprb|tianshou PAYLOAD`, one thread.

It uses the fastest interfaces found: cpprb adds a batch by one `add`; tianshou by `update` from a buffer that is already
filled (its `add` takes one transition). Both store whole transitions, including the next observation.
"""

import importlib.metadata
import sys

import numpy as np

from worker import BATCH, PAYLOADS, latencies, observations, rate, resident_bytes, serve


class Cpprb:
    def __init__(self, payload):
        import cpprb

        self.observations = observations(payload, "noise")
        observation = {"shape": payload.shape, "dtype": payload.dtype}
        self.buffer = cpprb.PrioritizedReplayBuffer(
            payload.capacity,
            {
                "obs": observation, "next_obs": observation, "act": {"dtype": np.int32}, "rew": {}, "done": {},
            },
            alpha=0.6,
        )

    def message(self, count):
        columns = {
            "obs": self.observations[:count], "next_obs": self.observations[1 : count + 1],
            "act": np.zeros(count, np.int32), "rew": np.ones(count, np.float32), "done": np.zeros(count, np.float32),
        }
        return lambda: self.buffer.add(**columns)

    def sample(self):
        batch = self.buffer.sample(BATCH, 0.4)
        assert len(batch["next_obs"]) == BATCH
        return batch["indexes"]

    def update(self, keys, priorities):
        self.buffer.update_priorities(keys, priorities)


class Tianshou:
    def __init__(self, payload):
        from tianshou.data import Batch, PrioritizedReplayBuffer, ReplayBuffer

        self.Batch, self.ReplayBuffer = Batch, ReplayBuffer
        self.observations = observations(payload, "noise")
        self.buffer = PrioritizedReplayBuffer(payload.capacity, alpha=0.6, beta=0.4)

    def message(self, count):
        source = self.ReplayBuffer(count)
        for index in range(count):
            source.add(
                self.Batch(
                    obs=self.observations[index], obs_next=self.observations[index + 1], act=np.int32(0),
                    rew=np.float32(1), terminated=False, truncated=False,
                )
            )
        return lambda: self.buffer.update(source)

    def sample(self):
        batch, keys = self.buffer.sample(BATCH)
        assert len(batch.obs_next) == BATCH
        return keys

    def update(self, keys, priorities):
        self.buffer.update_weight(keys, priorities)


def main():
    name, payload = sys.argv[1], PAYLOADS[sys.argv[2]]
    empty = resident_bytes()
    peer = {"cpprb": Cpprb, "tianshou": Tianshou}[name](payload)
    generator = np.random.default_rng(2)

    def fill(_):
        count = payload.steps
        add = peer.message(count)
        for _ in range(int(payload.capacity * 1.1) // count + 1):
            add()
        return {"items": payload.capacity, "bytes": resident_bytes() - empty}

    def insert(command):
        count = command["message"]
        add = peer.message(count)

        def body():
            add()
            return count

        return {"insert_per_s": rate(body, command["seconds"])}

    def sample(command):
        def body():
            peer.update(peer.sample(), generator.random(BATCH, dtype=np.float32))
            return 1

        return {"batches_per_s": rate(body, command["seconds"])}

    def update(command):
        keys = peer.sample()

        def body():
            peer.update(keys, generator.random(BATCH, dtype=np.float32))
            return BATCH

        return {"keys_per_s": rate(body, command["seconds"])}

    serve(
        {
            "fill": fill, "insert": insert, "sample": sample, "update": update,
            "latency": lambda command: latencies(peer.sample, command["seconds"]),
        },
        version=importlib.metadata.version(name),
    )


if __name__ == "__main__":
    main()
