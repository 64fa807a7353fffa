"""Whole stories with a real Secret Service: passwords and tokens stored, used by a submission,
replaced, removed; what is sent while it is locked, and without it."""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oauth"), str(HERE.parent / "queue")]

import server  # noqa: E402
from place import Place, Smarthost, until  # noqa: E402
from room import Mail, Room  # noqa: E402

USER, RIGHT, WRONG = "alice@example.org", "h\u00fcnter 2", "guess"
SERVICE = "org.freedesktop.secrets"
LOGIN = "/org/freedesktop/secrets/collection/login"
SECONDS = 60


class Failed(Exception):
    """Why a story did not go on."""


def expect(condition, what, *notes):
    if not condition:
        raise Failed("\n".join([what, *map(str, notes)]))


class Session:
    """A bus with gnome-keyring on it, which can be locked and unlocked. Without a terminal."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="sendoff-session-")
        path = pathlib.Path(self.dir.name)
        (path / "run").mkdir(mode=0o700)
        self.address = f"unix:path={path}/run/bus"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(path), "XDG_RUNTIME_DIR": str(path / "run"),
            "DBUS_SESSION_BUS_ADDRESS": self.address}
        self.processes = []

    def __enter__(self):
        self.start("dbus-daemon", "--session", f"--address={self.address}", "--nofork",
                   "--nopidfile")
        try:
            until(lambda: os.path.exists(self.address.partition("=")[2]), "the bus is there",
                  SECONDS)
            self.unlock()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.dir.cleanup()

    def start(self, *argv, stdin=subprocess.DEVNULL):
        process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=self.environment,
                                   start_new_session=True)
        self.processes.append(process)
        return process

    def ask(self, *argv, given=b""):
        done = subprocess.run(argv, input=given, capture_output=True, timeout=SECONDS, check=False,
                              env=self.environment, start_new_session=True)
        return done.stdout.decode(errors="replace")

    def send(self, path, method, *arguments):
        return self.ask("dbus-send", "--session", "--print-reply", f"--dest={SERVICE}", path,
                        method, *arguments)

    def owned(self):
        said = self.ask("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus",
                        "/", "org.freedesktop.DBus.NameHasOwner", f"string:{SERVICE}")
        return "boolean true" in said

    def locked(self):
        """None: there is no such collection."""
        said = self.send(LOGIN, "org.freedesktop.DBus.Properties.Get",
                         "string:org.freedesktop.Secret.Collection", "string:Locked")
        return True if "boolean true" in said else False if "boolean false" in said else None

    def lock(self):
        self.send("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock",
                  f"array:objpath:{LOGIN}")
        expect(self.locked() is True, "the keyring does not lock")

    def unlock(self):
        """By another daemon: one that runs asks for the password on a display."""
        for process in self.processes[1:]:
            process.kill()
            process.wait()
        del self.processes[1:]
        daemon = self.start("gnome-keyring-daemon", "--foreground", "--unlock",
                            "--components=secrets", stdin=subprocess.PIPE)
        daemon.stdin.write(b"pw")
        daemon.stdin.close()
        # Who asks a service that is not there yet makes the bus start another one, a locked one.
        until(self.owned, "the keyring is on the bus", SECONDS)
        until(lambda: self.locked() is False, "the keyring unlocks", SECONDS)

    def stored(self, *attributes):
        """What secret-tool finds."""
        return self.ask("secret-tool", "lookup", *attributes)


class Owner(Room):
    """The user whose session it is. BUS may be None."""

    def __init__(self, session, *arguments, **more):
        self.bus = session.address if session else "unix:path=/nonexistent"
        self.extra = {}
        super().__init__(*arguments, **more)

    def environment(self, **more):
        return super().environment(DBUS_SESSION_BUS_ADDRESS=self.bus, **self.extra, **more)

    def files(self):
        """Secrets that are kept in files."""
        return [path for path in self.home.rglob("*") if path.is_file() and
                path.name.startswith(("smtp,", "smtp-oauth2,"))]


class Person(Owner):
    """... who logs in by a password, at HOST, which knows RIGHT."""

    def __init__(self, session, host, *lines):
        self.host = host
        super().__init__(session, None, None, *lines)

    def configure(self, port=1, *lines, account="work"):
        folder = self.home / ".config/sendoff"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text("\n".join(
            [f"[account {account}]", "host = 127.0.0.1", f"port = {self.host.port}", "tls = none",
             "allow-cleartext-auth = yes", f"user = {USER}", f"from = {USER}",
             *self.lines, *lines, ""]))

    def environment(self, **more):
        return Place.environment(self, DBUS_SESSION_BUS_ADDRESS=self.bus, **self.extra, **more)

    def password(self, *words, given="", status=0):
        done = self.command("password", "work", *words, stdin=given.encode() + b"\n",
                            start_new_session=True)
        expect(done.status == status, f"password {words}: status {status} was expected", done)
        return done

    def submit(self, status=0, words="", *options):
        before = len(self.host.messages())
        done = self.run(*options, "bob@example.net", start_new_session=True)
        expect(done.status == status and words in done.out + done.err,
               f"a submission: status {status} and {words!r} were expected", done)
        expect(len(self.host.messages()) - before == (status == 0 and "--queue" not in options),
               "what arrived", self.host.messages())
        return done


def server_of_mail():
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(RIGHT + "\n")
        file.flush()
        # it has read the file when it is there
        return Smarthost("--mechanisms", "PLAIN", "--user", USER, "--password-file", file.name)


NAMES = ("host", "127.0.0.1", "service", "smtp", "user", USER)


def password():
    with Session() as session, server_of_mail() as host, Person(session, host) as p:
        p.submit(77, "sendoff password work")
        done = p.password(given=RIGHT)
        expect("the Secret Service" in done.out and "accepted the login" in done.out, "where", done)
        expect(session.stored(*NAMES) == RIGHT and not p.files(), "it is not in there", p.files())
        p.submit()
        done = p.password(given=WRONG, status=77)
        expect(session.stored(*NAMES) == RIGHT, "a wrong one is stored", done)
        p.submit()
        p.password("--no-check", given=WRONG)
        expect(session.stored(*NAMES) == WRONG, "another one is not stored")
        p.submit(77, "535")
        p.password(given=RIGHT)
        p.submit()
        done = p.password("--delete")
        expect("the Secret Service" in done.out and not session.stored(*NAMES), "removed", done)
        p.submit(77, "no password is")
        done = p.password("--delete")
        expect("no password" in done.out, "nothing is left to remove", done)


def password_locked():
    with Session() as session, server_of_mail() as host, Person(session, host) as p:
        p.password(given=RIGHT)
        session.lock()
        p.submit(75, "is locked")
        done = p.submit(0, "locked", "--queue")
        expect(len(p.entries()) == 1, "it is not in the queue", done)
        session.unlock()
        p.due_now()
        done = p.run("queue", "flush", stdin=b"")
        expect(len(host.messages()) == 1 and not p.entries(), "it did not leave", done)


def file_backend():
    with server_of_mail() as host, Person(None, host) as p:
        p.extra = {"SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": f"{p.home}/keyring",
                   "SECRET_FILE_TEST_PASSWORD": "master"}
        p.password("--store=keyring", given=RIGHT)
        expect((p.home / "keyring").exists() and not p.files(), "it is not in there", p.files())
        p.submit()
        p.password("--store=keyring", "--no-check", given=WRONG)
        p.submit(77, "535")
        p.password("--store=keyring", given=RIGHT)
        p.submit()
        p.password("--delete")
        p.submit(77, "no password is")


def no_service():
    with server_of_mail() as host, Person(None, host) as p:
        done = p.password("--store=keyring", given=RIGHT, status=78)
        expect("cannot be reached" in done.err and not p.files(), "it is somewhere", p.files())
        done = p.password(given=RIGHT)
        expect(len(p.files()) == 1 and str(p.files()[0]) in done.out, "it is in no file", done)
        p.submit()
        p.password("--delete")
        expect(not p.files(), "it is still there", p.files())
        p.submit(77, "cannot be reached")


class Tokens:
    """An account that logs in by tokens, kept in the keyring of SESSION."""

    def __init__(self, session, tokens_of, *lines, **more):
        self.session, self.server = session, tokens_of
        self.before = len(self.requests())
        self.mail = Mail(self.server)
        self.room = Owner(session, self.server, self.mail, *lines, token_store="keyring", **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mail.__exit__()
        self.room.__exit__()

    def send(self, status, words="", *options):
        before = len(self.mail.messages)
        done = self.room.run(*options, "bob@example.net", start_new_session=True)
        expect(done.status == status and words in done.out + done.err,
               f"a submission: status {status} and {words!r} were expected", done)
        came = len(self.mail.messages) - before
        expect(came == (status == 0 and "--queue" not in options), f"{came} came", done)
        return done

    def kept(self):
        return self.session.ask("secret-tool", "search", "--all", "service", "smtp-oauth2")

    def requests(self):
        return [one for one in self.server.requests("/token")
                if one["form"].get("grant_type") == "refresh_token"]

    def renewals(self):
        return len(self.requests()) - self.before


def tokens(issuer):
    with Session() as session, Tokens(session, issuer) as t:
        done = t.room.login("--browser")
        expect("the Secret Service" in done.out + done.err and not t.room.files(), "where", done,
               t.room.files())
        first = t.kept()
        expect(any(f'"{live}"' in first for live in t.server.set()["refresh"]),
               "the refresh token is not in there", first)
        t.send(0)
        expect(t.renewals() == 0, "it was renewed for nothing")
        for number in 1, 2:
            before = t.kept()
            t.mail.refuse = 1
            t.send(0)
            after, live = t.kept(), t.server.set()["refresh"]
            expect(t.renewals() == number and after != before, "it was not renewed", after)
            expect(any(f'"{one}"' in after for one in live), "the rotated one is not kept", live)
        expect(not t.room.files(), "something is in a file", t.room.files())
        done = t.room.command("logout", "work")
        expect(done.status == 0 and "refresh" not in t.kept(), "still there", done, t.kept())
        t.send(77, "sendoff login work")


def forget_key(room):
    """Empties the cache of the room's account. keyctl(1) may not be installed."""
    number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    base = next(room.home.rglob("*.login")).name.removesuffix(".login")
    found = [line for line in pathlib.Path("/proc/keys").read_text().splitlines()
             if f" sendoff:token:{base}" in line]
    expect(found, f"nothing of {base} is in the kernel's keyring")
    for line in found:
        # KEYCTL_INVALIDATE
        ctypes.CDLL(None).syscall(number, 21, int(line.split()[0], 16), 0, 0, 0)


