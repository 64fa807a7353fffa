"""A person at a terminal: waits for what is asked, types an answer."""

import os
import pty
import re
import select
import signal
import time

from machine import Wrong, expect

LIMIT = 60


class Terminal:
    """ARGV in a terminal of its own, as user and group ID."""

    def __init__(self, argv, env, uid, cwd):
        self.text, self.seen = "", 0
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.chdir(cwd)
            os.execve(argv[0], argv, env)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            octets = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += octets.decode(errors="replace").replace("\r\n", "\n")
        return bool(octets)

    def wait_for(self, pattern):
        limit = time.monotonic() + LIMIT
        while time.monotonic() < limit:
            found = re.search(pattern, self.text[self.seen:])
            if found:
                self.seen += found.end()
                return
            if not self.read(0.2):
                break
        if not re.search(pattern, self.text[self.seen:]):
            raise RuntimeError("never asked for %r" % pattern)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit status; negative: a signal."""
        limit = time.monotonic() + LIMIT
        while self.read(0.2) and time.monotonic() < limit:
            pass
        while time.monotonic() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return -99

    def talk(self, *steps, status=0):
        """STEPS: what is asked for, and what is typed. Returns all that was said; Wrong unless it
        goes so, and ends with STATUS."""
        try:
            for question, answer in steps:
                self.wait_for(question)
                self.type(answer + "\n")
            got = self.end()
        except RuntimeError as problem:
            raise Wrong(f"{problem}:\n{self.text}") from problem
        expect(got == status, "status %d, not %d:\n%s", got, status, self.text)
        return self.text
