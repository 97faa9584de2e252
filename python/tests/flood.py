# Floods a parameter server, as a faulty process or a stranger might.
"""flood.py KIND ADDRESS SECONDS [TOKEN]: needs pyzmq and msgpack. Prints the numbers of messages that it sent.

    telemetry      reports of thousands of processes with 512 counters each, over 8 connections
    joins          an unlimited number of learners, over 8 connections
    status         requests for the whole status, whose answers are not read
    subscriptions  an unlimited number of topics, over 2 connections
    connections    one report each from connections that are opened and closed

With the run's token (32 hexadecimal digits) it acts as a faulty process of the run, without it as a stranger.
"""

import os
import sys
import time

import msgpack
import zmq

VERSION = 4
TELEMETRY, JOIN, WEIGHTS, STATUS_REQUEST = 11, 12, 15, 16


def dealer(address):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.sndhwm = 1000
    socket.connect(address)
    return socket


def telemetry(token):
    counters = {f"counter_{index:04}_{'x' * 40}": float(index) for index in range(512)}
    return msgpack.packb([VERSION, TELEMETRY, os.urandom(16), token, "actor", "flood", counters])


def join(token):
    return msgpack.packb([VERSION, JOIN, os.urandom(16), token, "flood", [["0.weight", [2, 2]]]])


def status(_):
    return msgpack.packb([VERSION, STATUS_REQUEST, None, 0, None])


def send_from(address, end, token, message, connections):
    sockets = [dealer(address) for _ in range(connections)]
    # Packing a report of 38 KB for each message would be slower than the server.
    messages = [message(token) for _ in range(256)]
    sent = 0
    while time.monotonic() < end:
        for index in range(64):
            try:
                sockets[(sent + index) % connections].send(messages[(sent + index) % 256], zmq.NOBLOCK)
                sent += 1
            except zmq.Again:
                time.sleep(0.0005)
    for socket in sockets:
        socket.close()
    return sent


def subscribe(address, end):
    sockets = []
    for _ in range(2):
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.linger = 0
        socket.connect(address)
        sockets.append(socket)
    head = bytes([0x9E, VERSION, WEIGHTS, 0xD9, 32])
    sent = 0
    while time.monotonic() < end:
        for socket in sockets:
            for _ in range(256):
                socket.subscribe(head + os.urandom(16).hex().encode())
        sent += 512
    for socket in sockets:
        socket.close()
    return sent


def open_and_close(address, end, token):
    sent = 0
    while time.monotonic() < end:
        try:
            socket = dealer(address)
        except zmq.ZMQError:
            # Closed connections may not have ended yet.
            time.sleep(0.01)
            continue
        # Messages that are on their way are not dropped with the socket.
        socket.linger = 200
        socket.immediate = True
        socket.sndtimeo = 200
        try:
            socket.send(msgpack.packb([VERSION, TELEMETRY, os.urandom(16), token, "actor", "flood", {}]))
            sent += 1
        except zmq.Again:
            pass
        socket.close()
    return sent


def main():
    kind, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    token = bytes.fromhex(sys.argv[4]) if len(sys.argv) > 4 else None
    end = time.monotonic() + seconds
    if kind == "subscriptions":
        sent = subscribe(address, end)
    elif kind == "connections":
        sent = open_and_close(address, end, token)
    else:
        message = {"telemetry": telemetry, "joins": join, "status": status}[kind]
        sent = send_from(address, end, token, message, 8)
    print(sent, flush=True)


if __name__ == "__main__":
    main()
