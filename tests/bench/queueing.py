"""What the queue costs, beside nullmailer and dma (Debian packages that are fetched and never
installed), in a mount namespace where they find their files."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20
ENTER = """set -e
usr=$1 etc=$2 spool=$3; shift 3
mount -t overlay overlay -o lowerdir=$usr:/usr /usr
mount -t overlay overlay -o lowerdir=$etc:/etc /etc
mount --bind $spool /var/spool
exec "$@"
"""


class Place:
    """HOME with a configuration and a spool."""

    def __init__(self, bench, port=1, *lines):
        self.bench = bench
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="queue.", dir=bench.dir))
        self.queue = self.home / ".local/state/sendoff/queue"
        config = self.home / ".config/sendoff/config"
        config.parent.mkdir(parents=True)
        config.write_text("\n".join(
            ["[account default]", "host = 127.0.0.1", "port = %d" % port, "tls = none",
             "auth = none", "from = alice@example.org", *lines]) + "\n")

    def run(self, *arguments, file=None, prefix=()):
        with open(file or self.bench.small, "rb") as message:
            return subprocess.run(
                [*map(str, prefix), self.bench.sendoff, *arguments], stdin=message, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**self.bench.environment, "HOME": str(self.home)})

    def calls(self, *arguments, file=None):
        """System calls behind the start of main(), which looks at the standard descriptors."""
        log = self.home / "trace"
        self.run(*arguments, file=file, prefix=("strace", "-f", "-o", log))
        lines = [line for line in log.read_text(errors="replace").splitlines()
                 if "+++" not in line and "---" not in line]
        first = next(i for i, line in enumerate(lines) if '"/dev/null"' in line)
        return lines[first:]

    def fill(self, count):
        """A spool may be copied: COUNT copies of one entry."""
        if not (self.queue.is_dir() and any(self.queue.iterdir())):
            self.run("--queue=always", "--quiet", "bob@example.net")
        name = next(self.queue.iterdir())
        content = name.read_bytes()
        for number in range(1, count):
            path = self.queue / ("%s%06d" % (name.name[:10], number))
            path.write_bytes(content)
            path.chmod(0o600)
            os.utime(path, (1, 1))


def flushes(calls):
    return sum(bool(re.search(r"\b(fsync|fdatasync|sync|syncfs)\(", line)) for line in calls)


class Peer:
    """A queueing sendmail of a package, in a namespace of its own."""

    def __init__(self, bench, package, argv):
        self.bench, self.argv = bench, argv
        self.root = subprocess.run([HERE.parent / "interop/fetch", package], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=package + ".", dir=bench.dir))
        etc, spool = self.dir / "etc", self.dir / "spool"
        for name in "nullmailer/queue", "nullmailer/tmp", "nullmailer/failed", "dma":
            (spool / name).mkdir(parents=True)
            (spool / name).chmod(0o777)
        # their programs change to a user of their own
        for path in self.dir, spool, spool / "nullmailer", bench.dir:
            path.chmod(0o755)
        for name in "nullmailer", "dma":
            (etc / name).mkdir(parents=True)
        (etc / "mailname").write_text("box.example.net\n")
        (etc / "nullmailer/remotes").write_text("127.0.0.1 smtp --port=1\n")
        (etc / "dma/dma.conf").write_text("SMARTHOST 127.0.0.1\nPORT 1\nDEFER\n")
        self.enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh",
                      self.root + "/usr", str(etc), str(spool)]

    def run(self, *prefix, file):
        with open(file, "rb") as message:
            return subprocess.run([*self.enter, *map(str, prefix), *self.argv], stdin=message,
                                  check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, env=self.bench.environment)

    def flushes(self, file):
        log = self.dir / "trace"
        self.run("strace", "-f", "-o", log, file=file)
        return flushes(log.read_text(errors="replace").splitlines())

    def wall(self, times, file):
        out = self.run(self.bench.measure, str(times), file, file=os.devnull).stdout
        return [float(line.split()[0]) for line in out.splitlines()]


def peers(bench):
    """Those that work here: as root, where there are overlays."""
    found = {}
    if os.geteuid() or not shutil.which("unshare"):
        return found
    for package, argv in (
            ("nullmailer", ["/usr/sbin/sendmail", "-f", "alice@example.org", "bob@example.net"]),
            ("dma", ["/usr/sbin/dma", "-f", "alice@example.org", "bob@example.net"])):
        try:
            peer = Peer(bench, package, argv)
            peer.run(file=bench.small)
            found[package] = peer
        except (subprocess.CalledProcessError, OSError) as e:
            print("%s: not measured: %s" % (package, getattr(e, "stderr", "") or e))
    return found


def enqueue(bench, others):
    place, big = Place(bench), bench.message("10m", 10 * MIB)
    place.run("queue", "run", "--once", "--quiet")
    place.run("--queue=always", "--quiet", "bob@example.net")
    command = "--queue=always", "--quiet", "bob@example.net"
    nullmailer = others.get("nullmailer")
    bench.head("queueing a message", "nullmailer")
    if shutil.which("strace"):
        calls = place.calls(*command)
        bench.row("1 KB: system calls behind main()", len(calls), None, bar=90, form="%d")
        bench.row("1 KB: flushes, file and directory", flushes(calls),
                  nullmailer and nullmailer.flushes(bench.small), bar=2, form="%d")
        if "dma" in others:
            print("%-44s %10s %10d" % ("    dma", "", others["dma"].flushes(bench.small)))
        bench.row("10 MB from a file: calls behind main()", len(place.calls(*command, file=big)),
                  None, bar=300, form="%d")
    ours, took = ["env", "HOME=%s" % place.home, bench.sendoff, *command], [[], [], []]
    for _ in range(10):
        took[0].append(bench.took(ours).wall)
        for results, name in zip(took[1:], ("nullmailer", "dma")):
            if name in others:
                results += others[name].wall(1, bench.small)
    median = [statistics.median(t) * 1000 if t else None for t in took]
    bench.row("1 KB: milliseconds, in turn, median of 10", median[0], median[1], ratio_bar=2)
    if median[2]:
        print("%-44s %10s %10.2f" % ("    dma", "", median[2]))
    huge = bench.message("1g", 1 << 30)
    bench.row("peak memory, MiB, 1 KB", bench.took(ours).memory / 1024, None, form="%.1f")
    bench.row("peak memory, MiB, 1 GiB", bench.took(ours, huge).memory / 1024, None, bar=12,
              form="%.1f")
    huge.unlink()
    shutil.rmtree(place.home)


def smarthost(bench, port=0):
    record = pathlib.Path(tempfile.mkdtemp(dir=bench.dir))
    said = open(record / "said", "wb")
    process = subprocess.Popen(
        [bench.smarthost, "--mechanisms", "none", "--record", record, "--discard", "--verbose",
         "--port", str(port)], stdout=subprocess.PIPE, stderr=said, text=True)
    return process, int(process.stdout.readline().split()[1]), record


def draining(bench, _):
    server, port, record = smarthost(bench)
    place = Place(bench, port)
    bench.head("with a queue", "")
    try:
        if shutil.which("strace"):
            place.run("--queue", "--quiet", "bob@example.net")
            calls = place.calls("--queue", "bob@example.net")
            bench.row("flushes when the smarthost answers", flushes(calls), None, bar=0, form="%d")
        place.fill(300)
        (record / "said").write_bytes(b"")
        since = time.monotonic()
        place.run("queue", "flush", "--quiet")
        took = time.monotonic() - since
        heard = (record / "said").read_bytes().count(b"EHLO ")
        bench.row("300 queued: connections", heard, None, bar=3, form="%d")
        bench.row("300 queued: seconds", took, None)
        came = len(list(record.glob("*.json")))
        if came < 300:
            raise RuntimeError("only %d of 300 came" % came)
    finally:
        server.kill()
        server.wait()


class Refusing:
    """A port that answers 421, and counts."""

    def __init__(self):
        import socket
        import threading
        self.count = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.socket.accept()
            self.count += 1
            peer.sendall(b"421 not now\r\n")
            peer.close()


def down(bench, _):
    server = Refusing()
    place = Place(bench, server.port)
    place.fill(10000)
    for _ in range(3):
        place.run("queue", "run", "--once", "--quiet")
    bench.row("10,000 queued, smarthost down: connections", server.count, None, bar=1, form="%d")


def listing(bench, _):
    place = Place(bench)
    place.fill(1000)
    bench.head("listing", "")
    if shutil.which("strace"):
        calls = place.calls("queue")
        opened = [i for i, line in enumerate(calls)
                  if re.search(r'openat\(\d+, "[0-9a-z]{16}"', line)]
        bench.row("system calls for an entry",
                  (opened[-1] - opened[0]) / (len(opened) - 1), None, bar=5.1)
    place.fill(100000)
    since = time.monotonic()
    process = subprocess.Popen(
        [bench.sendoff, "queue", "--json"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**bench.environment, "HOME": str(place.home)})
    json.loads(process.stdout.readline())
    first = time.monotonic() - since
    lines = sum(1 for _ in process.stdout)
    whole = time.monotonic() - since
    process.wait()
    process.stdout.close()
    if lines < 99999:
        raise RuntimeError("%d entries were listed" % (lines + 1))
    bench.row("100,000: milliseconds to the first line", first * 1000, None, bar=100, form="%.0f")
    bench.row("100,000: seconds for all", whole, None)
    # the waiting messages are no reason for another status
    took = bench.took(["env", "HOME=%s" % place.home, bench.sendoff, "queue", "--json"])
    bench.row("100,000: peak memory, MiB", took.memory / 1024, None, bar=12, form="%.1f")
    shutil.rmtree(place.home)


def queue(bench):
    others = peers(bench)
    for part in enqueue, draining, down, listing:
        part(bench, others)