def tokens_locked(issuer):
    with Session() as session, Tokens(session, issuer, secret_cache="tokens") as t:
        t.room.login("--browser")
        t.send(0)
        session.lock()
        t.send(0)
        forget_key(t.room)
        t.send(75, "locked")
        done = t.send(0, "locked", "--queue")
        expect(len(t.room.entries()) == 1, "it is not in the queue", done)
        session.unlock()
        t.room.due_now()
        done = t.room.run("queue", "flush", stdin=b"")
        expect(len(t.mail.messages) == 3 and not t.room.entries(), "it did not leave", done)


def tokens_without_service(issuer):
    with Tokens(None, issuer) as t:
        done = t.room.login("--browser", status=78)
        expect("cannot be reached" in done.err, "the reason", done)
        expect(not t.room.files() and not t.mail.connections, "it is in a file", t.room.files())
        # `auto` has another place
        t.room.set(token_store="auto")
        t.room.login("--browser")
        expect(t.room.files(), "it is in no file")
        t.send(0)


PASSWORDS = (
    (password, "a password is tried, stored in the Secret Service, used, replaced, removed"),
    (password_locked, "it is locked: 75, or queued until it is unlocked"),
    (file_backend, "libsecret's file instead of a service: stored, used, replaced, removed"),
    (no_service, "no service: a private file, and never where a service was asked for"),
)
TOKENS = (
    (tokens, "tokens are kept in the Secret Service, renewed and rotated there, removed"),
    (tokens_locked, "it is locked: what the kernel keeps is used; without that 75, or queued"),
    (tokens_without_service, "no service: tokens are in no file unless that may be"),
)


def tell(ok):
    """Tells each story by OK(good, what, detail)."""
    with tempfile.TemporaryDirectory(prefix="sendoff-story-") as directory:
        issuer = server.Server(directory)
        for story, what in PASSWORDS + TOKENS:
            since = time.monotonic()
            try:
                story(*(issuer,) * (story in [one[0] for one in TOKENS]))
                problem = ""
            except Exception as error:  # whatever it is, the story failed
                problem = f"{type(error).__name__}: {error}"
            ok(not problem, f"story: {what} # {time.monotonic() - since:.1f} s", problem)
        issuer.__exit__()
