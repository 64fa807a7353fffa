"""A user with a configuration and a spool of his own, and smarthosts that behave as they are told."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

SENDOFF = os.environ.get("SENDOFF", "")
SMARTHOST = os.environ.get("SMARTHOST", "")
SANITIZED = os.environ.get("SANITIZED", "0") == "1"
MESSAGE = b"Subject: hello\n\nHi.\n"
SKIPPED = []  # why a part of the case at hand was not run
KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE")


class Wrong(Exception):
    """What a case found."""


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values if values else text)


def until(condition, text, seconds=60):
    """Waits until CONDITION() is true, and returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < end, "not within %d s: %s", seconds, text)
        time.sleep(0.02)


class Result:
    """What a program did."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def __str__(self):
        return "status %s\n%s%s" % (self.status, self.out, self.err)


class Place:
    """HOME with a configuration, a state directory, and links named sendmail and mailq."""

    def __init__(self, port=1):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="queue."))
        self.spool = self.home / "state/sendoff"
        self.history = self.spool / "state/history"
        for name in "sendmail", "mailq":
            (self.home / name).symlink_to(SENDOFF)
        self.configure(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def configure(self, port, *lines, account="default"):
        folder = self.home / ".config/sendoff"
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(["[account %s]" % account, "host = 127.0.0.1", "port = %d" % port,
                          "tls = none", "from = ann@example.org",
                          *([] if any(line.startswith("auth") for line in lines)
                            else ["auth = none"]), *lines]) + "\n"
        (folder / "config").write_text(text)

    def environment(self, **more):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "TMPDIR": str(self.home),
               "XDG_STATE_HOME": str(self.home / "state"), "LC_ALL": "C", "TZ": "UTC"}
        env.update({name: os.environ[name] for name in KEPT if name in os.environ})
        env.update(more)
        return env

    def argv(self, name, arguments):
        program = SENDOFF if name == "sendoff" else str(self.home / name)
        return [program, *map(str, arguments)]

    def run(self, *arguments, name="sendoff", stdin=MESSAGE, timeout=60, before=(), **more):
        since = time.monotonic()
        done = subprocess.run([*map(str, before), *self.argv(name, arguments)], input=stdin,
                              capture_output=True, timeout=timeout, env=self.environment(),
                              cwd=self.home, check=False, **more)
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"), time.monotonic() - since)

    def start(self, *arguments, name="sendoff", stdin=MESSAGE, to=subprocess.PIPE, **more):
        process = subprocess.Popen(self.argv(name, arguments), stdin=subprocess.PIPE,
                                   stdout=to, stderr=subprocess.PIPE,
                                   env=self.environment(), cwd=self.home, **more)
        if stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
            process.stdin = None
        return process

    def ends(self, process, timeout=60):
        out, err = process.communicate(timeout=timeout)
        return Result(process.returncode, (out or b"").decode(), err.decode(), 0)

    def send(self, *arguments, status=0, **more):
        done = self.run(*(arguments or ("bob@example.net",)), **more)
        expect(done.status in (status if isinstance(status, tuple) else (status,)),
               "status %s was expected: %s", status, done)
        return done

    def know_runner(self):
        """A runner has had its turn."""
        done = self.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(done.status == 0, "queue run --once: %s", done)

    def entries(self, folder="queue"):
        place = self.spool / folder
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []

    def listed(self, *more):
        done = self.run("queue", "list", *more, "--json", stdin=b"")
        return [json.loads(line) for line in done.out.splitlines()]

    def queued(self, *more):
        return [one for one in self.listed(*more) if "entry" in one]

    def accounts(self):
        return [one for one in self.listed() if "failures" in one]

    def due_now(self):
        """Makes everything due, and forgets what is known of the account."""
        for name in self.entries():
            os.utime(self.spool / "queue" / name, (1, 1))
        shutil.rmtree(self.spool / "state/accounts", ignore_errors=True)

    def events(self):
        text = self.history.read_text() if self.history.exists() else ""
        return re.findall(r"event=(\w+)", text)


class Smarthost:
    """The test's smarthost, with its record."""

    def __init__(self, *options, port=0):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="smarthost."))
        self.said = open(self.dir / "said", "w+b")
        self.process = subprocess.Popen(
            [SMARTHOST, "--until-eof", "--record", str(self.dir), "--port", str(port),
             "--mechanisms", "none", "--verbose", *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.said)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.said.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def messages(self):
        """The recipients of each message that came, in order."""
        return [[rcpt["address"] for rcpt in json.loads(path.read_text())["rcpt"]]
                for path in sorted(self.dir.glob("*.json"))]

    def contents(self):
        return [path.read_bytes() for path in sorted(self.dir.glob("*.eml"))]

    def connections(self):
        return (self.dir / "said").read_bytes().count(b"EHLO ")


class Stage:
    """A server that does what SCRIPT(line) says: text is sent, None is silence, CLOSE ends the
    connection. It is asked for the greeting by "" and for the content by ".". It counts."""

    CLOSE = object()

    def __init__(self, script=None, greeting="220 stage ESMTP"):
        self.script = script or (lambda line: None)
        self.greeting = greeting
        self.connections, self.lines = 0, []
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(50)
        self.port = self.socket.getsockname()[1]
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open = False
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while self.open:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def say(self, peer, text):
        if text is Stage.CLOSE:
            raise ConnectionError
        if text is not None:
            peer.sendall(text.encode() + b"\r\n")

    def serve(self, peer):
        try:
            self.say(peer, self.greeting)
            stream, content = peer.makefile("rb"), False
            for raw in stream:
                line = raw.decode("latin-1").rstrip("\r\n")
                if content and line != ".":
                    continue
                self.lines.append(line)
                content = False
                answer = self.answer(line)
                content = bool(answer and answer is not Stage.CLOSE and answer[:3] == "354")
                self.say(peer, answer)
        except OSError:
            pass
        finally:
            peer.close()

    def answer(self, line):
        usual = {"EHLO": "250 stage", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on",
                 ".": "250 taken", "RSET": "250 ok", "QUIT": "221 bye"}
        own = self.script(line)
        if own is False:
            return None
        return own if own is not None else usual.get(line[:4] if line != "." else ".", "500 what?")

    def heard(self, text):
        return any(line.startswith(text) for line in list(self.lines))


def silent_at(word):
    """Says nothing to WORD."""
    return lambda line: False if line.startswith(word) else None


class Tracing:
    """Runs under strace; counts calls after main()."""

    @staticmethod
    def works():
        """False is told as a skip of the case, and is a failure in CI."""
        if SANITIZED:
            SKIPPED.append("a sanitizer's calls are not ours")
        elif not shutil.which("strace") or subprocess.run(
                ["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL,
                check=False).returncode:
            expect(not os.environ.get("CI"), "strace does not work")
            SKIPPED.append("strace does not work")
        else:
            return True
        return False

    def __init__(self, place, *arguments, **more):
        log = place.home / "trace"
        self.done = place.run(*arguments, before=("strace", "-f", "-y", "-o", log), **more)
        self.lines = [re.sub(r"^\d+ +", "", line)
                      for line in log.read_text(errors="replace").splitlines()
                      if not re.match(r"\d+ +(---|\+\+\+)", line)]

    def count(self, *names, having=""):
        return len(self.calls(*names, having=having))

    def calls(self, *names, having=""):
        return [line for line in self.lines
                if line.split("(")[0] in names and having in line]

    def after_main(self):
        """How many calls there are behind the last of the dynamic linker."""
        last = max(i for i, line in enumerate(self.lines)
                   if line.startswith("munmap(") or line.startswith("mprotect("))
        first = min(i for i, line in enumerate(self.lines) if "/dev/null" in line)
        return len(self.lines) - min(first, last if last < first else first)


def kill(process, number=signal.SIGTERM):
    process.send_signal(number)
