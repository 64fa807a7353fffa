"""What the tests of lingering connections share: a machine room with a home and a runtime directory,
submissions from it, the processes that stay behind, and a server that follows a function."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from submission import SENDOFF, Smarthost  # noqa: E402

MESSAGE = (b"From: ann@example.org\nTo: bob@example.net\nSubject: linger\n"
           b"Date: Tue, 24 Nov 2026 11:05:09 +0000\nMessage-ID: <linger@example.org>\n\nHi.\n")
PATIENCE = 10


def until(true, seconds=PATIENCE):
    """Waits for TRUE() to hold; what it says at last."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def keepers(mark):
    """The processes that keep a connection, and whose arguments hold MARK."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if ((folder / "comm").read_text() == "sendoff-linger\n" and
                    str(mark).encode() in (folder / "cmdline").read_bytes() and
                    "\nState:\tZ" not in (folder / "status").read_text()):
                found.append(int(folder.name))
    return sorted(found)


class Done:
    """How a submission ended."""

    def __init__(self, status, out, err, took):
        self.status, self.out, self.err, self.took = status, out.decode(), err.decode(), took

    def __str__(self):
        return "status %d, %.1f s\n%s%s" % (self.status, self.took, self.out, self.err)

    @property
    def json(self):
        return json.loads(self.out)


class Room:
    """A home, and everything that has stayed behind in it is ended with it."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="linger."))
        self.runtime = self.dir / "run"
        self.runtime.mkdir(mode=0o700)
        self.password = self.dir / "password"
        self.password.write_text("wonderland\n")
        self.password.chmod(0o600)
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.dir),
                            "TMPDIR": str(self.dir), "XDG_RUNTIME_DIR": str(self.runtime),
                            "LC_ALL": "C", "TZ": "UTC"}
        for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.keepers():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.keepers(), 5)
        shutil.rmtree(self.dir, ignore_errors=True)

    def keepers(self):
        return keepers(self.dir)

    def files(self):
        """What lies in the place where keepers are met."""
        return sorted(p.name for p in (self.runtime / "sendoff").glob("link-*"))

    def socket(self, slot=0):
        return next((self.runtime / "sendoff").glob("link-*-%d" % slot))

    def configure(self, server, *lines, linger=20, login=True):
        """Writes a configuration for the server."""
        file = self.dir / "config"
        text = ["[account test]", "host = 127.0.0.1:%d" % server.port, "remember = no",
                "linger = %d" % linger, "log = %s/log" % self.dir]
        if login:
            text += ["user = alice", "password-file = %s" % self.password]
        if server.tls == "none":
            text += ["tls = none"] + (["allow-cleartext-auth = yes"] if login else [])
        else:
            text += ["tls = " + server.tls, "tls-name = localhost",
                     "tls-trust = %s/ca/ca.pem" % server.dir]
        file.write_text("\n".join([*text, *lines]) + "\n")
        file.chmod(0o600)
        return file

    def command(self, *arguments, recipients=("bob@example.net",), name=None):
        words = [str(name or SENDOFF), "--config", str(self.dir / "config"), "--json", "-i", "-f",
                 "ann@example.org", *arguments, "--", *recipients]
        if name:
            words.remove("--json")
        return words

    def start(self, *arguments, message=MESSAGE, **how):
        """A submission that is not waited for."""
        process = subprocess.Popen(self.command(*arguments, **how), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment)
        process.stdin.write(message)
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process, started=None):
        started = started or time.monotonic()
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err, time.monotonic() - started)

    def send(self, *arguments, **how):
        started = time.monotonic()
        return self.finish(self.start(*arguments, **how), started)


class Recorder(Smarthost):
    """The smarthost of the tests, and what it has recorded."""

    def records(self):
        return [json.loads(p.read_text()) for p in sorted(self.record.glob("*.json"))]

    def connections(self):
        """The connection that each message came by."""
        return [r["connection"] for r in self.records()]


class Client:
    """What a server of ours sees of one connection."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""
        sock.settimeout(PATIENCE)

    def more(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        self.buffer += data
        return data

    def line(self):
        while b"\n" not in self.buffer:
            if not self.more():
                return None
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.strip().decode()

    def say(self, *lines):
        with contextlib.suppress(OSError):
            self.sock.sendall("".join(line + "\r\n" for line in lines).encode())

    def content(self):
        """Reads to the lone dot; None when the connection ends before."""
        while b"\r\n.\r\n" not in self.buffer:
            if not self.more():
                return None
        content, self.buffer = self.buffer.split(b"\r\n.\r\n", 1)
        return content

    def rest(self):
        """Everything until the client closes."""
        while self.more():
            pass
        return self.buffer

    def greet(self, *extensions):
        self.say("220 test")
        self.line()
        self.say(*("250-" + e for e in ("test", *extensions)), "250 HELP")

    def envelope(self, *replies):
        """MAIL, RCPT and DATA, which come in one flight, and their replies."""
        lines = [self.line() for _ in range(3)]
        self.say(*(replies or ("250 ok", "250 ok", "354 go")))
        return lines

    def message(self):
        self.envelope()
        content = self.content()
        self.say("250 2.0.0 taken")
        return content


class Server(threading.Thread):
    """Calls one function of FUNCTIONS for each connection, one after the other."""

    tls = "none"

    def __init__(self, *functions):
        super().__init__(daemon=True)
        self.functions, self.failure, self.count = functions, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.join(PATIENCE * 2)
        self.listener.close()

    def run(self):
        try:
            for function in self.functions:
                sock, _ = self.listener.accept()
                self.count += 1
                with sock:
                    function(Client(sock))
        except Exception as e:  # pylint: disable=broad-except
            self.failure = e
