"""Where the servers under test relay to: keeps each message, octet for octet, with its envelope."""

import re
import socketserver
import threading
import time

EXTENSIONS = (b"PIPELINING", b"SIZE 104857600", b"8BITMIME", b"SMTPUTF8", b"DSN",
              b"ENHANCEDSTATUSCODES", b"DELIVERBY")


class Message:
    def __init__(self, sender, parameters):
        self.sender, self.parameters = sender, parameters
        self.recipients = {}  # address: its parameters
        self.content = b""


def path(argument):
    """<address> PARAMETER... of MAIL and RCPT."""
    match = re.match(rb"(?i)(?:from|to):\s*<([^>]*)>\s*(.*)", argument)
    return match.group(1).decode(), match.group(2).decode().split()


class Session(socketserver.StreamRequestHandler):
    message = None

    def say(self, line):
        self.wfile.write(line + b"\r\n")

    def content(self):
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                return None
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def handle(self):
        self.say(b"220 sink.test ESMTP")
        for line in self.rfile:
            verb, _, argument = line.rstrip(b"\r\n").partition(b" ")
            verb = verb.upper()
            if verb == b"EHLO":
                for extension in EXTENSIONS:
                    self.say(b"250-" + extension)
                self.say(b"250 HELP")
            elif verb == b"MAIL":
                self.message = Message(*path(argument))
                self.say(b"250 2.1.0 ok")
            elif verb == b"RCPT":
                address, parameters = path(argument)
                if address.startswith("unknown@"):
                    self.say(b"550 5.1.1 no such user")
                    continue
                self.message.recipients[address] = parameters
                self.say(b"250 2.1.5 ok")
            elif verb == b"DATA":
                self.say(b"354 go on")
                self.message.content = self.content()
                if self.message.content is None:
                    return
                self.server.sink.add(self.message)
                self.say(b"250 2.0.0 ok")
            elif verb == b"QUIT":
                self.say(b"221 2.0.0 bye")
                return
            else:
                self.say(b"250 2.0.0 ok" if verb in (b"RSET", b"NOOP", b"HELO") else b"502 5.5.2 no")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


class Sink:
    def __init__(self, address):
        self.messages, self.news, self.misses = [], threading.Condition(), 0
        server = Server(address, Session)
        server.sink = self
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def add(self, message):
        with self.news:
            self.messages.append(message)
            self.news.notify_all()

    def wait(self, wanted, enough=bool):
        """The messages that are WANTED, once there are ENOUGH, or time is up: 20 seconds, or two
        when that has happened too often already."""
        limit = time.monotonic() + (20 if self.misses < 5 else 2)
        with self.news:
            while True:
                found = [m for m in self.messages if wanted(m)]
                left = limit - time.monotonic()
                if enough(found) or left <= 0:
                    self.misses += not enough(found)
                    return found
                self.news.wait(left)

    def for_recipients(self, addresses):
        """The messages for ADDRESSES, each of which is waited for."""
        return self.wait(lambda m: not m.recipients.keys().isdisjoint(addresses),
                         lambda found: {a for m in found for a in m.recipients} >= set(addresses))
