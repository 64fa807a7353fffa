"""A Debian system with systemd as its first process, in namespaces, and sendoff's package in it."""

import os
import pathlib
import subprocess
import sys
import tempfile

from system import ALICE, HERE, Smarthost, System, wait_for

sys.path.insert(0, str(HERE.parent / "recipes"))
import stage as theatre  # noqa: E402

NEEDS = ("systemd libpam-systemd dbus dbus-user-session cron ca-certificates libgnutls30 libgsasl18 "
         "libidn2-0 libjansson4 procps passwd").split()
HOST = "smtp.example.org"
PASSWORD = "correct horse"
USER = "box@example.org"
# Of no use in a system that lives for a minute.
MASKED = ("apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer "
          "fstrim.timer console-getty.service getty.target systemd-networkd.service "
          "systemd-resolved.service e2scrub_reap.service").split()


class Unbootable(Exception):
    """Why systemd cannot run here."""


class Booted(System):
    """systemd has started everything when this returns."""

    def __init__(self, base, stage):
        super().__init__(base, stage)
        self.group = None
        self.make_group(stage / "cgroup")
        self.path("/usr/sbin/policy-rc.d").unlink()
        self.write("/etc/machine-id", "")
        self.write("/etc/hostname", "box\n")
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        # so that no line of the journal is left out, or lost
        self.write("/etc/systemd/journald.conf.d/test.conf",
                   "[Journal]\nStorage=volatile\nRateLimitBurst=0\n")
        for unit in MASKED:
            self.path("/etc/systemd/system/" + unit).symlink_to("/dev/null")
        self.first = None
        self.boot(stage / "console")

    def make_group(self, place):
        """A cgroup of its own, of which systemd sees nothing above."""
        place.mkdir()
        if subprocess.run(["mount", "-t", "cgroup2", "cgroup2", place], capture_output=True,
                          check=False).returncode:
            raise Unbootable("cgroup2 cannot be mounted here")
        try:
            self.group = pathlib.Path(tempfile.mkdtemp(prefix="sendoff-test.", dir=place))
        except OSError as error:
            raise Unbootable("no cgroup can be made here: %s" % error) from error
        # a user's systemd goes through it to what is its own
        self.group.chmod(0o755)

    def boot(self, console):
        with open(console, "wb") as said:
            process = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', "sh", self.group,
                 "unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork",
                 "--kill-child", HERE / "boot", self.root],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        self.started.append(process)
        self.unshare = process
        wait_for(lambda: self.find_first() or process.poll() is not None)
        wait_for(lambda: self.up() or process.poll() is not None, 60)
        if not self.up():
            raise Unbootable("systemd does not come up: %s" % console.read_text(errors="replace"))

    def find_first(self):
        """The process that is the first one there."""
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.unshare.pid:
                self.first = path.parent.name
        return self.first

    def up(self):
        return self.first and self.run("systemctl", "is-system-running").stdout.strip() in (
            "running", "degraded")

    def enter(self):
        return ["nsenter", "--target", self.first, "--mount", "--uts", "--ipc", "--cgroup", "--pid",
                "--root", "--wd"]

    def path(self, name):
        """What is mounted within is seen from outside by the first process."""
        if getattr(self, "first", None):
            return pathlib.Path("/proc/%s/root" % self.first) / name.lstrip("/")
        return super().path(name)

    def end(self):
        super().end()
        if self.group:
            wait_for(lambda: "populated 0" in (self.group / "cgroup.events").read_text())
            for folder in sorted(self.group.rglob("*/"), reverse=True):
                if folder.is_dir():
                    folder.rmdir()
            self.group.rmdir()


class Box:
    """What the cases work with: the system, the smarthost that it is told of, and a crowd of checks."""

    def __init__(self, tap, package, base, stage):
        self.tap, self.ok, self.package = tap, tap.ok, pathlib.Path(package)
        self.stage, self.smarthost, self.records = stage, None, 0
        self.come, self.from_cron = [], []
        self.certificates = stage.with_name(stage.name + ".certificates")
        theatre.certify(self.certificates)
        self.system = Booted(base, stage)
        self.run, self.password = self.system.run, PASSWORD
        for path, text in (("/etc/hosts", "127.0.0.1 %s\n" % HOST), ):
            with open(self.system.path(path), "a", encoding="ascii") as hosts:
                hosts.write(text)
        with open(self.system.path("/etc/ssl/certs/ca-certificates.crt"), "ab") as trusted:
            trusted.write((self.certificates / "ca.pem").read_bytes())
        self.smarthost_up()

    def smarthost_up(self, *options):
        """One smarthost at the address of the provider; the last one is told to end."""
        if self.smarthost:
            self.smarthost_down()
        password = self.stage / "password"
        password.write_text(PASSWORD + "\n")
        self.records += 1
        self.smarthost = Smarthost(
            os.environ["SMARTHOST"], self.stage / ("mail-%d" % self.records), "--port", "465",
            "--use-ca", self.certificates, "--user", USER, "--password-file", password,
            "--mechanisms", "PLAIN,SCRAM-SHA-256", *options)

    def smarthost_down(self):
        self.collect()
        self.smarthost.end()
        self.smarthost = None

    def systemctl(self, *words):
        return self.run("systemctl", *words)

    def state(self, unit):
        return self.systemctl("is-active", unit).stdout.strip()

    def journal(self, *words):
        return self.run("journalctl", "--quiet", "--no-pager", "--output=cat", *words).stdout

    def submit(self, subject, *options, uid=ALICE, to="bob@example.net"):
        return self.run("sendmail", "-i", *options, to, uid=uid,
                        stdin="Subject: %s\n\nhello\n" % subject)

    def collect(self):
        for message in self.smarthost.messages():
            subject, = [line[9:].decode() for line in message[1].split(b"\r\n")
                        if line.startswith(b"Subject: ")]
            if subject.startswith("Cron "):
                self.from_cron.append(message)
            else:
                self.come.append((subject, message))

    def arrivals(self, number, seconds=60):
        """What has come since the last call, at least NUMBER messages, each behind its subject; but
        what cron wrote is kept aside."""
        def enough():
            self.collect()
            return len(self.come) >= number
        wait_for(enough, seconds)
        found, self.come = self.come, []
        return found

    def arrived(self, *subjects, seconds=60):
        """True iff these, and no others, have come to the smarthost; and what has."""
        found = self.arrivals(len(subjects), seconds)
        return sorted(subject for subject, _ in found) == sorted(subjects), found

    def end(self):
        if self.smarthost:
            self.smarthost.end()
        self.system.end()


def run(tap, package, base, stage, names):
    """The cases NAMES, or all, in the order of the story that they tell."""
    import booted_cases  # they use what is above
    import booted_more
    chosen = [case for case in booted_cases.ALL + booted_more.ALL
              if not names or case.__name__ in names]
    box = None
    try:
        box = Box(tap, package, base, stage)
        for case in chosen:
            case(box)
    except Unbootable as why:
        for case in chosen:
            tap.skip("with systemd: " + case.__name__, str(why))
    finally:
        if box:
            box.end()
