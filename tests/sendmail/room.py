"""What the acceptance cases share: calls of sendmail, and what must come of them."""

import os
import pathlib
import pty
import select
import shlex
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from machine import HOST, Machine, Smarthost, expect  # noqa: E402

A = "alice@" + HOST
BOB, CARL, EVE, ADMIN = ("bob@example.org", "carl@example.org", "eve@example.com",
                         "admin@example.net")
S = b"Subject: s\nFrom: alice@example.net\nTo: bob@example.org\n\nbody\n"
BIG = S + b"one more line of a message that is larger than any pipe\n" * 20000
EXTENSIONS = {"all": "-NONE", "no-dsn": "-DSN", "no-utf8": "-SMTPUTF8",
              "no-8bit": "-SMTPUTF8,-8BITMIME", "bare": "-ENHANCEDSTATUSCODES"}
CASES = {}


def case(number, title):
    """Makes the function that follows acceptance case NUMBER."""
    def keep(function):
        assert number not in CASES
        CASES[number] = (title, function)
        return function
    return keep


def words(arguments):
    return shlex.split(arguments) if isinstance(arguments, str) else arguments


class Result:
    """What came of one call."""

    def __init__(self, room, what, status, out, err, broken):
        self.room, self.what, self.status, self.broken = room, what, status, broken
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")
        self.dialogue = room.smarthost.dialogue()
        self.messages = room.smarthost.messages()
        self.commands = [line[3:] for line in self.dialogue if line.startswith("C: ")]

    def __str__(self):
        return "%s: status %s\nstdout: %s\nstderr: %s\n%s" % (
            self.what, self.status, self.out[:2000], self.err[:2000], "\n".join(self.dialogue))

    def expect(self, condition, text, *values):
        expect(condition, (text % values if values else text).replace("%", "%%") + "\n%s", self)

    def silent(self):
        if self.out or self.err:
            self.room.noisy.append(self.what)
        self.expect(not self.out and not self.err, "it is not silent")

    def delivered(self, *to, sender=A, quiet=True):
        """One message came, for TO and nobody else, without a word. Returns it."""
        self.expect(self.status == 0, "status %s, not 0", self.status)
        if quiet:
            self.silent()
        self.expect(len(self.messages) == 1, "%d messages", len(self.messages))
        return self.sent(*to, sender=sender)

    def sent(self, *to, sender=A):
        """The one message that came, for TO."""
        self.expect(len(self.messages) == 1, "%d messages", len(self.messages))
        message = self.messages[0]
        self.expect(message.sender == sender, "from <%s>, not <%s>", message.sender, sender)
        self.expect(sorted(message.recipients) == sorted(to), "to %s, not %s",
                    message.recipients, to)
        for name in "bare_lf", "bare_cr", "nul":
            self.expect(message.envelope[name] == 0, "%s on the wire", name)
        return message

    def refused(self, *statuses, says=()):
        """Nothing came; one line on standard error, with the words SAYS; its writer saw no broken
        pipe."""
        self.failed(*statuses, says=says)
        self.expect(not self.messages, "%d messages came", len(self.messages))
        return self

    def failed(self, *statuses, says=()):
        self.expect(self.status in statuses, "status %s, not %s", self.status, statuses)
        self.expect(not self.broken, "the writer got EPIPE")
        self.expect(not self.out, "something on standard output")
        self.expect(self.err.strip(), "no reason on standard error")
        for word in (says,) if isinstance(says, str) else says:
            self.expect(word in self.err, "it does not say %r", word)
        return self

    def unsent(self, status=0):
        """A call that has nothing to send."""
        self.expect(self.status == status, "status %s, not %s", self.status, status)
        self.expect(not self.messages, "%d messages came", len(self.messages))
        self.expect("DATA" not in self.commands, "a message was begun")
        return self


