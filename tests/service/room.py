"""The machine of tests/support with the service: user sendoff, a smarthost that wants a password
which only sendoff can read, and users who do not share it. Wants root."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import machine  # noqa: E402
from machine import SENDOFF, expect  # noqa: E402

SERVICE = 61010
BOB = 61002
USERS = {"root": 0, "alice": machine.ALICE, "bob": BOB, "sendoff": SERVICE}
PASSWORD = "correct horse"
SOCKET = pathlib.Path("/run/sendoff/socket")
SANITIZED = os.environ.get("SANITIZED", "0") == "1"


class Answer:
    def __init__(self, process, out, err):
        self.status, self.out, self.err = process.returncode, out.decode(), err.decode()

    def __repr__(self):
        return "status %s, out %r, err %r" % (self.status, self.out, self.err)


def status_of(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(words[1]) == pid and words[0] != "Z":
            found.append(int(path.parent.name))
    return found


def talkers(port):
    """The processes that have a connection to PORT of this machine."""
    to = "0100007F:%04X" % port
    inodes = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[2] == to and words[3] == "01":
            inodes.add("socket:[%s]" % words[9])
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if int(path.parts[2]) != os.getpid() and os.readlink(path) in inodes:
                found.append(int(path.parts[2]))
    return sorted(set(found))


class Room(machine.Machine):
    def __init__(self):
        super().__init__()
        for name, uid in ("bob", BOB), ("sendoff", SERVICE):
            home = self.home / name
            home.mkdir()
            home.chmod(0o700)
            os.chown(home, uid, uid)
            machine.replace_lines("/etc/passwd", name, "%s:x:%d:%d:%s:%s:/bin/sh" % (
                name, uid, uid, name, home))
            machine.replace_lines("/etc/group", name, "%s:x:%d:" % (name, uid))
        self.secrets = self.directory / "secrets"
        self.secrets.mkdir()
        self.secrets.chmod(0o700)
        (self.secrets / "work").write_text(PASSWORD + "\n")
        (self.secrets / "work").chmod(0o600)
        for path in self.secrets, self.secrets / "work":
            os.chown(path, SERVICE, SERVICE)
        self.spool = pathlib.Path(os.environ["LOCALSTATEDIR"]) / "spool/sendoff"
        self.service = None
        self.log = open(machine.BASE / "service.log", "w+b")
        self.reports = machine.BASE / "reports"
        self.reports.mkdir()
        self.reports.chmod(0o1777)

    def environment(self, user):
        """What a sanitizer finds goes into files: some processes have no standard error."""
        env = super().environment(user)
        if SANITIZED:
            for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
                env[name] = "%s:log_path=%s/report" % (env.get(name, ""), self.reports)
        return env

    def without_leaks(self, env):
        """ENV for a process that is traced, in which nobody else can look for leaks."""
        if SANITIZED:
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        return env

    def reported(self):
        """What sanitizers have found meanwhile, in any process."""
        found = ""
        for path in sorted(self.reports.iterdir()):
            found += path.read_text(errors="replace")
            path.unlink()
        return found

    def configure_service(self, *lines, accounts=()):
        """LINES for all accounts, ACCOUNTS: lists of a name and more lines."""
        parts = ["[defaults]", "submit = service", *lines]
        for name, *more in accounts or (("default",),):
            parts += ["[account %s]" % name, *more]
        (self.directory / "config").write_text("\n".join(parts) + "\n")

    def login(self):
        """Lines of a configuration that logs in at the smarthost."""
        return ("user = ann", "password-file = %s" % (self.secrets / "work"),
                "allow-cleartext-auth = yes")

    def run(self, user, argv, text=b"", timeout=60, **more):
        uid = USERS[user]
        argv = [str(SENDOFF) if argv[0] == "sendoff" else argv[0], *map(str, argv[1:])]
        more.setdefault("env", self.environment(user))
        process = subprocess.Popen(
            argv, user=uid, group=uid, extra_groups=[], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.home / user,
            start_new_session=True, **more)
        try:
            out, err = process.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise machine.Wrong("%s did not end: %r %r" % (argv, out, err))
        return Answer(process, out, err)

    def serve(self, *options, **more):
        env = self.environment("root")
        env.update(more.pop("env", {}))
        self.log.truncate(0)
        self.service = subprocess.Popen([SENDOFF, "serve", *options], env=env, cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True, **more)
        self.until(SOCKET.exists, "the service does not listen: " + self.said())
        return self.service

    def said(self):
        self.log.flush()
        return (machine.BASE / "service.log").read_text()

    def stop(self, how=signal.SIGTERM):
        if not self.service:
            return None
        self.service.send_signal(how)
        status = self.service.wait(60)
        self.service = None
        return status

    @staticmethod
    def until(condition, text, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            expect(time.monotonic() < end, "%s", text() if callable(text) else text)
            time.sleep(0.02)

    def queued(self):
        """The ids in the queue."""
        return sorted(path.name for path in (self.spool / "queue").iterdir())

    def connect(self, user="alice"):
        """A connection of USER's to the service."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        os.setresuid(-1, USERS[user], 0)
        try:
            s.connect(str(SOCKET))
        finally:
            os.setresuid(-1, 0, 0)
        return s
