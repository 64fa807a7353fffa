"""Debian systems for a test, in its own namespaces: what is started there ends with them."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from machine import mount  # noqa: E402

ALICE = 61001


class Tap:
    """Prints results as they come."""

    def __init__(self, count=0):
        self.count, self.failed = count, 0

    def ok(self, good, what, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, what))
        if not good:
            for line in str(detail).splitlines()[-30:]:
                print("# " + line)
        sys.stdout.flush()
        return good

    def skip(self, what, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, what, why))


def root(name, packages):
    """The directory of a system with PACKAGES, which is made where there is none; or None."""
    return subprocess.run([HERE / "root", name, *packages], stdout=subprocess.PIPE,
                          text=True).stdout.strip() or None


class System:
    """A Debian system in this process's namespaces, with a layer of its own that goes with them."""

    def __init__(self, base, stage):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", stage)
        self.root = stage / "root"
        for name in "upper", "work", "root":
            (stage / name).mkdir(mode=0o755)
        mount("-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (
            base, stage / "upper", stage / "work"), self.root)
        self.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 box.example.net box\n")
        self.write("/etc/aliases", "root: admin@example.net\n")
        self.started = []

    def path(self, name):
        return self.root / name.lstrip("/")

    def write(self, name, text, mode=0o644):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)
        self.path(name).chmod(mode)

    def enter(self):
        """What leads into the system."""
        return ["chroot", str(self.root)]

    def argv(self, words, uid, environment):
        user = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"] if uid else []
        home = "/root" if not uid else "/home/alice"
        return (self.enter() + user +
                ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
                 "DEBIAN_FRONTEND=noninteractive", "HOME=" + home] +
                ["%s=%s" % pair for pair in environment.items()] + list(words))

    def run(self, *words, uid=0, stdin="", **environment):
        return subprocess.run(self.argv(words, uid, environment), input=stdin, capture_output=True,
                              text=True, timeout=120)

    def start(self, *words):
        process = subprocess.Popen(self.argv(words, 0, {}), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.started.append(process)
        return process

    def start_as(self, uid, *words, stdin):
        """Starts WORDS, which read STDIN."""
        process = subprocess.Popen(self.argv(words, uid, {}), stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.started.append(process)
        process.stdin.write(stdin)
        process.stdin.close()
        return process

    @staticmethod
    def stop(process):
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            return None

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()

    def install(self, package):
        shutil.copy(package, self.path("/var/tmp/sendoff.deb"))
        return self.run("dpkg", "--install", "/var/tmp/sendoff.deb")


class Smarthost:
    def __init__(self, program, record, *options):
        self.record, self.taken = record, set()
        self.record.mkdir(exist_ok=True)
        self.said = self.record.with_suffix(".said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [program, "--until-eof", "--verbose", "--tls", "implicit", "--record", self.record,
                 *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        self.port = int(self.process.stdout.readline().split()[1])

    def messages(self):
        fresh = sorted(set(self.record.glob("*.json")) - self.taken)
        self.taken.update(fresh)
        return [(json.loads(path.read_text()), path.with_suffix(".eml").read_bytes())
                for path in fresh]

    def wait(self, number, seconds):
        found, end = [], time.monotonic() + seconds
        while len(found) < number and time.monotonic() < end:
            time.sleep(0.2)
            found += self.messages()
        return found

    def heard(self, words):
        """Whether the dialogues so far have WORDS."""
        return words in self.said.read_text(errors="replace")

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def recipients(message):
    return [rcpt["address"] for rcpt in message[0]["rcpt"]]
