"""Rookery's replay service and its peers, in turn, in one run: medians, and ratios in Rookery's favour.

    compare.py --rookery .build/release/rookery --reverb PYTHON --buffers PYTHON [--json FILE]

Reverb is a server of its own with clients of their own, on this machine's loopback, as Rookery is; cpprb and tianshou
are buffers in the caller's process, without any transport. Each peer is started and filled once a payload and waits
while others are measured; a round measures everybody once. A ratio above 1 is in Rookery's favour.
"""

import argparse
import datetime
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# What a mode measures; of the last two, less is better.
RATES = ["insert_per_s", "batches_per_s", "keys_per_s"]
COSTS = ["sample_p50_ms", "sample_p99_ms", "bytes_an_item"]
MODES = ["insert", "sample", "both", "latency", "update"]
PAYLOADS = ["36", "1k", "28k", "atari"]
# An answer that takes longer has failed: filling a table is the longest.
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
            raise self.failure("ended") from None

    def answer(self):
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            raise self.failure(f"gave no answer in {PATIENCE_S} s")
        line = self.process.stdout.readline()
        if not line:
            raise self.failure("ended")
        return json.loads(line)

    def ask(self, mode, **more):
        self.send(mode, **more)
        return self.answer()

    def failure(self, what):
        self.errors.seek(0)
        return PeerError(f"{self.name} {what}: " + " | ".join(self.errors.read().splitlines()[-3:]))

    def stop(self):
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
        """Several workers at once: their answers added up."""
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
    """A buffer in its own process: only its thread is at work, so it cannot insert and be sampled from at once."""

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


def rookery(arguments, payload):
    command = [
        arguments.rookery, "bench", "replay", "--json", "--rounds", "1", "--transport", arguments.transport,
        "--payload", payload, "--mode", ",".join(arguments.modes), "--seconds", str(arguments.seconds),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {run.stderr.strip()[-500:]}")
    return json.loads(run.stdout)


def peers(arguments, payload, content, skipped):
    """The peers that can be started; why not is kept in `skipped`."""

    def starts():
        if "reverb" in arguments.peers:
            yield "reverb", lambda: Reverb(arguments.reverb, payload, content)
        for name in ("cpprb", "tianshou"):
            if name in arguments.peers and content == "noise":
                yield name, lambda name=name: Buffer(arguments.buffers, name, payload)

    started = []
    for name, start in starts():
        label = f"{name}, {payload}"
        if name == "reverb" and not arguments.reverb:
            skipped[label] = "not installed: its wheels are for Python 3.11"
        elif name != "reverb" and payload == "atari":
            skipped[label] = "whole transitions only, in 28k"
        else:
            try:
                started.append(start())
            except PeerError as error:
                skipped[label] = str(error)
    return started


def medians(rounds):
    """The median of each figure over rounds of key -> figures."""
    return {
        key: {name: statistics.median(one[key][name] for one in rounds) for name in rounds[0][key]} for key in rounds[0]
    }


def ratio(name, ours, theirs):
    if not ours or not theirs:
        return None
    return float(f"{(ours / theirs if name in RATES else theirs / ours):.3g}")


def compare(arguments, payload, content, document):
    """Rounds of everybody for one payload; rows are added to the document and printed."""
    running = peers(arguments, payload, content, document["skipped"])
    try:
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            result = rookery(arguments, payload)
            document["machine"] = result["machine"]
            document["empty_service_bytes"]["rookery"] = result["empty_service_bytes"]
            cases = {(case["mode"], case["message"]): case for case in result["cases"]}
            figures = [name for name in RATES + COSTS]
            ours.append({key: {n: case[n] for n in figures if n in case} for key, case in cases.items()})
            sizes = sorted({message for mode, message in cases if mode == "insert"})
            found = {}
            for peer in running:
                found.update(peer.measure(arguments.modes, sizes, arguments.seconds))
            theirs.append(found)
        for peer in running:
            document["versions"][peer.name] = peer.version
            if isinstance(peer, Reverb):
                document["empty_service_bytes"]["reverb"] = peer.empty_bytes
    finally:
        for peer in running:
            peer.stop()
    theirs = medians(theirs)
    for (mode, message), case in medians(ours).items():
        for name in RATES + COSTS:
            # The harness repeats the bytes of an item in each of its cases.
            if name not in case or (name == "bytes_an_item" and mode != "insert"):
                continue
            columns = {
                column: found[name]
                for (column, their_mode, size), found in theirs.items()
                if their_mode == mode and size in (None, message) and name in found
            }
            row = {"payload": payload, "content": content, "message": message, "mode": mode, "figure": name}
            row |= {"rookery": case[name], "peers": columns}
            row["ratios"] = {column: ratio(name, case[name], value) for column, value in columns.items()}
            document["rows"].append(row)
            print(line(row), flush=True)


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def line(row):
    game = ", game frames" if row["content"] == "game" else ""
    text = f"{row['payload']}{game} × {row['message']} {row['mode']} {row['figure']}"
    parts = [f"rookery {short(row['rookery'])}"]
    for column, value in row["peers"].items():
        times = row["ratios"][column]
        parts.append(f"{column} {short(value)} ({'' if times is None else f'{times:.3g}'}×)")
    return f"{text:<46} " + ", ".join(parts)


def arguments_of_command_line():
    def words(allowed):
        def parse(text):
            found = text.split(",")
            for word in found:
                if word not in allowed:
                    raise argparse.ArgumentTypeError(f"expected {', '.join(allowed)}, found '{word}'")
            return found

        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rookery", required=True, metavar="FILE", help="the program, a release build")
    parser.add_argument("--reverb", metavar="PYTHON", help="a Python with dm-reverb; without it Reverb is skipped")
    parser.add_argument("--buffers", required=True, metavar="PYTHON", help="a Python with cpprb and tianshou")
    parser.add_argument("--transport", choices=["ipc", "tcp"], default="tcp", help="Rookery's; Reverb's is TCP")
    parser.add_argument("--payload", type=words(PAYLOADS), default=PAYLOADS, dest="payloads")
    parser.add_argument("--mode", type=words(MODES), default=MODES, dest="modes")
    names = ["reverb", "cpprb", "tianshou"]
    parser.add_argument("--peer", type=words(names), default=names, dest="peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--json", metavar="FILE", help="where the figures go as JSON")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 0 < arguments.seconds <= 600:
        parser.error("--rounds: expected 1 or more; --seconds: expected a number above 0, at most 600")
    return arguments


def main():
    arguments = arguments_of_command_line()
    document = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": "",
        "transport": arguments.transport, "rounds": arguments.rounds, "seconds": arguments.seconds, "versions": {},
        "empty_service_bytes": {}, "rows": [], "skipped": {},
    }
    for payload in arguments.payloads:
        compare(arguments, payload, "noise", document)
        # Reverb compresses: what games look like, mostly black, is its better case.
        if payload in ("28k", "atari") and "reverb" in arguments.peers:
            compare(arguments, payload, "game", document)
    for label, reason in document["skipped"].items():
        print(f"skipped: {label}: {reason}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
        print(f"figures in {arguments.json}")
    # A peer that does not fit was skipped by rule; one that failed is a failure of the comparison.
    return 1 if any("_peer.py" in reason for reason in document["skipped"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