class Feeder(threading.Thread):
    """Writes standard input, and sees whether anybody reads it."""

    def __init__(self, pipe, data):
        super().__init__(daemon=True)
        self.pipe, self.data, self.broken = pipe, data, False
        self.start()

    def run(self):
        try:
            self.pipe.write(self.data)
        except BrokenPipeError:
            self.broken = True
        try:
            self.pipe.close()
        except BrokenPipeError:
            self.broken = True


class Room:
    """The machine with its smarthosts. Call it to call sendmail."""

    def __init__(self):
        self.machine, self.smarthosts, self.noisy = Machine(), {}, []
        self.prepare()

    def prepare(self, extensions="all", lines=(), settings=None):
        """Writes the configuration for a call."""
        if extensions not in self.smarthosts:
            self.smarthosts[extensions] = Smarthost("--extensions", EXTENSIONS[extensions])
        self.smarthost = self.smarthosts[extensions]
        self.smarthost.dialogue(), self.smarthost.messages()
        self.machine.configure(*(settings or self.smarthost.settings()), *lines)

    def environment(self, user, env):
        environment = self.machine.environment(user)
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        return environment

    def __call__(self, arguments, stdin=S, name="/usr/sbin/sendmail", user="alice", env=None,
                 extensions="all", lines=(), settings=None, limit=60, **more):
        self.prepare(extensions, lines, settings)
        argv = [name, *words(arguments)]
        process = self.machine.start(argv, user, env=self.environment(user, env),
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, **more)
        feeder = Feeder(process.stdin, stdin)
        process.stdin = None
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            process.returncode = "none after %d seconds" % limit
        feeder.join(60)
        return Result(self, shlex.join(os.fsdecode(word) for word in argv), process.returncode,
                      out, err, feeder.broken)

    def on_terminal(self, arguments, stdin):
        """STDIN is typed, and nothing more."""
        self.prepare()
        master, slave = pty.openpty()
        process = self.machine.start(["/usr/sbin/sendmail", *words(arguments)], stdin=slave,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(slave)
        os.write(master, stdin)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            process.returncode = "none"
        os.close(master)
        return Result(self, arguments, process.returncode, out, err, False)

    def interrupted(self, arguments, stdin, signal):
        """STDIN comes, more is to come, and then SIGNAL does."""
        self.prepare()
        process = self.machine.start(["/usr/sbin/sendmail", *words(arguments)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
        process.stdin.write(stdin)
        process.stdin.flush()
        time.sleep(0.3)
        process.send_signal(signal)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        out, err = process.communicate()
        return Result(self, arguments, process.returncode, out, err, False)

    def talk(self, arguments="-bs", **more):
        self.prepare(**more)
        return Talk(self, arguments)


class Talk:
    """A dialogue with sendmail -bs."""

    def __init__(self, room, arguments):
        self.room, self.arguments = room, arguments
        self.said, self.buffer = [], b""
        self.process = room.machine.start(["/usr/sbin/sendmail", *words(arguments)],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE)

    def line(self):
        limit = time.monotonic() + 10
        while b"\n" not in self.buffer:
            left = limit - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            expect(data, "%s: no reply after %s", self.arguments, self.said)
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        expect(line.endswith(b"\r"), "a reply ends in a bare LF: %r", line)
        self.said.append("S: " + line.decode(errors="replace").rstrip("\r"))
        return line[:-1].decode(errors="replace")

    def reply(self, code):
        """Takes a whole reply, which must have CODE."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        expect(lines[-1].startswith(code + " "), "%s: %s instead of %s after\n%s", self.arguments,
               lines[-1], code, "\n".join(self.said))
        return lines

    def say(self, line, code):
        self.said.append("C: " + line[:200])
        try:
            self.process.stdin.write(line.encode() + b"\r\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            expect(False, "%s: it has gone after\n%s", self.arguments, "\n".join(self.said))
        return self.reply(code)

    def end(self):
        """Takes what is left; the Result."""
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process.returncode = "none"
        out, err = self.buffer + self.process.stdout.read(), self.process.stderr.read()
        return Result(self.room, self.arguments, self.process.returncode, out, err, False)
