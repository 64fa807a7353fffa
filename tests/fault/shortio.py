#!/usr/bin/env python3
"""Reads and writes of one to seven octets, interrupted ones, full disks, broken files: the message
arrives octet by octet as it was, or not at all and the status says so."""

import os
import random
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, Smarthost, Tap  # noqa: E402

PRELOAD = os.environ.get("FAULTY_IO", "")


def text(size):
    """Lines of all lengths, many of them with dots in front."""
    generator = random.Random(size)
    out = HEADER
    while len(out) < size:
        out += b"." * generator.choice((0, 0, 1, 2, 3)) + \
            bytes(generator.choice(b"abcdefgh .=") for _ in range(generator.randrange(90))) + b"\n"
    return out


def repeated(size):
    """The same, made quickly."""
    part = text(20000)[len(HEADER):]
    return HEADER + part * (size // len(part) + 1)


def expect(message):
    return message.replace(b"\n", b"\r\n")


def short(tap):
    small, large = text(20000), text(300000)
    kinds = (("DATA", "none", ("--extensions", "-CHUNKING"), ()),
             ("DATA in lockstep", "none", ("--extensions", "-CHUNKING,-PIPELINING"), ()),
             ("BDAT", "none", (), ()),
             ("BDAT in one flight", "none", (), ("--pipelining", "full")),
             ("TLS 1.3", "implicit", (), ()),
             ("TLS 1.2 by STARTTLS", "starttls", ("--tls-version", "1.2"), ()))
    for name, tls, options, more in kinds:
        with Smarthost(*options, tls=tls) as host:
            for seed in ("1", "2", "3"):
                message = large if seed == "3" and tls != "starttls" else small
                status, complaint, contents = host.send(
                    message, *more, preload=PRELOAD, FAULT="short", FAULT_SEED=seed)
                same = contents == [expect(message)]
                tap.ok(status == 0 and same, "short reads and writes, %s, seed %s" % (name, seed),
                       "status %d, %d recorded, %s" % (status, len(contents),
                                                       "same" if same else "different"), complaint)


def broken(tap):
    large = text(600000)
    with Smarthost() as host:
        status, complaint, contents = host.send(large, preload=PRELOAD, FAULT="enospc")
        tap.ok(status == 0 and contents == [expect(large)], "no space for the file: from memory",
               "status %d, %d recorded" % (status, len(contents)), complaint)
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            # more than MESSAGE_RESCUE
            status, complaint, contents = host.send(
                repeated(17 << 20), "--port", str(nobody.getsockname()[1]), preload=PRELOAD,
                FAULT="enospc")
            nobody.settimeout(0)
            try:
                connected = nobody.accept()
            except BlockingIOError:
                connected = None
            tap.ok(status == 75 and "No space left" in complaint and not contents and
                   not connected, "no space for what memory does not hold: 75 before connecting",
                   "status %d, %s" % (status, "connected" if connected else "not connected"),
                   complaint)
        for fault, statuses, what in (
                ("eio", (74, 75), "the temporary file cannot be read"),
                ("stdin", (66,), "standard input cannot be read to its end")):
            status, complaint, contents = host.send(large, preload=PRELOAD, FAULT=fault)
            tap.ok(status in statuses and not contents and complaint.startswith("sendoff: unable"),
                   what, "status %d, %d recorded" % (status, len(contents)), complaint)


def main():
    tap = Tap()
    short(tap)
    broken(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
