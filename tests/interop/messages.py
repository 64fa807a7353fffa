"""Messages, as a program hands them over and as they must arrive. {n} is the case's number."""

HEAD = (b"From: Alice <alice@sink.test>\nTo: Bob <bob@sink.test>\nSubject: case {n}\n"
        b"Date: Wed, 14 Oct 2026 10:11:12 +0000\nMessage-ID: <{n}@interop.test>\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: 8bit\n")
PARTS = HEAD.replace(b"text/plain; charset=utf-8", b'multipart/signed; boundary="=-="')

BODIES = {
    "plain": b"One line.\n",
    "octets": "Grüße, ¾ der Ναῦς, 日本語\n".encode(),
    "dots": b".\n..\n...\n.a\na.\n\n.\n\n..\n.",
    "no-end": b"The last line has no end",
    "no-body": b"",
    "blank-lines": b"\n\n \n\t\nin between\n\n \n\n\n",
    "from-lines": b"From here on\n\nFrom there on\n>From both\n",
    "commands": b"QUIT\nDATA\nBDAT 5 LAST\nMAIL FROM:<x@y>\n\nRSET\n",
    "line-ends": b"lf\nand crlf\r\nand lf\n\r\n\n.\r\n.\nend\r\n",
    "998": b"x" * 998 + b"\n" + b"." * 998 + b"\nshort\n" + b"y" * 997 + b"\n",
    "many-lines": b"".join(b"%d bottles\n.\n" % i for i in range(20000)),
}
LONG_LINE = b"Grundst\xc3\xbcck, " * 400 + b"\n.\n" + b"a" * 5000 + b"\n"


def crlf(data):
    """What arrives: every line ends with CRLF, the last one too."""
    data = data.replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    return data.replace(b"\n", b"\r\n")


def numbered(data, n):
    return data.replace(b"{n}", b"%d" % n)


def large(size):
    line = bytes(range(33, 103)) + b"\n"
    return line * (size // len(line) + 1)
