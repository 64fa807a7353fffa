"""A machine of its own for a test: namespaces with private views of /usr, /etc, /var and /dev, with
the host name box.example.net and the user alice, where sendoff is the system's sendmail and submits
to the smarthost. The machine underneath stays as it was. Wants root."""

import atexit
import fcntl
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

BASE = pathlib.Path("/run/sendoff-test")
SENDOFF = BASE / "bin/sendoff"
SMARTHOST = BASE / "bin/smarthost"
HOST = "box.example.net"
ALICE = 61001
INSIDE = "--inside-machine"
NAMES = ("sbin/sendmail", "lib/sendmail", "bin/mailq", "bin/newaliases")


def unable(reason):
    """Ends the test where it cannot run: a failure where CI is set."""
    if os.environ.get("CI"):
        print("1..1\nnot ok 1 - %s" % reason)
        sys.exit(1)
    print("1..0 # SKIP %s" % reason)
    sys.exit(0)


def enter(*arguments):
    """Starts this program again with ARGUMENTS in namespaces; there it returns."""
    if INSIDE in sys.argv:
        sys.argv.remove(INSIDE)
        return
    for name in "SENDOFF", "SMARTHOST":
        if not os.access(os.environ.get(name, ""), os.X_OK):
            print("Bail out! %s is no program" % name)
            sys.exit(1)
    if os.getuid() != 0:
        unable("a machine of its own wants root")
    namespaces = ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork",
                  "--kill-child", "--mount-proc", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run(
            namespaces + ["true"], stderr=subprocess.DEVNULL).returncode:
        unable("no namespaces here")
    sys.stdout.flush()
    os.execvp("unshare", namespaces + [sys.executable, "-B", sys.argv[0], INSIDE, *arguments])


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def overlay(directory, *lower):
    """Lays the LOWER directories and then a writable one over DIRECTORY."""
    stage = BASE / "overlay" / directory.strip("/")
    (stage / "upper").mkdir(parents=True)
    (stage / "work").mkdir()
    shutil.copystat(directory, stage / "upper")
    layers = ":".join(str(path) for path in (*lower, directory) if pathlib.Path(path).is_dir())
    mount("-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (
        layers, stage / "upper", stage / "work"), directory)


def private_devices():
    stage = BASE / "dev"
    stage.mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", stage)
    for name in "null", "zero", "full", "random", "urandom", "tty":
        (stage / name).touch()
        mount("--bind", "/dev/" + name, stage / name)
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=666,mode=620"),
                                ("shm", "tmpfs", "mode=1777")):
        (stage / name).mkdir()
        mount("-t", kind, "-o", options, kind, stage / name)
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0"),
                         ("stdout", "fd/1"), ("stderr", "fd/2")):
        (stage / name).symlink_to(target)
    mount("--move", stage, "/dev")


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))      # SIOCSIFFLAGS, IFF_UP


def replace_lines(file, key, line):
    """Puts LINE at the end of FILE, in place of those that begin with KEY and a colon."""
    path = pathlib.Path(file)
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [old for old in lines if not old.startswith(key + ":")]
    path.write_text("\n".join(kept + [line]) + "\n")


class Syslog:
    """/dev/log; the records that came."""

    MARK = "all before this has come"

    def __init__(self):
        self.records = []
        self.marked = threading.Event()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            record = self.socket.recv(65536).decode(errors="replace").rstrip("\0\n")
            if record == self.MARK:
                self.marked.set()
            else:
                self.records.append(record)

    def so_far(self):
        """How many records there are, of all that were sent before this call: they come in order."""
        self.marked.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(self.MARK.encode(), "/dev/log")
        if not self.marked.wait(60):
            raise TimeoutError("nobody listens to /dev/log")
        return len(self.records)


def passed_on():
    """What a sanitizer and a measurement of coverage have in the environment."""
    names = "ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"
    return {name: os.environ[name] for name in names if name in os.environ}


