#!/usr/bin/env python3
"""Draws the results of compare.py: rates of every replay, one row per kind of work, on a logarithmic axis.

    python3 python/benchmarks/peers/plot.py .venv-peers/peers.json docs/images/replay-peers.svg
"""

import json
import math
import sys

COLOURS = {
    "rookery": "#d1495b", "reverb": "#00798c", "reverb ×2": "#66b2bf", "cpprb": "#edae49", "tianshou": "#7a6c9d",
}
UNITS = {"insert_per_s": "steps/s", "batches_per_s": "batches of 512/s", "keys_per_s": "priorities/s"}
LEFT, WIDTH, ROW, TOP, RIGHT = 330, 470, 24, 58, 20


def rows_of(document):
    for row in document["rows"]:
        if row["figure"] in UNITS and row["mode"] != "latency":
            yield row


def name_of(row):
    words = [row["payload"], "game frames" if row["content"] == "game" else None]
    if row["mode"] in ("insert", "both") and row["message"]:
        words[0] += f" × {row['message']}"
    words += [row["mode"], "in process" if row["place"] == "in process" else None, UNITS[row["figure"]]]
    return ", ".join(word for word in words if word)


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def draw(document):
    rows = list(rows_of(document))
    values = [value for row in rows for value in [row["rookery"], *row["peers"].values()] if value]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    height = TOP + ROW * len(rows) + 30

    def x(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    def text(at, y, words, anchor="start", size=12, colour="#333"):
        return f'<text x="{at:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{words}</text>'

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
        f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" font-family="sans-serif">'
    )
    yield f'<rect width="100%" height="100%" fill="white"/>'
    yield text(12, 20, f"{document['machine']}, {document['date'][:10]}, {document['transport']}; more is better", size=13)
    shown = [name for name in COLOURS if name == "rookery" or any(name in row["peers"] for row in rows)]
    for index, name in enumerate(shown):
        at = LEFT + index * 95
        yield f'<circle cx="{at}" cy="37" r="5" fill="{COLOURS[name]}"/>' + text(at + 9, 41, name)
    for power in range(low, high + 1):
        at = x(10**power)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{height - 26}" stroke="#ddd"/>'
        yield text(at, height - 10, short(10**power), "middle", 11, "#777")
    for index, row in enumerate(rows):
        y = TOP + ROW * index + ROW / 2
        found = {"rookery": row["rookery"], **row["peers"]}
        found = {name: value for name, value in found.items() if value}
        yield text(LEFT - 14, y + 4, name_of(row), "end")
        ends = x(min(found.values())), x(max(found.values()))
        yield f'<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y}" y2="{y}" stroke="#bbb"/>'
        for name in reversed(shown):
            if name in found:
                yield f'<circle cx="{x(found[name]):.1f}" cy="{y}" r="5" fill="{COLOURS[name]}"/>'
    yield "</svg>"


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(draw(document)) + "\n")


if __name__ == "__main__":
    main()
