#!/usr/bin/env python3
"""What a submission holds while it goes on: memory, whatever the size of the message; and a password,
which nobody finds in its arguments, its environment, its trace, the message, or a core file."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, SENDOFF, Smarthost, Tap  # noqa: E402

SMALL, LARGE = 1 << 20, 96 << 20
MAY_GROW = 2048  # KiB
PASSWORD = b"wonderland"
NOBODY = 65534


def peak(host, file, *more):
    """The status, and the most memory (KiB) that sendoff or one of its processes has had."""
    with open(file, "rb") as message:
        process = subprocess.Popen(
            host.arguments(*more), stdin=message, stdout=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "HOME": str(host.dir), "TMPDIR": "/var/tmp"})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


def memory(tap):
    line = b"a line of a message that grows and grows, by these seventy octets.\n"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        small, large = pathlib.Path(folder) / "small", pathlib.Path(folder) / "large"
        for path, size in (small, SMALL), (large, LARGE):
            path.write_bytes(HEADER + line * (size // len(line)))
        for tls in "none", "implicit":
            with Smarthost("--discard", tls=tls) as host:
                one, two = peak(host, small), peak(host, large)
                tap.ok(one[0] == two[0] == 0 and two[1] - one[1] <= MAY_GROW,
                       "a large message takes no more memory than a small one, tls = " + tls,
                       "%s KiB, %s KiB" % (one, two))


def dumped(pid):
    """What a core file of the process would hold: its own memory but the pages that are excluded."""
    pieces, wanted = [], None
    with open("/proc/%d/smaps" % pid, encoding="utf-8") as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as memory_:
        for line in maps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                wanted = [int(n, 16) for n in words[0].split("-")], words[1]
            elif words[0] == "VmFlags:" and wanted and "w" in wanted[1] and "dd" not in words:
                (begin, end), _ = wanted
                try:
                    memory_.seek(begin)
                    pieces.append(memory_.read(end - begin))
                except (OSError, ValueError, OverflowError):
                    pass
    return b"\n".join(pieces)


class Staller:
    """A server that takes the login, and then nothing more."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.stalled = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        connection, _ = self.socket.accept()
        stream = connection.makefile("rwb", buffering=0)
        stream.write(b"220 staller ESMTP\r\n")
        for line in stream:
            if line.startswith(b"EHLO"):
                stream.write(b"250-staller\r\n250 AUTH PLAIN\r\n")
            elif line.startswith(b"AUTH"):
                stream.write(b"235 2.7.0 in\r\n")
            else:
                self.stalled.set()


def tree(pid):
    """The processes below PID, and it."""
    found = [pid]
    for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split():
        found += tree(int(child))
    return found


def secrets(tap):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        home = pathlib.Path(folder)
        home.chmod(0o755)
        program = home / "sendoff"
        shutil.copy(SENDOFF, program)
        secret = home / "password"
        secret.write_bytes(PASSWORD + b"\n")
        secret.chmod(0o600)
        user = NOBODY if os.geteuid() == 0 else None
        if user:
            os.chown(secret, user, user)
        server = Staller()
        process = subprocess.Popen(
            [program, "--host", "127.0.0.1", "--port", str(server.port), "--tls", "none", "--user",
             "alice", "--allow-cleartext-auth", "--password-file", secret, "--debug", "--timeout",
             "20", "-f", "ann@example.org", "bob@example.net"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user, group=user,
            extra_groups=[] if user else None, env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"})
        process.stdin.write(HEADER + b"Hi.\n")
        process.stdin.close()
        process.stdin = None
        tap.ok(server.stalled.wait(60), "a submission has logged in, and stands still")
        proc = [pathlib.Path("/proc/%d" % pid) for pid in tree(process.pid)]
        seen = b"".join((p / "cmdline").read_bytes() for p in proc)
        if os.geteuid() == 0:
            seen += b"".join((p / "environ").read_bytes() for p in proc)
            owners = [(p / "environ").stat().st_uid for p in proc]
            tap.ok(owners == [0] * len(proc), "the kernel makes no core file of its processes, and "
                   "lets nobody trace them", "owners of %s: %s" % (proc, owners))
        else:
            tap.ok(True, "no core file # SKIP only root sees it")
        tap.ok(PASSWORD not in seen, "the password is in no arguments and no environment")
        if os.geteuid() == 0 and os.environ.get("SANITIZED") != "1":
            held = [dumped(pid) for pid in tree(process.pid)]
            encoded = b"AGFsaWNlAHdvbmRlcmxhbmQ="
            tap.ok(all(b"alice" in one for one in held[:1]) and
                   not any(word in one for one in held for word in (PASSWORD, encoded)),
                   "nor anywhere in what a forced core file would hold",
                   *[one[max(one.find(word) - 60, 0):one.find(word) + 60]
                     for one in held for word in (PASSWORD, encoded) if word in one])
        else:
            tap.ok(True, "nor in a core file # SKIP only root sees it, and not a sanitizer's")
        process.terminate()
        out, err = process.communicate(timeout=60)
        encoded = b"AGFsaWNlAHdvbmRlcmxhbmQ="
        tap.ok(b"AUTH PLAIN" in err and not any(word in out + err for word in (PASSWORD, encoded)),
               "nor in the trace", err.decode(errors="replace"))


def main():
    tap = Tap()
    secrets(tap)
    if os.environ.get("SANITIZED") == "1":
        tap.ok(True, "memory # SKIP a sanitizer's memory is not ours")
    else:
        memory(tap)
    print("1..%d" % tap.count)
    return tap.failed > 0


if __name__ == "__main__":
    sys.exit(main())