class Machine:
    """PROGRAM is what lies in the places of NAMES, UPPER are directories whose usr, etc and var
    are added."""

    def __init__(self, program=None, upper=()):
        programs = {"sendoff": os.environ["SENDOFF"], "smarthost": os.environ["SMARTHOST"],
                    "front": program or os.environ["SENDOFF"]}
        contents = {name: pathlib.Path(path).read_bytes() for name, path in programs.items()}
        os.umask(0o022)
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        (BASE / "bin").mkdir(parents=True)
        for name, content in contents.items():
            (BASE / "bin" / name).write_bytes(content)
            (BASE / "bin" / name).chmod(0o755)
        for directory in "usr", "etc", "var":
            overlay("/" + directory, *(pathlib.Path(path) / directory for path in upper))
        private_devices()
        loopback_up()
        self.syslog = Syslog()
        self.name_host()
        self.add_users()
        self.install()

    def name_host(self):
        socket.sethostname("box")
        etc = pathlib.Path("/etc")
        (etc / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 %s box\n" % HOST)
        (etc / "hostname").write_text("box\n")
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\n"
                                           "hosts: files dns\n")
        # nobody listens there: names that are not known are a temporary failure, and at once
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        for name in "mailname", "aliases", "msmtprc", "localtime":
            (etc / name).unlink(missing_ok=True)
        (etc / "aliases").write_text("root: admin@example.net\n")

    def add_users(self):
        self.home = BASE / "home"
        for name, uid, gid, gecos in (("root", 0, 0, "root"),
                                      ("alice", ALICE, ALICE, "Alice Example,,,")):
            home = self.home / name
            home.mkdir(parents=True)
            home.chmod(0o700)
            os.chown(home, uid, gid)
            replace_lines("/etc/passwd", name, "%s:x:%d:%d:%s:%s:/bin/sh" % (
                name, uid, gid, gecos, home))
        replace_lines("/etc/group", "alice", "alice:x:%d:" % ALICE)
        replace_lines("/etc/shadow", "alice", "alice:*:19000:0:99999:7:::")
        self.temporary = BASE / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)

    def install(self):
        for name in NAMES:
            place = pathlib.Path("/usr") / name
            place.unlink(missing_ok=True)
            shutil.copy(BASE / "bin/front", place)
        self.directory = pathlib.Path(os.environ.get("SYSCONFDIR", "/etc")) / "sendoff"
        if not str(self.directory).startswith(("/etc/", "/usr/", "/var/")):
            overlay("/" + self.directory.parts[1])
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        state = pathlib.Path(os.environ.get("LOCALSTATEDIR", "/var"))
        if state.parts[1] != "var":
            overlay("/" + state.parts[1])
        # what the machine underneath has of its own
        for name in "spool", "lib", "cache":
            shutil.rmtree(state / name / "sendoff", ignore_errors=True)

    def configure(self, *lines):
        """Writes the system's configuration."""
        text = "\n".join(("[account default]", *lines)) + "\n"
        (self.directory / "config").write_text(text)

    def environment(self, user):
        home = self.home / user
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": str(home), "USER": user, "LOGNAME": user, "SHELL": "/bin/sh",
               "TMPDIR": str(self.temporary), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        return {**env, **passed_on()}

    def start(self, argv, user="alice", **more):
        """A process of USER, in its home directory."""
        uid = ALICE if user == "alice" else 0
        more.setdefault("env", self.environment(user))
        more.setdefault("cwd", self.home / user)
        return subprocess.Popen(argv, user=uid, group=uid, extra_groups=[],
                                start_new_session=True, **more)


class Message:
    """One that the smarthost has taken."""

    def __init__(self, envelope, content):
        self.envelope, self.content = envelope, content
        self.sender = envelope["mail"]["address"]
        self.parameters = envelope["mail"]["parameters"]
        self.recipients = [rcpt["address"] for rcpt in envelope["rcpt"]]
        self.head, _, self.body = content.partition(b"\r\n\r\n")
        self.fields = []
        for line in self.head.split(b"\r\n"):
            if line[:1] in (b" ", b"\t") and self.fields:
                self.fields[-1][1] += b"\r\n" + line
            elif line:
                name, colon, value = line.partition(b":")
                self.fields.append([name.lower().decode("latin-1"), value[1:] if colon else None])

    def all(self, name):
        """The values of all fields NAME, without what folds them."""
        return [value.replace(b"\r\n", b"").decode("utf-8", "replace") if value else value
                for key, value in self.fields if key == name.lower()]

    def __getitem__(self, name):
        values = self.all(name)
        return values[0] if len(values) == 1 else None if not values else values


class Smarthost:
    """A smarthost that records, with what was said so far."""

    def __init__(self, *options):
        self.record = BASE / ("record-%d-%d" % (os.getpid(), time.monotonic_ns()))
        self.record.mkdir()
        self.said = open(self.record / "said", "w+b")
        self.process = subprocess.Popen(
            [SMARTHOST, "--until-eof", "--record", self.record, "--mechanisms", "none",
             "--verbose", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said)
        self.port = int(self.process.stdout.readline().split()[1])
        self.seen, self.taken = 0, set()
        atexit.register(self.process.stdin.close)

    def settings(self):
        return ("host = 127.0.0.1", "port = %d" % self.port, "tls = none", "auth = none")

    def messages(self):
        """Those that have come since the last call."""
        fresh = sorted(set(self.record.glob("*.json")) - self.taken)
        self.taken.update(fresh)
        return [Message(json.loads(path.read_text()), path.with_suffix(".eml").read_bytes())
                for path in fresh]

    def dialogue(self):
        """The lines, "C: ..." and "S: ...", since the last call."""
        text = (self.record / "said").read_bytes()
        fresh, self.seen = text[self.seen:], len(text)
        return fresh.decode("utf-8", "replace").splitlines()


class Wrong(Exception):
    """What a test found."""


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values if values else text)


class Tap:
    """Prints results as they come."""

    def __init__(self, count):
        self.number, self.failed = 0, 0
        print("1..%d" % count, flush=True)

    def result(self, name, problem=None, skip=None):
        self.number += 1
        self.failed += bool(problem)
        print("%sok %d - %s%s" % ("not " if problem else "", self.number, name,
                                  " # SKIP " + skip if skip else ""))
        for line in str(problem or "").splitlines():
            print("# " + line)
        sys.stdout.flush()
