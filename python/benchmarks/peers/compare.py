"""Measures Rookery's replay service and its peers in turn: medians and ratios.

    compare.py --rookery .build/release/rookery --reverb PYTHON --buffers PYTHON [--json FILE]

Reverb, like Rookery, is a server process with client processes on this machine's loopback. cpprb and tianshou are buffers
in the caller's process, without a transport. Each peer is started and filled once per payload and waits while others are
measured; a round measures each peer once. A ratio above 1 is in Rookery's favour.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys

from processes import Buffer, PeerError, Reverb

# Measured quantities: more of the first is better, less of the second.
RATES = ["insert_per_s", "batches_per_s", "keys_per_s"]
COSTS = ["sample_p50_ms", "sample_p99_ms", "bytes_an_item"]
FIGURES = RATES + COSTS
MODES = ["insert", "sample", "both", "latency", "update"]
IN_PROCESS = ["cpprb", "tianshou"]
PAYLOADS = ["36", "1k", "28k", "atari"]
# (mode, message) -> the name in `rookery bench replay` of the same work on its store in process, as buffers are used.
STORE = {
    ("insert", 1000): ("insert_per_s", "insert 36 B, 1000 a message: steps"),
    ("insert", 50): ("insert_per_s", "insert 36 B, 50 a message: steps"),
    ("sample", None): ("batches_per_s", "sample 512 and write priorities back: batches"),
    ("update", None): ("keys_per_s", "priority updates, 512 random keys: keys"),
}


def rookery(arguments, payload, modes):
    command = [
        arguments.rookery, "bench", "replay", "--json", "--rounds", "1", "--transport", arguments.transport,
        "--payload", payload, "--mode", ",".join(modes), "--seconds", str(arguments.seconds),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {run.stderr.strip()[-500:]}")
    return json.loads(run.stdout)


def start_peers(running, arguments, payload, content, document):
    """Adds the peers that can be started; the document gets the reasons for the others."""

    def starts():
        if "reverb" in arguments.peers:
            yield "reverb", lambda: Reverb(arguments.reverb, payload, content)
        for name in IN_PROCESS:
            if name in arguments.peers and content == "noise":
                yield name, lambda name=name: Buffer(arguments.buffers, name, payload)

    for name, start in starts():
        label = f"{name}, {payload}, {content}"
        if name == "reverb" and not arguments.reverb:
            document["skipped"][label] = "not installed: its wheels are for Python 3.11"
        elif name != "reverb" and payload == "atari":
            document["skipped"][label] = "measured with whole transitions only, in 28k"
        else:
            try:
                running.append(start())
            except PeerError as error:
                document["failed"][label] = str(error)


def measure_peers(running, arguments, label, sizes, document):
    """All peers' figures of a round; a peer that fails is left out from then on."""
    found = {}
    for peer in list(running):
        try:
            found.update(peer.measure(arguments.modes, sizes, arguments.seconds))
        except PeerError as error:
            document["failed"][f"{peer.name}, {label['payload']}, {label['content']}"] = str(error)
            running.remove(peer)
            peer.stop()
    return found


def medians(rounds):
    """The median of each figure over rounds of key -> figures, for keys that every round has."""
    return {
        key: {name: statistics.median(one[key][name] for one in rounds) for name in figures}
        for key, figures in rounds[0].items()
        if all(key in one for one in rounds)
    }


def ratio(name, ours, theirs):
    if not ours or not theirs:
        return None
    return float(f"{(ours / theirs if name in RATES else theirs / ours):.3g}")


