"""Starts, fills, measures and stops the peers' processes for compare.py."""

import contextlib
import json
import os
import select
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# An answer that takes longer counts as failed; filling a table takes longest.
PATIENCE_S = 300


class PeerError(Exception):
    pass


class Worker:
    """A process that answers a line of JSON with one (see worker.py)."""

    def __init__(self, python, script, *arguments):
        self.name = " ".join([script, *arguments])
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, script), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )
        self.ready = self.answer()

    def send(self, mode, **more):
        try:
            self.process.stdin.write(json.dumps({"mode": mode, **more}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.failure(f"ended with {self.process.wait(10)}") from None

    def answer(self):
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            raise self.failure(f"gave no answer in {PATIENCE_S} s")
        line = self.process.stdout.readline()
        if not line:
            raise self.failure(f"ended with {self.process.wait(10)}")
        return json.loads(line)

    def ask(self, mode, **more):
        self.send(mode, **more)
        return self.answer()

    def failure(self, what):
        self.errors.seek(0)
        return PeerError(f"{self.name} {what}: " + " | ".join(self.errors.read().splitlines()[-3:])[-500:])

    def stop(self):
        # If the process has ended, closing tries to write the last request and fails.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Reverb:
    """A server, two inserters and two samplers; one of each is at work unless the name of a figure says two."""

    name = "reverb"

    def __init__(self, python, payload, content):
        self.workers = []
        try:
            server = self.start(python, "server", payload, content)
            self.version = server.ready["version"]
            port = str(server.ready["port"])
            empty = server.ask("memory")["bytes"]
            self.inserters = [self.start(python, "inserter", payload, content, port) for _ in range(2)]
            items = self.inserters[0].ask("fill")["items"]
            self.bytes = (server.ask("memory")["bytes"] - empty) / items
            self.empty_bytes = empty
            self.samplers = [self.start(python, "sampler", payload, content, port) for _ in range(2)]
        except BaseException:
            self.stop()
            raise

    def start(self, python, *arguments):
        self.workers.append(Worker(python, "reverb_peer.py", *arguments))
        return self.workers[-1]

    def stop(self):
        for worker in reversed(self.workers):
            worker.stop()

    def together(self, *asked, seconds):
        """Asks several workers at once and adds up their answers."""
        for worker, mode in asked:
            worker.send(mode, seconds=seconds)
        total = {}
        for worker, _ in asked:
            for name, value in worker.answer().items():
                total[name] = total.get(name, 0) + value
        return total

    def measure(self, modes, sizes, seconds):
        """(column, mode, message or None) -> figures. Reverb decides itself how much goes into a message."""
        found = {}
        insert = [(worker, "insert") for worker in self.inserters]
        sample = [(worker, "sample") for worker in self.samplers]
        if "insert" in modes:
            found["reverb", "insert", None] = self.together(insert[0], seconds=seconds)
            found["reverb ×2", "insert", None] = self.together(*insert, seconds=seconds)
            found["reverb", "insert", None]["bytes_an_item"] = self.bytes
        if "sample" in modes:
            found["reverb", "sample", None] = self.together(sample[0], seconds=seconds)
            found["reverb ×2", "sample", None] = self.together(*sample, seconds=seconds)
        if "both" in modes:
            found["reverb", "both", None] = self.together(insert[0], sample[0], seconds=seconds)
        for mode in ("latency", "update"):
            if mode in modes:
                found["reverb", mode, None] = self.samplers[0].ask(mode, seconds=seconds)
        for worker in self.samplers:
            worker.ask("pause")
        return found


class Buffer:
    """A buffer in its own process with one thread, which cannot insert and sample at the same time."""

    def __init__(self, python, name, payload):
        self.name = name
        self.worker = Worker(python, "buffers_peer.py", name, payload)
        self.version = self.worker.ready["version"]
        filled = self.worker.ask("fill")
        self.bytes = filled["bytes"] / filled["items"]

    def stop(self):
        self.worker.stop()

    def measure(self, modes, sizes, seconds):
        found = {}
        if "insert" in modes:
            for size in sizes:
                found[self.name, "insert", size] = self.worker.ask("insert", message=size, seconds=seconds)
                found[self.name, "insert", size]["bytes_an_item"] = self.bytes
        for mode in ("sample", "latency", "update"):
            if mode in modes:
                found[self.name, mode, None] = self.worker.ask(mode, seconds=seconds)
        return found
