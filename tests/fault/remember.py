#!/usr/bin/env python3
"""What is kept of servers: in private files only, and whatever is wrong with them, or happens while
they are written, the message goes as if there were none."""

import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, SENDOFF, Smarthost, Tap  # noqa: E402

MESSAGE = HEADER + b"Hi.\n"
PASSWORD = b"wonderland"


class Runner:
    """Runs of sendoff with a state directory of their own."""

    def __init__(self, host):
        self.host = host
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="run."))
        self.state = self.run / "sendoff"

    def send(self, *more, wrap=(), limit=None, **environment):
        """Returns status, standard output and complaint."""
        env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.run / "nowhere"),
               "XDG_RUNTIME_DIR": str(self.run), "LC_ALL": "C", "TZ": "UTC"}
        env.update(environment)
        done = subprocess.run([*wrap, *self.host.arguments(*more)], input=MESSAGE, env=env,
                              capture_output=True, timeout=60, check=False, preexec_fn=limit)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def resumed(self, *more, **others):
        status, out, complaint = self.send(*more, **others)
        return status == 0 and " resumed, " in out and not complaint

    def plain(self, *more, **others):
        """A success without resumption."""
        status, out, complaint = self.send(*more, **others)
        return status == 0 and " resumed" not in out and not complaint

    def files(self, pattern="*"):
        return sorted(self.state.glob(pattern)) if self.state.is_dir() else []

    def settled(self):
        """Waits until what was learnt is written."""
        end = time.monotonic() + 10
        while not self.files("server-*") and time.monotonic() < end:
            time.sleep(0.02)
        return self.files()

    def clear(self):
        if self.files("ticket-*"):
            self.settled()
        if self.state.is_symlink() or self.state.is_file():
            self.state.unlink()
        shutil.rmtree(self.state, ignore_errors=True)

    def done(self):
        shutil.rmtree(self.run, ignore_errors=True)


def kept(tap, r):
    tap.ok(r.plain() and r.settled() and r.resumed() and r.resumed(), "sessions are resumed")
    modes = {oct(p.stat().st_mode & 0o7777) for p in r.files()}
    tap.ok(oct(r.state.stat().st_mode & 0o7777) == "0o700" and modes == {"0o600"},
           "a private directory, private files", modes)
    names = [p.name.split("-")[0] for p in r.files()]
    tap.ok(names == ["server", "ticket"], "one for each thing", names)
    tap.ok(not any(PASSWORD in p.read_bytes() for p in r.files()), "no password is in them")
    before = [(p.name, p.stat().st_mtime_ns) for p in r.files()]
    tap.ok(r.plain("--remember=no") and
           before == [(p.name, p.stat().st_mtime_ns) for p in r.files()],
           "remember = no reads nothing and writes nothing")
    r.clear()
    tap.ok(r.plain("--remember=no") and r.plain("--remember=no") and not r.state.exists(),
           "and makes nothing")


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def by_link(path):
    path.rename(path.parent / "moved")
    path.symlink_to("moved")


def by_directory(path):
    path.unlink()
    path.mkdir()


def by_pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def tampered(tap, r):
    """Each file in turn; the message goes, and the next one finds all in order again."""
    changes = {"a bit is wrong": flip, "its end is missing": cut,
               "empty": lambda p: p.write_bytes(b""), "others can read it": lambda p: p.chmod(0o644),
               "a link": by_link, "a pipe": by_pipe, "a directory": by_directory}
    if not os.geteuid():
        changes["somebody else's"] = lambda p: os.chown(p, 12345, 12345)
    for what, change in changes.items():
        r.clear()
        r.send()
        r.settled()
        change(r.files("ticket-*")[0])
        change(r.files("server-*")[0])
        good = r.plain()
        if what == "a directory":
            tap.ok(good and r.plain(), "done without: " + what + " is in the way")
            continue
        time.sleep(0.05)
        tap.ok(good and r.resumed(), "replaced: " + what)
    r.clear()


def directories(tap, r):
    elsewhere = r.run / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    r.state.symlink_to(elsewhere)
    tap.ok(r.plain() and r.plain() and not list(elsewhere.iterdir()), "no link is followed")
    r.state.unlink()
    r.state.mkdir(mode=0o755)
    r.state.chmod(0o755)
    tap.ok(r.plain() and r.plain() and not r.files(), "nothing in a directory that others can read")
    r.state.rmdir()
    r.state.write_bytes(b"")
    tap.ok(r.plain() and r.plain(), "a file in the place of the directory")
    r.state.unlink()
    home = r.run / "home"
    home.mkdir()
    tap.ok(r.plain(HOME=str(home), XDG_RUNTIME_DIR="/nonexistent") and
           (home / ".cache/sendoff").stat().st_mode & 0o7777 == 0o700 and
           r.resumed(HOME=str(home), XDG_RUNTIME_DIR="/nonexistent"), "the user's cache instead")
    cache = r.run / "cache"
    cache.mkdir()
    tap.ok(r.plain(HOME=str(home), XDG_RUNTIME_DIR="relative", XDG_CACHE_HOME=str(cache)) and
           (cache / "sendoff").is_dir(), "$XDG_CACHE_HOME instead; no relative path counts")
    if not os.geteuid():
        foreign = r.run / "foreign"
        foreign.mkdir()
        os.chown(foreign, 12345, 12345)
        tap.ok(r.plain(XDG_RUNTIME_DIR=str(foreign), HOME=str(foreign)) and
               not list(foreign.iterdir()), "nothing is made below what is somebody else's")


