"""secret-cache = all: what SCRAM makes of a password is kept, and serves until that changes."""

import base64
import ctypes
import hashlib
import hmac
import os
import shutil
import subprocess
import threading
import time
import types

from delivery import Case, expect

ITERATIONS = 4096
USERS = threading.Lock()  # of the file of users, which several cases change


def keyring_works():
    """Whether the kernel keeps keys here: add_key(2), which containers may refuse."""
    number = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(number) and libc.syscall(number, b"user", b"sendoff-test", b"x", 1, -2) >= 0


def verifier(name, password, salt):
    """What Dovecot keeps of a password instead of it (RFC 5802 section 3)."""
    def text(octets):
        return base64.b64encode(octets).decode()

    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, ITERATIONS)
    stored = hashlib.new(name, hmac.digest(salted, b"Client Key", name)).digest()
    server = hmac.digest(salted, b"Server Key", name)
    return f"{ITERATIONS},{text(salt)},{text(stored)},{text(server)}"


class Salted:
    """Submissions of one account, each of which tells whether the password was asked for."""

    def __init__(self, name, directory, host, mechanism, port):
        self.name = f"{name} {mechanism}: what it makes of the password is kept"
        self.host, self.mechanism, self.port = host, mechanism, port
        self.users = directory / "dovecot/users"
        self.home = directory / f"salted-{mechanism}-{host}"
        # keys outlive this machine: no other run of this test has the same user
        self.user = f"salted-{time.time_ns()}@sink.test"

    def configure(self, setup):
        self.home.mkdir(mode=0o700)
        script = self.home / "ask"
        script.write_text(f"#!/bin/sh\necho asked >>{self.home}/asked\ncat {self.home}/ours\n")
        script.chmod(0o700)
        account = (f"host = {self.host}\nport = {self.port}\nuser = {self.user}\n"
                   f"tls-trust = {self.users.parent.parent}/ca/ca.pem\n")
        config = self.home / "config"
        config.write_text(f"[account test]\n{account}password-command = {script}\n"
                          f"secret-cache = all\n"
                          f"[account theirs]\n{account}password-file = {self.home}/theirs\n"
                          f"secret-cache = none\nauth = plain\n")
        self.setup = types.SimpleNamespace(sendoff=setup.sendoff, sink=setup.sink, home=self.home,
                                           config=str(config))

    def write(self, name, password):
        (self.home / name).write_text(password + "\n")
        (self.home / name).chmod(0o600)

    def command(self, *words):
        self.process = subprocess.run(
            [self.setup.sendoff, *words, "--config", self.setup.config], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
            env={**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": ""})
        return self.process.returncode == 0

    def change(self, password, salt):
        """The password at the server, which has it once this returns."""
        name = self.mechanism[6:].replace("-", "").lower()
        line = f"{self.user}:{{{self.mechanism}}}{verifier(name, password, salt)}::::::\n"
        with USERS:
            lines = [old for old in self.users.read_text().splitlines(True)
                     if not old.startswith(self.user + ":")]
            fresh = self.users.with_name("users.new")
            fresh.write_text("".join(lines) + line)
            fresh.chmod(0o600)
            shutil.chown(fresh, "dovecot")
            # by its time Dovecot knows that the file is another
            later = self.users.stat().st_mtime + 1
            os.utime(fresh, (later, later))
            fresh.rename(self.users)
        self.write("theirs", password)
        end = time.monotonic() + 60
        while not self.command("check", "theirs", "--from", self.user):
            expect(time.monotonic() < end, "the server does not take the password")
            time.sleep(0.1)

    def submit(self, asked, status=0):
        """One submission, for which the password is ASKED for so many times."""
        (self.home / "asked").write_text("")
        case = Case(self.name, self.host, self.port, "--auth", self.mechanism, status=status,
                    mechanism=None if status else self.mechanism, stage="auth" if status else None)
        try:
            case.run(self.setup)
        finally:
            self.process = getattr(case, "process", None)
        got = len((self.home / "asked").read_text().splitlines())
        expect(got == asked, "the password was asked for %d times, not %d", got, asked)

    def run(self, setup):
        self.configure(setup)
        kept = 0 if keyring_works() else 1
        salt = os.urandom(16)
        self.change("wonder land", salt)
        self.write("ours", "wonder land")
        self.submit(1)
        self.submit(kept)
        self.submit(kept)
        # another password by the old salt: what is kept is refused, and no more kept
        self.change("looking glass", salt)
        self.submit(1, status=77)
        self.submit(1, status=77)
        self.write("ours", "looking glass")
        self.submit(1)
        self.submit(kept)
        # and by a new one: what is kept is of no use
        self.change("Jabberwock", os.urandom(16))
        self.write("ours", "Jabberwock")
        self.submit(1)
        self.submit(kept)
        self.command("password", "--delete", "test")
        self.submit(1)
        self.command("password", "--delete", "test")


def cases(directory):
    yield Salted("submission", directory, "submission.test", "SCRAM-SHA-256", 465)
    yield Salted("submission", directory, "submission.test", "SCRAM-SHA-1", 587)
    yield Salted("postfix", directory, "postfix.test", "SCRAM-SHA-256", 587)
    yield Salted("postfix", directory, "postfix.test", "SCRAM-SHA-1", 465)
