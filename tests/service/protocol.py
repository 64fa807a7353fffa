"""The service's protocol from the client's side, for clients that mean no good."""

import array
import socket
import struct

SUBMIT, SMTP, COMMAND = 1, 2, 3
MARK, TRACE, ANSWER, STREAMS, END, BUSY = 16, 17, 18, 19, 20, 21
TAKEN, COMMITTED, SENDING, ACCEPTED = range(4)


def field(data):
    return struct.pack(">I", len(data)) + data


def number(value):
    return field(struct.pack(">Q", value))


def request(options=(), command=b"", words=(), personality=0):
    """What is asked for; OPTIONS: name, value, origin."""
    head = [number(personality), number(0), number(0), number(0), number(0), field(command)]
    return b"".join(head + [number(len(options))] +
                    [field(word) for option in options for word in option] +
                    [number(len(words))] + [field(word) for word in words])


def option(name, value, origin=b"--x"):
    return request([(name, value, origin)])


def parcel(kind, body=b"", length=None, version=1, magic=b"sendof"):
    return magic + struct.pack("<BBI", version, kind, len(body) if length is None else length) + body


def send(s, data, *fds):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    s.sendmsg([data], rights)


def read(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            return data
        data += piece
    return data


def receive(s):
    """The next parcel: kind, body; None when the service has closed."""
    try:
        head = read(s, 12)
    except ConnectionError:
        return None
    if len(head) < 12:
        return None
    assert head[:7] == b"sendof\1", head
    return head[7], read(s, struct.unpack("<I", head[8:])[0])


def fields(data):
    found = []
    while data:
        n, = struct.unpack(">I", data[:4])
        found.append(data[4:4 + n])
        data = data[4 + n:]
    return found


class Verdict:
    """What the service has answered: marks, and of the answer whether it was tried, and the error."""

    def __init__(self, s):
        self.marks, self.kind = [], None
        self.good = self.attempted = self.fault = None
        self.text = ""
        while True:
            got = receive(s)
            if not got:
                return
            self.kind, body = got
            if self.kind == MARK:
                self.marks.append(body[0])
            elif self.kind != TRACE:
                break
        if self.kind == ANSWER:
            found = fields(body)
            # behind them an error: fault, stage, sys, smtp, three of the code, in_doubt, text
            self.good, self.attempted = (bool(data[-1]) for data in found[:2])
            self.fault, self.text = found[2][-1], found[10].decode()

    def __repr__(self):
        return "kind %s, marks %s, good %s, attempted %s, fault %s: %s" % (
            self.kind, self.marks, self.good, self.attempted, self.fault, self.text)
