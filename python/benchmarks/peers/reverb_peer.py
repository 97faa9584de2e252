"""Measures dm-reverb: `reverb_peer.py server|inserter|sampler PAYLOAD CONTENT [PORT]`, each a process.

It uses the fastest interface found for each kind of work:
* insert: a StructuredWriter whose pattern makes an item of consecutive steps (about 1.5 times as fast as with whole
  transitions, 2.5 times the older Writer). It is flushed periodically; without that it gets ten times slower.
* sample: a TrajectoryDataset with streams of 256 samples, three times as fast as with its defaults.
* priorities: the faster of `Client.mutate_priorities` and `TFClient.update_priorities`, tried at the start.
"""

import importlib.metadata
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import reverb
import tensorflow as tf
from reverb import structured_writer

from worker import BATCH, PAYLOADS, latencies, observations, rate, serve

TABLE = "replay"
# Items that a writer may have unacknowledged: the fastest setting of 0 to 1000.
PENDING = 400


def server(payload):
    signature = {
        # The first frames make the observation, the last ones the next observation.
        "observation": tf.TensorSpec((payload.stack + payload.n_step, *payload.shape), payload.dtype),
        "action": tf.TensorSpec((), tf.int32),
        "reward": tf.TensorSpec((payload.n_step,), tf.float32),
    }
    table = reverb.Table(
        TABLE, reverb.selectors.Prioritized(0.6), reverb.selectors.Fifo(), payload.reverb_capacity,
        reverb.rate_limiters.MinSize(1), signature=signature,
    )
    running = reverb.Server([table])
    serve({}, port=running.port, version=importlib.metadata.version("dm-reverb"))
    running.stop()


def silence():
    """Hides a warning that the writer prints every few items and that no option turns off; Python's errors stay visible."""
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def inserter(payload, content, client):
    silence()
    frames = observations(payload, content)
    steps = [
        {"observation": frames[index], "action": np.int32(0), "reward": np.float32(1)} for index in range(payload.steps)
    ]
    reference = structured_writer.create_reference_step(dict.fromkeys(steps[0]))
    pattern = {
        "observation": reference["observation"][-(payload.stack + payload.n_step) :],
        "action": reference["action"][-(payload.n_step + 1)],
        "reward": reference["reward"][-(payload.n_step + 1) : -1],
    }
    writer = client.structured_writer([structured_writer.create_config(pattern, TABLE)])

    def insert():
        for step in steps:
            writer.append(step)
        writer.flush(PENDING)
        return len(steps)

    def fill(_):
        inserted = 0
        while inserted < payload.reverb_capacity * 1.1:
            inserted += insert()
        writer.flush()
        return {"items": client.server_info()[TABLE].current_size}

    def measure(command):
        return {"insert_per_s": rate(insert, command["seconds"], writer.flush)}

    serve({"fill": fill, "insert": measure})


def sampler(payload, client, address):
    graph_client = reverb.TFClient(address)
    generator = np.random.default_rng(2)
    running = None

    def batches():
        nonlocal running
        if running is None:
            running = iter(
                reverb.TrajectoryDataset.from_table_signature(
                    address, TABLE, max_in_flight_samples_per_worker=1024, num_workers_per_iterator=2,
                    max_samples_per_stream=256,
                ).batch(BATCH, drop_remainder=True)
            )
        return running

    def take():
        batch = next(batches())
        for field in batch.data.values():
            assert len(field.numpy()) == BATCH
        return batch.info.key

    def mutate(keys):
        priorities = generator.random(BATCH)
        client.mutate_priorities(TABLE, dict(zip(keys.numpy().tolist(), priorities.tolist())))
        return BATCH

    def update(keys):
        graph_client.update_priorities(TABLE, keys, tf.constant(generator.random(BATCH)))
        return BATCH

    write = None

    def fastest_write():
        nonlocal write
        if write is None:
            keys = take()
            write = max((mutate, update), key=lambda one: rate(lambda: one(keys), 0.3))
        return write

    def sample(command):
        def body():
            write(take())
            return 1

        fastest_write()
        return {"batches_per_s": rate(body, command["seconds"])}

    def updates(command):
        keys = take()
        return {"keys_per_s": rate(lambda: fastest_write()(keys), command["seconds"])}

    def latency(command):
        def body():
            assert len(list(client.sample(TABLE, BATCH, emit_timesteps=False))) == BATCH

        return latencies(body, command["seconds"])

    def pause(_):
        """Fetches nothing while other peers are measured."""
        nonlocal running
        running = None
        return {}

    serve({"sample": sample, "update": updates, "latency": latency, "pause": pause})


def main():
    role, payload, content = sys.argv[1], PAYLOADS[sys.argv[2]], sys.argv[3]
    if role == "server":
        return server(payload)
    address = f"localhost:{sys.argv[4]}"
    client = reverb.Client(address)
    return inserter(payload, content, client) if role == "inserter" else sampler(payload, client, address)


if __name__ == "__main__":
    main()