def full(tap, r):
    r.clear()

    def no_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    tap.ok(r.plain(limit=no_files) and not r.files(), "no file may be written")
    r.send()
    r.settled()
    before = [(p.name, p.read_bytes()) for p in r.files()]
    tap.ok(r.resumed(limit=no_files) and before == [(p.name, p.read_bytes()) for p in r.files()],
           "what is there is read, and stays")
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False,
                                      stderr=subprocess.DEVNULL).returncode:
        return
    script = ("mount -t tmpfs -o size=16k,mode=0700 none \"$XDG_RUNTIME_DIR\" && "
              "{ cat /dev/zero >\"$XDG_RUNTIME_DIR/fill\" 2>/dev/null; \"$@\"; rc=$?; "
              "find \"$XDG_RUNTIME_DIR\" -type f -size 0 >&2; exit $rc; }")
    status, out, complaint = r.send(
        wrap=["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"])
    tap.ok(status == 0 and "resumed" not in out and not complaint, "a full disk", status, complaint)


def at_once(tap, r):
    r.clear()
    results = []
    threads = [threading.Thread(target=lambda: results.extend(r.send() for _ in range(4)))
               for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.ok(len(results) == 24 and all(s == 0 and not c for s, _, c in results),
           "24 messages, six at a time", [s for s in results if s[0]])
    time.sleep(0.2)
    tap.ok(r.resumed() and not r.files("new-*"), "the files are whole, and nothing is left over")


class Slow(threading.Thread):
    """A server that takes a message and then keeps the one who asks more waiting."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked, self.leave = threading.Event(), threading.Event()

    def run(self):
        sock, _ = self.listener.accept()
        lines = sock.makefile("rwb")

        def say(text):
            lines.write(text.encode() + b"\r\n")
            lines.flush()

        say("220 slow ESMTP")
        for line in lines:
            word = line.split()[0].upper()
            if word == b"EHLO":
                say("250-slow\r\n250-PIPELINING\r\n250 CHUNKING")
            elif word == b"BDAT":
                if int(line.split()[1]) == 6:
                    self.asked.set()
                    self.leave.wait(60)
                    break
                lines.read(int(line.split()[1]))
                say("250 2.0.0 queued")
            else:
                say("250 ok")
        sock.close()
        self.listener.close()


def child_of(port):
    """The process that holds a connection to PORT, as far as /proc shows it."""
    wanted = "%04X" % port
    inodes = {line.split()[9] for line in open("/proc/net/tcp").read().splitlines()[1:]
              if line.split()[2].endswith(":" + wanted)}
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(directory / "exe") != os.path.realpath(SENDOFF):
                continue
            links = {int(p.name): os.readlink(p) for p in (directory / "fd").iterdir()}
        except OSError:
            continue
        if any(link == "socket:[%s]" % inode for link in links.values() for inode in inodes):
            return int(directory.name), links
    return None, {}


def detached(tap, r):
    """The one that finds out more about the server is in nobody's way."""
    r.clear()
    slow = Slow()
    slow.start()
    argv = [SENDOFF, "--host", "127.0.0.1", "--port", str(slow.port), "--tls", "none", "--auth",
            "none", "-f", "ann@example.org", "bob@example.net"]
    start = time.monotonic()
    done = subprocess.run(argv, input=MESSAGE, capture_output=True, timeout=60, check=False,
                          env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(r.run)})
    took = time.monotonic() - start
    tap.ok(done.returncode == 0 and b"queued" in done.stdout and took < 5,
           "the caller does not wait for what is learnt", done.stderr, took)
    tap.ok(slow.asked.wait(60), "the server is asked")
    if not os.geteuid():
        pid, links = child_of(slow.port)
        names = sorted(links.values())
        tap.ok(pid is not None and len(links) == 4 and names[:3] == ["/dev/null"] * 3 and
               names[3].startswith("socket:"), "by a process that has nothing but the connection",
               pid, links)
        tap.ok(pid is not None and os.getsid(pid) == pid and os.readlink(f"/proc/{pid}/cwd") == "/",
               "in a session of its own")
    slow.leave.set()
    slow.join(60)
    tap.ok(r.settled() != [], "what it found is kept")


def main():
    tap = Tap()
    with Smarthost(tls="implicit") as host:
        r = Runner(host)
        try:
            kept(tap, r)
            tampered(tap, r)
            directories(tap, r)
            full(tap, r)
            at_once(tap, r)
            detached(tap, r)
        finally:
            r.done()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