def compare(arguments, payload, content, document):
    """Measures rounds of all peers for one payload; adds rows to the document and prints them."""
    tell(f"{payload}, {content}: starting and filling")
    label = {"payload": payload, "content": content}
    is_small = payload == "36"
    running = []
    try:
        start_peers(running, arguments, payload, content, document)
        ours, theirs, stores = [], [], []
        for index in range(arguments.rounds):
            tell(f"{payload}, {content}: round {index + 1} of {arguments.rounds}")
            result = rookery(arguments, payload, arguments.modes + (["store"] if is_small else []))
            cases = {(case["mode"], case["message"]): case for case in result["cases"]}
            ours.append({key: {name: case[name] for name in FIGURES if name in case} for key, case in cases.items()})
            if is_small:
                stores.append({key: {name: result["store"][text]} for key, (name, text) in STORE.items()})
            sizes = sorted({message for mode, message in cases if mode == "insert"})
            theirs.append(measure_peers(running, arguments, label, sizes, document))
        document["machine"] = result["machine"]
        document["empty_service_bytes"]["rookery"] = result["empty_service_bytes"]
        for peer in running:
            document["versions"][peer.name] = peer.version
            if isinstance(peer, Reverb):
                document["empty_service_bytes"]["reverb"] = peer.empty_bytes
    finally:
        for peer in running:
            peer.stop()
    theirs = medians(theirs)
    for (mode, message), case in medians(ours).items():
        # The harness repeats the bytes of an item in each of its cases.
        for name in [name for name in case if name != "bytes_an_item" or mode == "insert"]:
            add(document, label | {"place": "service", "message": message, "mode": mode}, name, case[name], theirs)
    in_process = {key: found for key, found in theirs.items() if key[0] in IN_PROCESS}
    for (mode, message), case in medians(stores).items() if stores and in_process else ():
        if mode in arguments.modes:
            for name, value in case.items():
                more = {"place": "in process", "message": message, "mode": mode}
                add(document, label | more, name, value, in_process)


def add(document, label, name, value, theirs):
    """One row: a figure of Rookery, and the same of each peer that has it."""
    columns = {
        column: found[name]
        for (column, mode, message), found in theirs.items()
        if mode == label["mode"] and message in (None, label["message"]) and name in found
    }
    ratios = {column: ratio(name, value, other) for column, other in columns.items()}
    row = label | {"figure": name, "rookery": value, "peers": columns, "ratios": ratios}
    document["rows"].append(row)
    tell(line(row))


def tell(text):
    print(text, file=sys.stderr, flush=True)


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def cell(row, column):
    if column not in row["peers"]:
        return ""
    times = row["ratios"][column]
    return short(row["peers"][column]) + ("" if times is None else f" ({times:.3g}×)")


def name_of(row):
    game = ", game frames" if row["content"] == "game" else ""
    size = f" × {row['message']}" if row["message"] else ""
    place = ", in process" if row["place"] == "in process" else ""
    return f"{row['payload']}{game}{size} {row['mode']}{place} {row['figure']}"


def line(row):
    """As it is measured."""
    return f"{name_of(row):<46} rookery {short(row['rookery'])}" + "".join(f", {c} {cell(row, c)}" for c in row["peers"])


def table(rows):
    """All of it, as Markdown."""
    columns = ["reverb", "reverb ×2", *IN_PROCESS]
    yield "| | rookery | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * (1 + len(columns))
    for row in rows:
        yield f"| {name_of(row)} | {short(row['rookery'])} | " + " | ".join(cell(row, c) for c in columns) + " |"


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
    names = ["reverb", *IN_PROCESS]
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
        "empty_service_bytes": {}, "rows": [], "skipped": {}, "failed": {},
    }
    for payload in arguments.payloads:
        compare(arguments, payload, "noise", document)
        # Reverb compresses, so mostly black images, as of games, are its better case.
        if payload in ("28k", "atari") and "reverb" in arguments.peers:
            compare(arguments, payload, "game", document)
    print(*table(document["rows"]), sep="\n")
    for what in ("skipped", "failed"):
        for label, reason in document[what].items():
            print(f"{what}: {label}: {reason}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
        print(f"figures in {arguments.json}")
    return 1 if document["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
