"""The service's protocol from the client's side, for clients that mean no good."""

import array
import socket
import struct

SUBMIT, SMTP, COMMAND = 1, 2, 3
MARK, TRACE, ANSWER, STREAMS, END, BUSY = 16, 17, 18, 19, 20, 21
TAKEN, COMMITTED, SENDING, ACCEPTED = range(4)


def field(tag, data):
    return struct.pack("<BI", tag, len(data)) + data


def number(tag, value):
    return field(tag, struct.pack("<Q", value))


def option(name, value, origin="--x"):
    return field(7, field(1, name) + field(2, value) + field(3, origin.encode()))


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
    while data:
        tag, n = struct.unpack("<BI", data[:5])
        yield tag, data[5:5 + n]
        data = data[5 + n:]


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
            for tag, data in fields(body):
                if tag == 1:
                    self.good = bool(data[0])
                elif tag == 2:
                    self.attempted = bool(data[0])
                elif tag == 3:
                    inner = dict(fields(data))
                    self.fault, self.text = inner[1][0], inner[7].decode()

    def __repr__(self):
        return "kind %s, marks %s, good %s, attempted %s, fault %s: %s" % (
            self.kind, self.marks, self.good, self.attempted, self.fault, self.text)
