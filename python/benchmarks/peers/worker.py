"""Shared by the peers' processes: the steps they get, windows of time, and the lines that they exchange.

A worker writes `{"ready": true, …}`, then answers each line of its standard input, `{"mode": …, "seconds": …}`, with one
line of JSON. It ends when its standard input closes. Payloads are those of `rookery bench replay`.
"""

import dataclasses
import json
import sys
import time

import numpy as np

BATCH = 512


@dataclasses.dataclass(frozen=True)
class Payload:
    """A kind of step: an observation, an int32 action and a float32 reward."""

    shape: tuple
    dtype: type
    # Distinct steps that are inserted again and again.
    steps: int
    # Items an in-process buffer holds.
    capacity: int
    # Items of Reverb's table: fewer than in the other stores, as filling it would take minutes. This favours Reverb.
    reverb_capacity: int
    # Frames that make one observation, and steps from an observation to its next.
    stack: int = 1
    n_step: int = 1


PAYLOADS = {
    "36": Payload((7,), np.float32, 1000, 1_000_000, 100_000),
    "1k": Payload((1016,), np.uint8, 1000, 200_000, 50_000),
    "28k": Payload((4, 84, 84), np.uint8, 64, 20_000, 10_000),
    "atari": Payload((84, 84), np.uint8, 256, 100_000, 20_000, stack=4, n_step=3),
}


def observations(payload, content):
    """`payload.steps` + 1 observations; `noise` cannot be compressed (as `rookery bench replay` sends), `game` can: a
    bright paddle and ball on black."""
    generator = np.random.default_rng(1)
    count = payload.steps + 1
    if payload.dtype == np.float32:
        return generator.random((count, *payload.shape), dtype=np.float32)
    if content == "noise":
        return generator.integers(0, 64, (count, *payload.shape), dtype=np.uint8)
    frames = np.zeros((count, *payload.shape), np.uint8)
    for index in range(count):
        y, x = generator.integers(0, 72, 2)
        frames[index, ..., y : y + 12, 78:81] = 147
        frames[index, ..., 80 - y : 83 - y, x : x + 2] = 236
    return frames


def resident_bytes():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def rate(body, seconds, finish=lambda: None):
    """The sum of what `body` returns, per second, after a warm-up. `finish` waits for unfinished work, within the time."""
    start = time.perf_counter()
    while time.perf_counter() < start + min(0.5, seconds / 2):
        body()
    finish()
    start, count = time.perf_counter(), 0
    while time.perf_counter() < start + seconds:
        count += body()
    finish()
    return count / (time.perf_counter() - start)


def latencies(body, seconds, fewest=5):
    """Median and 99th percentile of a call's time, in milliseconds, over at least `fewest` calls."""
    body()
    times, end = [], time.perf_counter() + seconds
    while len(times) < fewest or time.perf_counter() < end:
        start = time.perf_counter()
        body()
        times.append((time.perf_counter() - start) * 1000)
    return {"sample_p50_ms": float(np.quantile(times, 0.5)), "sample_p99_ms": float(np.quantile(times, 0.99))}


def serve(modes, **ready):
    """Answers until standard input ends; `modes`: name -> function of the command."""
    modes = {"memory": lambda _: {"bytes": resident_bytes()}, **modes}
    print(json.dumps({"ready": True, **ready}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(modes[command["mode"]](command)), flush=True)
