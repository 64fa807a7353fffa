#!/usr/bin/env python3
"""`sendoff password`, and what secret-cache = all keeps of a password, against a smarthost."""

import os
import pathlib
import pty
import select
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, SENDOFF, Smarthost, Tap  # noqa: E402

MESSAGE = HEADER + b"Hi.\n"
SALT, OTHER = "c2FsdHNhbHRzYWx0", "cGVwcGVycGVwcGVy"
# no other run of this test shares the names of its keys
USER = "scram%d" % os.getpid()


class Home:
    """A home with a configuration of one account, and nothing else."""

    def __init__(self, host, *lines, user=USER):
        self.host, self.dir = host, host.dir
        folder = self.dir / ".config/sendoff"
        folder.mkdir(parents=True, exist_ok=True)
        tls = ["tls-trust = %s" % (self.dir / "ca/ca.pem")]
        if host.tls == "none":
            tls = ["allow-cleartext-auth = yes"]
        (folder / "config").write_text("\n".join(
            ["[account work]", "host = 127.0.0.1", "port = %d" % host.port, "tls = " + host.tls,
             "user = " + user, "from = ann@example.org", *tls, *lines, ""]))
        (self.dir / "password").write_text("hunter2\n")
        (self.dir / "password").chmod(0o600)
        self.stored = self.dir / (".local/share/sendoff/smtp,127.0.0.1," + user)

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.dir), "LC_ALL": "C", "TZ": "UTC",
                "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}

    def run(self, *words, given=b""):
        done = subprocess.run([SENDOFF, *words], input=given, capture_output=True, timeout=60,
                              env=self.environment(), check=False, start_new_session=True)
        return (done.returncode, done.stdout.decode(errors="replace"),
                done.stderr.decode(errors="replace"))

    def send(self, *words):
        return self.run(*words, "bob@example.net", given=MESSAGE)


def server(*options, mechanism="SCRAM-SHA-256", salt=SALT, password="hunter2", user=USER,
           tls="implicit"):
    """A smarthost that knows one user."""
    path = pathlib.Path("/tmp/sendoff-secrets-%d" % os.getpid())
    path.write_text(password + "\n")
    host = Smarthost("--mechanisms", mechanism, "--scram-salt", salt, "--user", user,
                     "--password-file", str(path), *options, tls=tls)
    path.unlink()
    return host


def keyring_works():
    """Whether the kernel lets us keep keys: asked of sendoff itself."""
    with server() as host:
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        home.send()
        return "the kernel's keyring" in home.run("password", "--delete", "work")[1]


def cached(tap, mechanism, **more):
    with server(mechanism=mechanism, **more) as host:
        source = "password-file = ~/password"
        home = Home(host, "secret-cache = all", source)
        first = home.send("-v")
        (home.dir / "password").unlink()
        second = home.send("-v")
        got = len(host.take())
        home = Home(host, "secret-cache = tokens", source)
        (home.dir / "password").unlink()
        third = home.send()
        home = Home(host, "secret-cache = all", source)
        removed = home.run("password", "--delete", "work")
        (home.dir / "password").unlink()
        last = home.send()
    tap.ok(first[0] == 0 and second[0] == 0 and got == 2,
           "%s: the second run needs no password" % mechanism, first, second)
    tap.ok(third[0] == 78, "%s: nothing is kept where that is not allowed" % mechanism, third)
    tap.ok(removed[0] == 0 and "removed from the kernel's keyring" in removed[1] and last[0] == 78,
           "%s: removed" % mechanism, removed, last)
    tap.ok("hunter2" not in str(first) + str(second), "%s: not shown" % mechanism)


def key_name(hash_="SHA-256"):
    return "sendoff-scram %s 127.0.0.1 %s" % (hash_, USER)


