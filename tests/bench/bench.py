#!/usr/bin/env python3
"""What a submission costs, side by side with msmtp, which is fetched (a Debian package) and never
installed: round trips over a slow link, instructions, system calls, large messages, libraries,
time. Counts hold anywhere; seconds only as ratios within one run.

bench.py SENDOFF SMARTHOST DELAYLINK MEASURE. Environment: BENCH_PARTS, some of
roundtrips,warm,instructions,syscalls,large,libraries,wall,queue; all unless set."""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple

from queueing import queue
from roundtrips import roundtrips, warm

HERE = pathlib.Path(__file__).resolve().parent
BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
MIB = 1 << 20
Took = namedtuple("Took", "wall cpu memory")  # seconds, seconds, KiB


class Bench:
    """Where everything is, and the table."""

    def __init__(self, programs, directory):
        self.sendoff, self.smarthost, self.delaylink, self.measure = programs
        self.dir = directory
        self.ca = directory / "ca"
        self.ca.mkdir()
        subprocess.run([self.smarthost, "--make-ca", self.ca], check=True)
        self.trust = self.ca / "ca.pem"
        self.password = directory / "password"
        self.password.write_text("wonderland\n")
        self.password.chmod(0o600)
        root = subprocess.run([HERE.parent / "interop/fetch", "msmtp"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()
        self.msmtp = root + "/usr/bin/msmtp"
        libraries = {str(p.parent) for p in pathlib.Path(root).rglob("*.so*")}
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory),
                            "LC_ALL": "C"}
        if libraries:
            self.environment["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
        self.small = self.message("small", 1024)
        self.missed = 0

    def message(self, name, size):
        """A message of SIZE octets in lines of 70 columns, in a file."""
        file = self.dir / name
        head = (b"From: alice@example.org\nTo: bob@example.net\nSubject: bench\n"
                b"Date: Wed, 14 Oct 2026 10:11:12 +0000\nMessage-ID: <bench@example.org>\n\n")
        line = b"sendoff hands one message to the mail server of an account, the host.\n"
        block = line * (MIB // len(line))
        with file.open("wb") as out:
            out.write(head)
            left = size - len(head)
            while left > 0:
                left -= out.write(block[:left])
            out.write(b"\n")
        return file

    def memory(self):
        """A new directory for what is remembered."""
        return tempfile.mkdtemp(prefix="memory.", dir=self.dir)

    @contextlib.contextmanager
    def server(self, *arguments):
        """A smarthost on loopback; gives its port."""
        record = pathlib.Path(tempfile.mkdtemp(dir=self.dir))
        process = subprocess.Popen(
            [self.smarthost, "--tls", "implicit", "--tls-version", "1.3", "--use-ca", self.ca,
             "--record", record, "--discard", "--extensions", f"+SIZE={1 << 34}", "--idle", "3600",
             *arguments],
            stdout=subprocess.PIPE, text=True)
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.terminate()
            process.wait()

    def sendoff_command(self, port, *arguments, host="localhost", tls="implicit", trust=None,
                        recipients=("bob@example.net",), memory=None):
        """MEMORY: a directory for what is remembered from run to run; nothing is otherwise."""
        return [*(["env", f"XDG_RUNTIME_DIR={memory}"] if memory else []), self.sendoff,
                "--remember=" + ("yes" if memory else "no"), "--host", host, "--port", str(port), "--tls", tls, "--tls-name",
                "localhost", "--tls-trust", str(trust or self.trust), "--user", "alice",
                "--password-file", str(self.password), "--auth", "plain", "-f",
                "alice@example.org", *arguments, "--", *recipients]

    def msmtp_command(self, port, host="localhost", tls="implicit", trust=None,
                      recipients=("bob@example.net",)):
        config = self.dir / f"msmtp-{port}-{host}-{tls}-{(trust or self.trust).name}"
        config.write_text(
            f"account default\nhost {host}\nport {port}\ntls on\ntls_starttls "
            f"{'on' if tls == 'starttls' else 'off'}\ntls_trust_file {trust or self.trust}\n"
            f"tls_host_override localhost\nauth plain\nuser alice\npassword wonderland\n"
            f"from alice@example.org\n")
        config.chmod(0o600)
        return [self.msmtp, "-C", str(config), "--", *recipients]

    def run(self, command, file=None, prefix=()):
        """Runs COMMAND; its standard error."""
        with open(file or self.small, "rb") as message:
            done = subprocess.run([*map(str, prefix), *command], stdin=message, check=False,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env=self.environment)
        if done.returncode:
            raise RuntimeError("%s: status %d: %s" % (
                command[0], done.returncode, done.stderr.decode(errors="replace")[-500:]))
        return done.stderr.decode(errors="replace")

    def took(self, command, file=None):
        """What one run of COMMAND took."""
        done = subprocess.run([self.measure, "1", file or self.small, *command], check=True,
                              env=self.environment, stdout=subprocess.PIPE, text=True)
        return Took(*map(float, done.stdout.split()))

    def head(self, title, peer="msmtp"):
        print("\n%-44s %10s %10s %8s   %s" % (title, "sendoff", peer, "ratio", "bar"))

    def row(self, name, ours, theirs, bar=None, ratio_bar=None, form="%.2f"):
        """BAR is the most that OURS may be, RATIO_BAR the most of ours/theirs."""
        ratio = ours / theirs if theirs else None
        verdict = ""
        if bar is not None:
            verdict = "<= %g %s" % (bar, "ok" if ours <= bar else "MISSED")
        elif ratio_bar is not None and ratio is not None:
            verdict = "<= 1/%g %s" % (1 / ratio_bar, "ok" if ratio <= ratio_bar else "MISSED")
        self.missed += verdict.endswith("MISSED")
        print("%-44s %10s %10s %8s   %s" % (
            name, form % ours, form % theirs if theirs is not None else "-",
            "%.3f" % ratio if ratio is not None else "-", verdict), flush=True)


def instructions(bench):
    """Counted by callgrind, process start to exit."""
    if not shutil.which("valgrind"):
        print("\ninstructions: not measured, there is no valgrind")
        return
    out = bench.dir / "callgrind.out"

    def count(command):
        text = bench.run(command, prefix=["valgrind", "--tool=callgrind",
                                          "--trace-children=yes",
                                          f"--callgrind-out-file={out}"])
        return int(text.split("Collected :")[1].split()[0]) / 1e6

    bench.head("million instructions")
    bench.row("--version", count([bench.sendoff, "--version"]), count([bench.msmtp, "--version"]),
              bar=4.5)
    whole = bench.dir / "bundle.pem"
    whole.write_bytes(BUNDLE.read_bytes() + bench.trust.read_bytes())
    with bench.server() as port:
        for name, trust, bar in (("one authority", bench.trust, 15), ("the system's", whole, 21)):
            bench.row(f"1 KB, TLS, trust: {name}", count(bench.sendoff_command(port, trust=trust)),
                      count(bench.msmtp_command(port, trust=trust)), bar=bar)
        # the first run learns and keeps
        again = bench.sendoff_command(port, trust=whole, memory=bench.memory())
        bench.run(again)
        bench.row("1 KB, TLS resumed, trust: the system's", count(again),
                  count(bench.msmtp_command(port, trust=whole)), bar=8.5)


def syscalls(bench):
    """Counted by strace."""
    if not shutil.which("strace"):
        print("\nsystem calls: not measured, there is no strace")
        return
    summary = bench.dir / "strace"

    def count(command, file=None):
        bench.run(command, file, prefix=["strace", "-f", "-c", "-o", summary])
        total = [line.split() for line in summary.read_text().splitlines()
                 if line.endswith(" total")]
        return int(total[0][3 if len(total[0]) > 4 else 2])

    few, many = bench.message("1m", MIB), bench.message("25m", 25 * MIB)
    bench.head("system calls")
    with bench.server() as port:
        commands = bench.sendoff_command(port), bench.msmtp_command(port)
        bench.row("1 KB, TLS", *(count(c) for c in commands), form="%d")
        bench.row("per further MiB from a regular file, TLS",
                  *((count(c, many) - count(c, few)) / 24 for c in commands), bar=300,
                  form="%.0f")


def large(bench):
    """One GiB over TLS: the client's processor time and memory."""
    message = bench.message("1g", 1 << 30)
    bench.head("1 GiB, TLS")
    with bench.server() as port:
        ours = [bench.took(bench.sendoff_command(port), message) for _ in range(3)]
        theirs = bench.took(bench.msmtp_command(port), message)
    bench.row("processor seconds", min(r.cpu for r in ours), theirs.cpu, ratio_bar=1 / 15)
    bench.row("peak memory, MiB", max(r.memory for r in ours) / 1024, theirs.memory / 1024,
              bar=10, form="%.1f")
    message.unlink()


def libraries(bench):
    def count(program):
        text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True,
                              env=bench.environment).stdout
        return sum("=>" in line for line in text.splitlines())

    bench.head("shared objects")
    bench.row("--version", count(bench.sendoff), count(bench.msmtp), bar=16, form="%d")


@contextlib.contextmanager
def undisturbed():
    """What is started in here goes before whatever else the machine does, if that is allowed."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def wall(bench):
    """On loopback, in turn."""
    with undisturbed(), bench.server() as port:
        commands = bench.sendoff_command(port), bench.msmtp_command(port)
        took = [[], []]
        for _ in range(20):
            for command, results in zip(commands, took):
                results.append(bench.took(command))
        floor = statistics.median(bench.took(["true"]).wall for _ in range(20))
    bench.head("loopback, 1 KB, TLS, median of 20")
    for name, field, bar in ("milliseconds", "wall", 1 / 8), ("of them processor time", "cpu", None):
        bench.row(name, *(statistics.median(getattr(t, field) for t in results) * 1000
                          for results in took), ratio_bar=bar, form="%.1f")
    print("(to start a program that does nothing takes %.1f ms here)" % (floor * 1000))


PARTS = {"roundtrips": roundtrips, "warm": warm, "instructions": instructions, "syscalls": syscalls,
         "large": large, "libraries": libraries, "wall": wall, "queue": queue}


def main():
    wanted = os.environ.get("BENCH_PARTS", ",".join(PARTS)).split(",")
    unknown = set(wanted) - set(PARTS)
    if unknown:
        sys.exit("bench: no such part: " + " ".join(unknown))
    with tempfile.TemporaryDirectory(prefix="bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as d:
        bench = Bench(sys.argv[1:5], pathlib.Path(d))
        version = subprocess.run([bench.msmtp, "--version"], stdout=subprocess.PIPE, text=True,
                                 env=bench.environment, check=True).stdout.split("\n")[0]
        print(f"sendoff beside {version}, {os.cpu_count()} processors, "
              f"load {os.getloadavg()[0]:.1f}")
        for part in wanted:
            PARTS[part](bench)
        print("\n%d bars missed" % bench.missed)


if __name__ == "__main__":
    main()
