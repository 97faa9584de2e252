# Reads a recording of Rookery (docs/RECORDINGS.md).
"""python read_recording.py FILE: prints its messages. Needs msgpack, numpy and zstandard.

It stops at the first damage; docs/RECORDINGS.md says how a reader goes on behind it.
"""

import struct
import sys
import zlib

import msgpack
import numpy as np
import zstandard

HEADER = struct.Struct("<8s8sHHI10QII")  # 112 bytes
TRAILER = struct.Struct("<8s8sQII")  # 32 bytes
BLOCK_MAGIC = bytes.fromhex("522a4d1868000000") + b"ROOKREC\n"
END_MAGIC = bytes.fromhex("532a4d1818000000") + b"ROOKEND\n"
NAMES = ("compressed", "content", "first_number", "last_number", "first_time", "last_time", "messages", "steps", "items",
         "missed")
ABOUT, MESSAGE, MISSED, SOURCE, INDEX = range(5)
DTYPES = {1: "u1", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8"}


def check(holds, offset, expected):
    if not holds:
        raise ValueError(f"at byte {offset}: expected {expected}")


def blocks(data):
    """(offset, header, content) of each block, and at the end of a closed file (offset, None, the index's offset)."""
    offset = 0
    while offset < len(data):
        if data[offset:offset + 16] == END_MAGIC:
            end = data[offset:offset + TRAILER.size]
            check(zlib.crc32(end[:28]) == TRAILER.unpack(end)[4], offset, "the checksum of the trailer")
            yield offset, None, TRAILER.unpack(end)[2]
            offset += TRAILER.size
            continue
        head = data[offset:offset + HEADER.size]
        check(len(head) == HEADER.size and head[:16] == BLOCK_MAGIC, offset, "a block's header")
        fields = HEADER.unpack(head)
        check(zlib.crc32(head[:108]) == fields[-1], offset, "the checksum of the header")
        check(fields[2] == 1, offset, f"version 1, found {fields[2]}")
        header = dict(zip(NAMES, fields[5:15]), kind=fields[3], source=fields[4])
        start = offset + HEADER.size
        frame = data[start:start + header["compressed"]]
        content = zstandard.ZstdDecompressor().decompress(frame)
        check(len(content) == header["content"], start, f"{header['content']} bytes of content, found {len(content)}")
        yield offset, header, content
        offset = start + header["compressed"]


def entries(content):
    """The entries of a content: msgpack arrays one after the other."""
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=1 << 31)
    unpacker.feed(content)
    return list(unpacker)


def columns(fields, chunk):
    """The columns of a chunk by name, the flags last."""
    count, payloads = chunk[2], chunk[5]
    found = {}
    for index, (name, dtype, shape, _) in enumerate([*fields, ["flags", 1, [], 1]]):
        content = payloads[2 * index + 1]  # a padding stands before each
        found[name] = np.frombuffer(content, DTYPES[dtype]).reshape(count, *shape)
    return found


def items(block):
    """(stream, first index, span, priority or None) of each item of a block."""
    streams, firsts, spans = (np.frombuffer(block[at], dtype) for at, dtype in ((3, "<u4"), (5, "<u8"), (7, "<u4")))
    priorities = [None] * block[1] if block[9] is None else np.frombuffer(block[9], "<f4").tolist()
    return list(zip(streams.tolist(), firsts.tolist(), spans.tolist(), priorities))


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    sources = {}
    for _, header, content in blocks(data):
        if header is None:
            continue
        for entry in entries(content):
            if entry[0] == SOURCE:
                sources[header["source"]] = entry
                print(f"source {header['source']}: shard {entry[2]}, fields {entry[5]}, tables {entry[6]}")
            elif entry[0] == MISSED:
                print(f"messages {entry[1]} to {entry[2]} were missed")
            elif entry[0] == MESSAGE:
                _, number, time, _, label, _, chunks, blocks_of_items = entry
                print(f"message {number} of {label} at {time}")
                for chunk in chunks:
                    rewards = columns(sources[header["source"]][5], chunk).get("reward")
                    print(f"  stream {chunk[0]} from step {chunk[1]} on: {chunk[2]} steps, rewards {rewards}")
                for block in blocks_of_items:
                    print(f"  table {block[0]}: {items(block)}")


if __name__ == "__main__":
    main(sys.argv[1])