def keyctl():
    """The system calls behind keyctl(1), which may not be installed."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    machine = os.uname().machine
    add = {"x86_64": 248, "aarch64": 217}.get(machine)
    return (lambda value: libc.syscall(add, b"user", key_name().encode(), value, len(value), -4)
            ) if add else None


def stale(tap):
    """What is kept does not fit any more: the password is asked for, and what it makes is kept."""
    change = keyctl()
    with server() as host:
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        home.send()
        for value, what in ((b"4096 %s " % SALT.encode() + b"0" * 64, "another value"),
                            (b"4096 %s " % SALT.encode() + b"0" * 63, "one that is too short"),
                            (b"4096 %s " % SALT.encode() + b"Z" * 64, "no hexadecimal digits"),
                            (b"40960 %s " % SALT.encode() + b"0" * 64, "other iterations"),
                            (b"\0" * 100, "garbage"), (b"x", "an octet")):
            if not change:
                break
            change(value)
            status = home.send("-v")
            (home.dir / "password").rename(home.dir / "away")
            again = home.send()
            (home.dir / "away").rename(home.dir / "password")
            tap.ok(status[0] == 0 and again[0] == 0, "kept is " + what, status, again)
        if change:
            change(b"4096 %s " % SALT.encode() + b"0" * 64)
            (home.dir / "password").unlink()
            status = home.send()
            tap.ok(status[0] == 78 and "password" in status[2],
                   "another value, and no password: that is what is said", status)
    with server(salt=OTHER) as host:
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        (home.dir / "password").unlink()
        status = home.send()
        tap.ok(status[0] == 78, "another salt: the password is needed", status)
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        status = home.send()
        tap.ok(status[0] == 0, "and gets in", status)
    with server(password="another", salt=OTHER) as host:
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        status = home.send()
        removed = home.run("password", "--delete", "work")
        tap.ok(status[0] == 77 and "kernel" not in removed[1],
               "a refused login leaves nothing in the keyring", status, removed)
    with server(mechanism="PLAIN") as host:
        home = Home(host, "secret-cache = all", "password-file = ~/password")
        status = home.send()
        removed = home.run("password", "--delete", "work")
        tap.ok(status[0] == 0 and "kernel" not in removed[1], "nothing is kept of PLAIN", status,
               removed)


def storing(tap):
    with server(mechanism="PLAIN") as host:
        home = Home(host)
        status = home.send()
        tap.ok(status[0] == 77 and "sendoff password work" in status[2], "none yet", status)
        status = home.run("password", "work", given=b"hunter2\n")
        tap.ok(status[0] == 0 and "accepted the login of" in status[1] and
               str(home.stored) in status[1], "stored", status)
        tap.ok(home.stored.stat().st_mode & 0o777 == 0o600 and
               home.stored.read_bytes() == b"hunter2", "in a private file")
        status = home.send("--debug")
        tap.ok(status[0] == 0 and "hunter2" not in str(status), "used", status)
        status = home.run("password", "work", given=b"wrong\n")
        tap.ok(status[0] == 77 and home.stored.read_bytes() == b"hunter2" and
               "535" in status[2] and "nothing was stored" in status[2] and
               "wrong" not in status[2], "a wrong one is not stored", status)
        status = home.run("password", "work", "--no-check", given=b"wrong\r\n")
        tap.ok(status[0] == 0 and home.stored.read_bytes() == b"wrong", "unless it must be", status)
        status = home.run("password", "work", "--delete")
        tap.ok(status[0] == 0 and str(home.stored) in status[1] and not home.stored.exists(),
               "removed", status)
        status = home.run("password", "work", "--delete")
        tap.ok(status[0] == 0 and "no password" in status[1], "nothing to remove", status)
    for given, what in ((b"", "empty"), (b"\n", "an empty line"), (b"a\nb\n", "two lines"),
                        (b"a\0b", "a NUL"), (b"x" * 9000, "too long")):
        status = home_without(given)
        tap.ok(status[0] == 65, "refused: " + what, status)


def home_without(given):
    with server() as host:
        return Home(host).run("password", "--no-check", "work", given=given)


def refusals(tap):
    with server() as host:
        status = Home(host, "password-file = ~/password").run("password", "work", given=b"x\n")
        tap.ok(status[0] == 78 and "never be asked" in status[2] and
               "password-file" in status[2], "another source", status)
        status = Home(host, "keyring = no").run("password", "work", "--store=keyring", given=b"x")
        tap.ok(status[0] == 78 and "keyring = no" in status[2], "not asked", status)
        status = Home(host).run("password", "work", "--store=keyring", given=b"hunter2\n")
        tap.ok(status[0] == 78 and "cannot be reached" in status[2], "no Secret Service", status)
        status = Home(host).run("password", "nobody", given=b"x\n")
        tap.ok(status[0] == 78 and "nobody" in status[2], "no such account", status)
        status = Home(host).run("password", "a", "b", given=b"x\n")
        tap.ok(status[0] == 64, "two accounts", status)
        home = Home(host)
        status = home.run("password", "work", "--port", "1", given=b"hunter2\n")
    tap.ok(status[0] == 75 and "--no-check" in status[2] and not home.stored.exists(),
           "a server that cannot be reached", status)


def terminal(tap):
    """Asked for, and not shown."""
    with server() as host:
        home = Home(host)
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(SENDOFF, [SENDOFF, "password", "work"], home.environment())
        text = b""
        while b": " not in text and select.select([fd], [], [], 20)[0]:
            text += os.read(fd, 4096)
        os.write(fd, b"hunter2\n")
        while select.select([fd], [], [], 20)[0]:
            try:
                got = os.read(fd, 4096)
            except OSError:
                break
            if not got:
                break
            text += got
        status = os.waitpid(pid, 0)[1]
        os.close(fd)
        tap.ok(status == 0 and home.stored.read_bytes() == b"hunter2", "typed", text)
        tap.ok(b"Password for %s at 127.0.0.1" % USER.encode() in text and b"hunter2" not in text,
               "the question, and no answer on the screen", text)


def main():
    tap = Tap()
    storing(tap)
    refusals(tap)
    terminal(tap)
    if keyring_works():
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                          "SCRAM-SHA-256-PLUS"):
            cached(tap, mechanism)
        cached(tap, "SCRAM-SHA-256", tls="none")
        stale(tap)
    else:
        print("ok # SKIP no keyring in this kernel or container")
        tap.count += 1
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
