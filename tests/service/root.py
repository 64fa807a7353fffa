"""Root that submits by itself with the system's configuration: by whom the words of servers are
parsed then, and that all else is as it would be without that. Wants root, for namespaces and users
of its own."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import room
from machine import BASE, SENDOFF, Smarthost, Tap, enter, expect
from room import PASSWORD, SANITIZED, SERVICE, Room, children, status_of, talkers
from staller import Staller
from tokens import Tokens

CASES = []
MAIL = b"Subject: figures\n\nAs promised.\n"
TO = "carol@example.org"
CACHE = pathlib.Path("/var/cache/sendoff")


def case(title):
    def note(function):
        CASES.append((title, function))
        return function
    return note


def ok(answer, status=0, out=None, err=None):
    expect(answer.status == status, "status %d expected: %s", status, answer)
    expect(out is None or re.search(out, answer.out), "output %r expected: %s", out, answer)
    expect(err is None or re.search(err, answer.err), "error %r expected: %s", err, answer)
    return answer


def configure(r, *lines):
    (r.directory / "config").write_text("\n".join(("[account default]", *lines)) + "\n")


def begin(r, s, argv=(), settings=None, env=None):
    """Root's submission that has come to where S stalls, and the process that it has started."""
    configure(r, *(settings or s.settings()))
    client = subprocess.Popen(
        [SENDOFF, *argv, TO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd="/", env={**r.environment("root"), **(env or {})},
        start_new_session=True)
    client.stdin.write(MAIL)
    client.stdin.close()
    client.stdin = None
    expect(s.reached.wait(20), "the smarthost is not reached")
    return client, children(client.pid)


def end_of(client, s):
    s.go.set()
    out, err = client.communicate(timeout=30)
    return client.returncode, out.decode(), err.decode()


def expect_user(pid, uid):
    found = status_of(pid)
    for key in "Uid", "Gid":
        expect(set(found[key].split()) == {str(uid)}, "%s %s", key, found[key])
    expect(found["Groups"].strip() == "", "groups %s", found["Groups"])
    for key in "CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd":
        expect(int(found[key], 16) == 0, "%s %s", key, found[key])
    # the sandbox sees to that, with which sanitizers do not run
    expect(SANITIZED or found["NoNewPrivs"].strip() == "1", "it may gain privileges")
    expect(SANITIZED or found["Seccomp"].strip() == "2", "there is no filter of system calls")


@case("the process that talks is the service's user for good, sandboxed; the other is still root")
def person(r, _h):
    for argv, program in (((), SENDOFF), (("-odi",), "/usr/sbin/sendmail")):
        s = Staller("mail")
        configure(r, *s.settings())
        client = subprocess.Popen([program, *argv, TO], stdin=subprocess.PIPE, cwd="/",
                                  env=r.environment("root"), stdout=subprocess.DEVNULL)
        client.stdin.write(MAIL)
        client.stdin.close()
        expect(s.reached.wait(20), "the smarthost is not reached")
        (box,) = children(client.pid)
        expect_user(box, SERVICE)
        expect(status_of(client.pid)["Uid"].split()[0] == "0", "it is not root any more")
        expect(r.run("alice", ["cat", "/proc/%d/environ" % box]).status, "others look into it")
        s.go.set()
        expect(client.wait(20) == 0 and len(s.taken) == 1, "it was not sent")


@case("--debug says who talks, and in which sandbox; it is the one that there is")
def spoken(r, h):
    configure(r, *h.settings())
    version = r.run("root", ["sendoff", "--version"]).out
    answer = ok(r.run("root", ["sendoff", "--debug", TO], MAIL), err="user sendoff talks to the "
                "smarthost, in a sandbox: Landlock ABI \\d+, ")
    landlock = re.search(r"^sandbox: Landlock ABI (\d+)", version, re.M)
    expect(SANITIZED or "Landlock ABI %s," % (landlock[1] if landlock else 0) in answer.err,
           "%s, %s", answer, version)
    expect(answer.err.count("\n") > 10 and "MAIL FROM" in answer.err, "no dialogue: %s", answer)


def finding(r, want):
    answer = r.run("root", ["sendoff", "check", "--json", "--offline"])
    found = ["%s/%s=%s" % (one["section"], one["name"], one["state"])
             for one in json.loads(answer.out)["findings"]]
    expect(want in found, "%s: %s", want, found)


@case("check says who would talk")
def checked(r, h):
    configure(r, *h.settings())
    finding(r, "service/root=ok")
    with without_user():
        finding(r, "service/root=warning")


@contextlib.contextmanager
def without_user():
    path = pathlib.Path("/etc/passwd")
    before = path.read_text()
    path.write_text("".join(line for line in before.splitlines(True)
                            if not line.startswith("sendoff:")))
    try:
        yield
    finally:
        path.write_text(before)


@case("on a machine without the service's user it stays root, but has nothing of root's")
def nobody(r, _h):
    with without_user():
        s = Staller("mail")
        client, (box,) = begin(r, s)
        expect_user(box, 0)
        status, out, err = end_of(client, s)
        expect(status == 0 and out.startswith("sent "), "%s %s %s", status, out, err)


@case("other configurations are root's own: --config, the environment, the command line, a home")
def others(r, _h):
    home = r.home / "root/.config/sendoff"
    s = Staller()
    lines = "\n".join(("[account default]", *s.settings())) + "\n"
    own = BASE / "own"
    own.write_text(lines)
    place = {"SENDOFF_HOST": "127.0.0.1", "SENDOFF_PORT": str(s.port), "SENDOFF_TLS": "none",
             "SENDOFF_AUTH": "none"}
    flags = ("--host", "127.0.0.1", "--port", str(s.port), "--tls", "none", "--auth", "none")
    for name, argv, env in (("--config", ("--config", own), {}), ("environment", (), place),
                            ("flags", flags, {}), ("home", (), {})):
        if name == "home":
            home.mkdir(parents=True)
            (home / "config").write_text(lines)
        s.stall("mail")
        client, processes = begin(r, s, argv, ("host = 127.0.0.1", "port = 1", "tls = none"), env)
        expect(not processes, "%s: started %s", name, processes)
        status, out, err = end_of(client, s)
        expect(status == 0, "%s: %s %s %s", name, status, out, err)
    shutil.rmtree(home)


@case("keys, certificates and authorities that only root can read, or only sendoff")
def keys(r, _h):
    ca = BASE / "ca"
    ca.mkdir(mode=0o700)
    own = Smarthost("--tls", "implicit", "--ca-dir", ca, "--request-client-certificate",
                    "--mechanisms", "EXTERNAL")
    for uid in 0, SERVICE:
        directory = r.secrets if uid else ca
        for name in "ca.pem", "client.pem", "client-key.pem":
            if uid:
                shutil.copy(ca / name, directory / name)
            os.chown(directory / name, uid, uid)
            (directory / name).chmod(0o600)
        configure(r, "host = localhost", "port = %d" % own.port, "tls = implicit",
                  "auth = EXTERNAL", "remember = no", *("tls-%s = %s" % (key, directory / name)
                  for key, name in (("trust", "ca.pem"), ("cert", "client.pem"),
                                    ("key", "client-key.pem"))))
        ok(r.run("root", ["sendoff", "-v", TO], MAIL), out="^sent .*EXTERNAL", err="user sendoff")
        (message,) = own.messages()
        expect(message.body == b"As promised.\r\n", "%s", message.body)
    for name in "ca.pem", "client.pem", "client-key.pem":
        (r.secrets / name).unlink()


def masked(text):
    """What differs from run to run."""
    text = re.sub(r'"(time|message_id|queue_id|entry)":"[^"]*"', r'"\1":"x"', text)
    text = re.sub(r'"(resolve|connect|tls|greeting|auth|mail|data|total)":\d+', r'"\1":0', text)
    text = re.sub(r"^ *\d+ ms +\d+ ", "", text, flags=re.M)
    text = re.sub(r"-- user sendoff talks to the smarthost, in a sandbox: .*\n", "", text)
    text = re.sub(r"<[^<>@]*@box.example.net>", "<id>", text)
    return re.sub(r"accepted as \d+", "accepted as N", re.sub(r"\d+ ms\b", "N ms", text))


def compare(r, lines, argv, text=MAIL):
    """The same with the system's configuration and with one of root's own."""
    configure(r, "remember = no", *lines)
    own = BASE / "own"
    shutil.copy(r.directory / "config", own)
    system = r.run("root", ["sendoff", *argv], text)
    direct = r.run("root", ["sendoff", "--config", own, *argv], text)
    for what in "status", "out", "err":
        ours, theirs = (masked(str(getattr(answer, what)).replace(str(own), "CONFIG").replace(
            str(r.directory / "config"), "CONFIG")) for answer in (system, direct))
        n = len(os.path.commonprefix((ours, theirs)))
        expect(ours == theirs, "%s, %s: %s differs: %r, without the box %r", lines, argv, what,
               ours[max(0, n - 30):][:300], theirs[max(0, n - 30):][:300])
    return system.status


@case("receipts, dialogues, errors and statuses are as without it: the smarthost's answers")
def answers(r, h):
    plain = [TO]
    seen = {compare(r, h.settings(), argv, text) for argv, text in (
        (plain, MAIL), (["--json", *plain], MAIL), (["-v", *plain], MAIL),
        (["--debug", *plain], MAIL), (["--quiet", *plain], MAIL),
        ([*plain, "permfail@example.org"], MAIL), (["permfail@example.org"], MAIL),
        (["--json", "permfail@example.org", "tempfail@example.org"], MAIL),
        (["tempfail@example.org"], MAIL), (["dataperm@example.org"], MAIL),
        (["datatemp@example.org"], MAIL), (["-f", "permfail@example.org", *plain], MAIL),
        (["lost@example.org"], MAIL), (["--json", "drop@example.org"], MAIL),
        (["--partial=abort", "a@example.org", "permfail@example.org"], MAIL),
        (plain, b"Subject: x\n\n" + b"large\n" * 100000),
        (plain, b"Subject: x\n\n\xc3\xa4" + b"y" * 2000 + b"\0\n"))}
    expect(seen == {0, 65, 67, 75, 77}, "statuses: %s", seen)
    h.messages()


@case("receipts, errors and statuses are as without it: what fails before")
def failures(r, _h):
    ca, word = BASE / "ca-old", BASE / "word"
    ca.mkdir()
    word.write_text(PASSWORD + "\n")
    word.chmod(0o600)
    other = BASE / "other"
    other.write_text("wrong\n")
    other.chmod(0o600)
    old = Smarthost("--tls", "implicit", "--ca-dir", ca, "--certificate", "expired")
    locked = Smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256", "--user", "ann", "--password-file",
                       word)
    login = [line for line in locked.settings() if not line.startswith("auth")] + [
        "user = ann", "allow-cleartext-auth = yes"]
    with socket.create_server(("127.0.0.1", 0)) as s:
        closed = s.getsockname()[1]
    tls = ("host = localhost", "port = %d" % old.port, "tls = implicit",
           "tls-trust = %s" % (ca / "ca.pem"))
    for status, lines, argv in (
            (75, ("host = 127.0.0.1", "port = %d" % closed, "tls = none"), ()),
            (75, ("host = nowhere.example", "tls = none"), ()),
            (69, tls, ()), (69, ("host = localhost", "port = %d" % old.port, "tls = implicit"), ()),
            (78, (*tls, "tls-cert = %s" % (ca / "client.pem"),
                  "tls-key = %s" % (ca / "server-key.pem")), ()),
            (78, (*tls, "tls-cert = %s" % (ca / "none"), "tls-key = %s" % (ca / "none")), ()),
            (0, (*login, "password-file = %s" % word), ()),
            (0, (*login, "password-file = %s" % word, "auth = PLAIN"), ()),
            (77, (*login, "password-file = %s" % other), ()),
            (77, (*login, "password-file = %s" % other, "auth = PLAIN"), ("--json",)),
            (0, (*login, "password-command = cat %s" % word), ()),
            (78, (*login, "password-command = false"), ()),
            (78, (*login, "password-file = %s" % (BASE / "none")), ())):
        got = compare(r, lines, (*argv, TO))
        expect(got == status, "%s: status %d, not %d", lines, got, status)
    for one in old, locked:
        one.messages()


@case("a source-address of one's own")
def source(r, h):
    compare(r, (*h.settings(), "source-address = 127.0.0.1"), (TO,))
    expect(len(h.messages()) == 2, "not sent")


@case("a unix socket that only root may use")
def local(r, _h):
    path = BASE / "local"
    s = Staller(path=path)
    path.chmod(0o600)
    s.stall("mail")
    client, (box,) = begin(r, s, (), ("socket = %s" % path, "tls = none", "auth = none"))
    expect_user(box, SERVICE)
    status, out, err = end_of(client, s)
    expect(status == 0 and len(s.taken) == 1, "%s %s %s", status, out, err)
    path.unlink()
    ok(r.run("root", ["sendoff", TO], MAIL), 75, err=r"No such file")


@case("the process that talks dies: 75, in doubt once the end of data has left")
def killed(r, _h):
    for stage, words in ("mail", "signal 9|has ended"), ("end", "may have been delivered"):
        s = Staller(stage)
        client, (box,) = begin(r, s)
        os.kill(box, signal.SIGKILL)
        status, out, err = end_of(client, s)
        expect(status == 75 and re.search(words, err), "%s: %s %s %s", stage, status, out, err)


@case("signals: it dies with its parent, and ^C is the parent's to hear")
def signals(r, _h):
    for number, group in ((signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, True)):
        s = Staller("mail")
        client, (box,) = begin(r, s)
        if group:
            os.killpg(client.pid, number)
        else:
            client.send_signal(number)
        expect(client.wait(20) == -number, "%s: %s", number, client.returncode)
        Room.until(lambda: not pathlib.Path("/proc/%d/exe" % box).exists() or
                   status_of(box)["State"].startswith("Z"), "it goes on without its parent")
        s.go.set()
    s = Staller("mail")
    client, (box,) = begin(r, s, ("--queue=on-failure",))
    client.send_signal(signal.SIGTERM)
    # while the smarthost stalls: an answer that came before the signal was heard would count
    out, err = client.communicate(timeout=60)
    s.go.set()
    expect(client.returncode == 0 and out.startswith(b"queued "), "%s %s %s", client.returncode,
           out, err)
    expect(len(r.queued()) == 1, "%s", r.queued())
    forget_spool(r)


def forget_spool(r):
    shutil.rmtree(r.spool, ignore_errors=True)


def strangers(r):
    """What in the spool the service could not use."""
    def owner(path):
        try:
            return path.lstat().st_uid
        except FileNotFoundError:
            # what is due leaves in the background
            return SERVICE
    return [str(path) for path in sorted(r.spool.rglob("*")) if owner(path) != SERVICE]


@case("what root leaves in the system's spool is the service's, which sends it")
def spool(r, h):
    forget_spool(r)
    dead = ("host = 127.0.0.1", "port = 1", "tls = none")
    for lines, argv, status in (
            (dead, ("--queue=always", TO), 0), (dead, ("--queue=on-failure", TO), 0),
            (h.settings(), ("--queue=first", TO), 0),
            (h.settings(), ("--queue=first", "tempfail@example.org"), 0),
            (h.settings(), ("--queue=on-failure", "--id", "backup", TO), 0),
            (h.settings(), ("--queue=on-failure", "lost@example.org"), 0)):
        configure(r, *lines)
        shutil.rmtree(r.spool / "state/accounts", ignore_errors=True)
        ok(r.run("root", ["sendoff", *argv], MAIL), status)
        expect(not strangers(r), "%s: root's are %s", argv, strangers(r))
    configure(r, "queue = on-failure", *h.settings())
    ok(r.run("root", ["/usr/sbin/sendmail", "-oem", "permfail@example.org"], MAIL), 67)
    expect(not strangers(r), "-oem: root's are %s", strangers(r))
    configure(r, *dead)
    queued = ok(r.run("root", ["sendoff", "--queue=always", TO], MAIL)).out.split()[1]
    h.messages()
    r.configure_service(*h.settings())
    r.serve()
    try:
        r.run("root", ["sendoff", "queue", "flush"])
        r.until(lambda: queued not in r.queued(), lambda: "it stays: %s" % r.said())
        ok(r.run("alice", ["sendoff", TO], MAIL), out="^sent ")
    finally:
        expect(r.stop() == 0, "%s", r.said())
    expect(not strangers(r), "%s", strangers(r))
    forget_spool(r)
    h.messages()


@case("after a success what is due is sent, by a sandboxed process too")
def drained(r, h):
    word = BASE / "word-drain"
    word.write_text(PASSWORD + "\n")
    word.chmod(0o600)
    asked = BASE / "asked"
    own = Smarthost("--mechanisms", "PLAIN", "--user", "ann", "--password-file", word)
    lines = [line for line in own.settings() if not line.startswith("auth")]
    configure(r, *lines, "user = ann", "allow-cleartext-auth = yes", "queue = on-failure",
              "password-command = sh -c 'echo x >>%s; cat %s'" % (asked, word))
    for _ in range(3):
        ok(r.run("root", ["sendoff", "--queue=always", "dave@example.org"], MAIL), out="^queued ")
    ok(r.run("root", ["sendoff", TO], MAIL), out="^sent ")
    seen = []

    def all_there():
        seen.extend(message.recipients[0] for message in own.messages())
        return len(seen) == 4 and not r.queued()
    r.until(all_there, lambda: "%s, %s" % (seen, r.queued()))
    expect(asked.read_text() == "x\n", "the password was asked for again: %s", asked.read_text())
    expect(not strangers(r), "%s", strangers(r))
    forget_spool(r)


@case("queue run by root: the runner is the service's user, and what talks is sandboxed")
def runner(r, _h):
    s = Staller("mail")
    configure(r, *s.settings())
    ok(r.run("root", ["sendoff", "--queue=always", TO], MAIL), out="^queued ")
    for argv in (SENDOFF, "queue", "run", "--once"), ("/usr/sbin/sendmail", "-q"):
        s.stall("mail")
        process = subprocess.Popen(argv, env=r.environment("root"), cwd="/",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        expect(s.reached.wait(20), "%s: the smarthost is not reached", argv)
        found = [process.pid]
        for pid in found:
            found += children(pid)
        expect(len(found) >= 2, "%s: processes %s", argv, found)
        for pid in found:
            expect(set(status_of(pid)["Uid"].split()) == {str(SERVICE)}, "%s: %d is not sendoff",
                   argv, pid)
        expect_user(found[-1], SERVICE)
        s.go.set()
        process.wait(30)
        ok(r.run("root", ["sendoff", "--queue=always", TO], MAIL))
    expect(len(s.taken) >= 2, "not sent: %d", len(s.taken))
    forget_spool(r)


@case("what is remembered of servers is where the service has it, and nothing of it root's")
def remembered(r, _h):
    ca = BASE / "ca-memory"
    ca.mkdir()
    own = Smarthost("--tls", "implicit", "--ca-dir", ca)
    word = ca / "password"
    word.chmod(0o600)
    shutil.rmtree(CACHE, ignore_errors=True)
    shutil.rmtree(r.home / "root/.cache", ignore_errors=True)
    for remember in "no", "yes":
        configure(r, "host = localhost", "port = %d" % own.port, "tls = implicit", "auth = none",
                  "tls-trust = %s" % (ca / "ca.pem"), "remember = %s" % remember)
        ok(r.run("root", ["sendoff", TO], MAIL))
        kept = sorted(path.name[:7] for path in CACHE.iterdir())
        expect(kept == (["ticket-"] if remember == "yes" else []), "%s: %s", remember, kept)
    for path in CACHE, *CACHE.iterdir():
        expect(path.stat().st_uid == SERVICE and not path.stat().st_mode & 0o077, "%s", path)
    expect(not list((r.home / "root").glob(".cache/sendoff/*")), "root keeps something too")
    with_ticket = ok(r.run("root", ["sendoff", "--json", TO], MAIL))
    expect(json.loads(with_ticket.out)["tls_resumed"], "%s", with_ticket)
    own.messages()


@case("Kerberos and tokens stay as they are, but nobody else's ticket makes that so")
def tickets(r, _h):
    s = Staller()
    cache = BASE / "krb5cc"
    cache.write_text("x")
    login = (*s.settings()[:3], "user = ann", "password-file = %s" % (BASE / "pw"),
             "allow-cleartext-auth = yes")
    (BASE / "pw").write_text("x\n")
    (BASE / "pw").chmod(0o600)
    usual = pathlib.Path("/tmp/krb5cc_0")
    mine = usual.exists()
    s.stall("greeting")
    client, processes = begin(r, s, (), login, {"KRB5CCNAME": str(cache)})
    expect(not processes, "with a ticket: %s", processes)
    client.kill()
    client.communicate()
    s.go.set()
    if mine:
        return
    try:
        usual.write_text("x")
        os.chown(usual, room.machine.ALICE, room.machine.ALICE)
        s.stall("greeting")
        client, processes = begin(r, s, (), login)
        expect(len(processes) == 1, "alice's ticket counts as root's")
        expect_user(processes[0], SERVICE)
        client.kill()
        client.communicate()
        s.go.set()
    finally:
        usual.unlink()


@case("tokens: who asks the authorization server is the service's user, and root alone keeps them")
def renewed(r, _h):
    with Tokens(BASE / "tokens-r") as t:
        configure(r, *t.settings())
        # authorities that nobody else can read are root's to open
        (BASE / "tokens-r").chmod(0o700)
        ok(r.run("root", ["sendoff", "login", "default", "--device"]))
        own = BASE / "own-tokens"
        shutil.copy(r.directory / "config", own)
        for argv in (), ("--config", own):
            with asking_for_token(r, t, argv) as pid:
                expect_user(pid, SERVICE)
        with without_user(), asking_for_token(r, t, ()) as pid:
            expect_user(pid, 0)
        ok(r.run("root", ["sendoff", "token", "default"]), out="^\\S+$")
        ok(r.run("root", ["sendoff", "logout", "default"]))


@contextlib.contextmanager
def asking_for_token(r, t, argv):
    """The process that waits for an answer, where the authorization server gives none."""
    t.server.set(outage="hang")
    process = subprocess.Popen(
        [SENDOFF, "login", "default", "--device", *argv], stdin=subprocess.DEVNULL, cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=r.environment("root"))
    try:
        r.until(lambda: talkers(t.server.port), lambda: "nobody asks: %s" % process.poll())
        (pid,) = talkers(t.server.port)
        yield pid
    finally:
        process.kill()
        process.communicate()
        r.until(lambda: not talkers(t.server.port), lambda: "it stays")
        t.server.set(outage=None)


@case("linger: nothing stays behind that talks to a server as root")
def lingering(r, h):
    configure(r, *h.settings(), "linger = 60s")
    ok(r.run("root", ["sendoff", TO], MAIL), out="^sent ")
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            expect(path.read_text() != "sendoff-linger\n", "%s lingers", path)
    h.messages()

class Dialogue:
    """Root's -bs with a client that waits for each reply."""

    def __init__(self, r, *argv, program=SENDOFF):
        self.process = subprocess.Popen(
            [program, *argv, "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd="/", env=r.environment("root"), start_new_session=True)
        # whatever happens, no reply is waited for without end
        self.watch = threading.Timer(120, self.process.kill)
        self.watch.daemon = True
        self.watch.start()
        self.said = self.reply()

    def send(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def reply(self):
        text = b""
        while line := self.process.stdout.readline():
            text += line
            if line[3:4] != b"-":
                break
        expect(text, "no reply")
        return text.decode()

    def say(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def message(self, *recipients, content=MAIL, sender="ann@example.org"):
        """Replies to MAIL, RCPT and the content, as far as it comes."""
        replies = [self.say("MAIL FROM:<%s>" % sender)]
        if replies[0][0] == "2":
            replies += [self.say("RCPT TO:<%s>" % one) for one in recipients]
            replies.append(self.say("DATA"))
            if replies[-1][0] == "3":
                self.send(content.replace(b"\n", b"\r\n") + b".\r\n")
                replies.append(self.reply())
        return replies

    def codes(self, *recipients, **more):
        return [reply[:3] for reply in self.message(*recipients, **more)]

    def boxes(self):
        return children(self.process.pid)

    def end(self, *more):
        for line in (*more, "QUIT"):
            self.say(line)
        out, err = self.process.communicate(timeout=60)
        self.watch.cancel()
        expect(not out, "more replies: %r", out)
        return self.process.returncode, err.decode()


@case("-bs: what talks to the smarthost is the service's user, for all messages the same process")
def dialogue(r, _h):
    for program in SENDOFF, "/usr/sbin/sendmail":
        s = Staller("mail")
        configure(r, *s.settings())
        d = Dialogue(r, program=program)
        expect(not d.boxes(), "it is started before it is needed")
        d.send(b"MAIL FROM:<ann@example.org>\r\n")
        expect(s.reached.wait(60), "the smarthost is not reached")
        (box,) = d.boxes()
        expect_user(box, SERVICE)
        expect(status_of(d.process.pid)["Uid"].split()[0] == "0", "it is not root any more")
        s.go.set()
        expect(d.reply()[:3] == "250" and d.say("RSET")[:3] == "250", "no transaction")
        for content in MAIL, b"Subject: x\n\n" + b"large\n" * 100000, MAIL:
            codes = d.codes(TO, "dave@example.org", content=content)
            expect(codes == ["250", "250", "250", "354", "250"], "%s", codes)
        expect(d.boxes() == [box], "another process: %s", d.boxes())
        status, err = d.end()
        expect(status == 0 and not err, "%s %s", status, err)
        expect(len(s.taken) == 3 and s.connections == 1, "%d by %d", len(s.taken), s.connections)
        expect(s.taken[1].count(b"large\r\n") == 100000, "%d octets", len(s.taken[1]))


@case("-bs: an account that is root's own stays with root, whatever others do")
def dialogue_own(r, _h):
    system, own = Staller("mail"), Staller("mail")
    home = r.home / "root/.config/sendoff"
    home.mkdir(parents=True)
    try:
        configure(r, *system.settings())
        (home / "config").write_text("\n".join((
            "[account own]", *own.settings(), "match-from = root@example.org")) + "\n")
        d = Dialogue(r)
        for s, sender, count in (own, "root@example.org", 0), (system, "ann@example.org", 1):
            d.send(b"MAIL FROM:<%s>\r\n" % sender.encode())
            expect(s.reached.wait(60), "%s: the smarthost is not reached", sender)
            expect(len(d.boxes()) == count, "%s: processes %s", sender, d.boxes())
            s.go.set()
            expect(d.reply()[:3] == "250", "%s: refused", sender)
            d.say("RSET")
        expect(d.end()[0] == 0, "status")
    finally:
        shutil.rmtree(home)


@case("-bs without the service's user: root without anything of root's")
def dialogue_nobody(r, _h):
    with without_user():
        s = Staller("mail")
        configure(r, *s.settings())
        d = Dialogue(r)
        d.send(b"MAIL FROM:<ann@example.org>\r\n")
        expect(s.reached.wait(60), "the smarthost is not reached")
        (box,) = d.boxes()
        expect_user(box, 0)
        s.go.set()
        expect(d.reply()[:3] == "250" and d.end("RSET")[0] == 0, "not taken")


def transcript(r, lines, argv, messages):
    """What a client of -bs and its terminal see, with the system's configuration and without."""
    configure(r, "remember = no", *lines)
    own = BASE / "own"
    shutil.copy(r.directory / "config", own)
    told = []
    for more in (), ("--config", own):
        d = Dialogue(r, *argv, *more)
        replies = [d.say("EHLO client")]
        for one in messages:
            replies += d.message(*one) if isinstance(one, tuple) else [d.say(one)]
        status, err = d.end("RSET")
        told.append("%s%d\n%s" % ("".join(replies), status, err))
    ours, theirs = (masked(one.replace(str(own), "CONFIG").replace(
        str(r.directory / "config"), "CONFIG")) for one in told)
    n = len(os.path.commonprefix((ours, theirs)))
    expect(ours == theirs, "%s: differs: %r, without the box %r", lines,
           ours[max(0, n - 30):][:300], theirs[max(0, n - 30):][:300])
    return status, {reply[:3] for reply in replies}


@case("-bs: replies, dialogues and statuses are as without it: the smarthost's answers")
def dialogue_answers(r, h):
    bad, later = "permfail@example.org", "tempfail@example.org"
    messages = (
        (TO,), (TO, bad, later), (bad,), (later, TO), ("dataperm@example.org",), (TO,),
        ("datatemp@example.org", TO), (TO, TO), "RSET", "MAIL FROM:<%s>" % bad,
        "MAIL FROM:<ann@example.org> SIZE=300 RET=HDRS ENVID=q1",
        "RCPT TO:<%s> NOTIFY=FAILURE ORCPT=rfc822;carol@example.org" % TO, "RCPT TO:<%s>" % bad,
        "RSET", "MAIL FROM:<>", "RCPT TO:<%s>" % TO, "RSET")
    for argv in (), ("-v",), ("--debug",):
        status, codes = transcript(r, h.settings(), argv, messages)
        expect(status == 0 and {"250", "354", "450", "550"} & codes >= {"250", "354", "550"},
               "%s %s", status, codes)
    expect(len(h.messages()) >= 12, "too few were sent")
    status, codes = transcript(r, h.settings(), (), (("lost@example.org",), (TO,)))
    expect(status == 75 and "451" in codes, "%s %s", status, codes)
    h.messages()


@case("-bs: replies and statuses are as without it: what fails before, passwords, keys")
def dialogue_failures(r, _h):
    ca, word, other = BASE / "ca-bs", BASE / "word-bs", BASE / "other-bs"
    ca.mkdir(mode=0o700)
    for path, text in (word, PASSWORD), (other, "wrong"):
        path.write_text(text + "\n")
        path.chmod(0o600)
    locked = Smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256", "--user", "ann", "--password-file",
                       word)
    signed = Smarthost("--tls", "implicit", "--ca-dir", ca, "--request-client-certificate",
                       "--mechanisms", "EXTERNAL")
    for name in "ca.pem", "client.pem", "client-key.pem":
        (ca / name).chmod(0o600)
    login = [line for line in locked.settings() if not line.startswith("auth")] + [
        "user = ann", "allow-cleartext-auth = yes"]
    with socket.create_server(("127.0.0.1", 0)) as s:
        closed = s.getsockname()[1]
    tls = ("host = localhost", "port = %d" % signed.port, "tls = implicit", "auth = EXTERNAL",
           "tls-trust = %s" % (ca / "ca.pem"), "tls-cert = %s" % (ca / "client.pem"))
    for code, lines in (
            ("451", ("host = 127.0.0.1", "port = %d" % closed, "tls = none")),
            ("250", (*tls, "tls-key = %s" % (ca / "client-key.pem"))),
            ("451", (*tls, "tls-key = %s" % (ca / "server-key.pem"))),
            ("451", (*tls, "tls-key = %s" % (ca / "none"))),
            ("250", (*login, "password-file = %s" % word)),
            ("250", (*login, "password-command = cat %s" % word)),
            ("250", (*login, "password-file = %s" % word, "auth = PLAIN")),
            ("550", (*login, "password-file = %s" % other)),
            ("451", (*login, "password-file = %s" % (BASE / "none")))):
        configure(r, *lines)
        d = Dialogue(r)
        first = d.message(TO)[0]
        expect(first[:3] == code, "%s: %s", lines, first)
        d.end()
        transcript(r, lines, (), ((TO,), (TO,)))
    expect(len(locked.messages()) == 15 and len(signed.messages()) == 5, "messages are missing")


@case("-bs: the process that talks dies: for now, in doubt with the content; then there is another")
def dialogue_killed(r, _h):
    for stage in "mail", "end":
        s = Staller(stage)
        configure(r, *s.settings())
        d = Dialogue(r)
        d.send(b"MAIL FROM:<ann@example.org>\r\n")
        if stage == "end":
            replies = [d.reply(), d.say("RCPT TO:<%s>" % TO), d.say("DATA")]
            expect([reply[:3] for reply in replies] == ["250", "250", "354"], "%s", replies)
            d.send(MAIL.replace(b"\n", b"\r\n") + b".\r\n")
        expect(s.reached.wait(60), "the smarthost is not reached")
        (box,) = d.boxes()
        os.kill(box, signal.SIGKILL)
        reply = d.reply()
        expect(reply[0] == "4" and (stage == "mail" or "may have been delivered" in reply),
               "%s: %s", stage, reply)
        s.stall(None)
        s.go.set()
        codes = d.codes(TO)
        expect(codes == ["250", "250", "354", "250"], "%s: %s", stage, codes)
        expect(d.boxes() and d.boxes() != [box], "the same process")
        status, err = d.end()
        expect(status == (75 if stage == "end" else 0), "%s: %s %s", stage, status, err)


@case("-bs: it dies with the dialogue")
def dialogue_signals(r, _h):
    s = Staller("mail")
    configure(r, *s.settings())
    d = Dialogue(r)
    d.send(b"MAIL FROM:<ann@example.org>\r\n")
    expect(s.reached.wait(60), "the smarthost is not reached")
    (box,) = d.boxes()
    d.process.kill()
    d.process.communicate(timeout=60)
    Room.until(lambda: not pathlib.Path("/proc/%d/exe" % box).exists() or
               status_of(box)["State"].startswith("Z"), "it goes on without its parent")
    s.go.set()


def watch(r, s, stages, argv, text=b""):
    """Runs root's ARGV, and looks at who talks to S at each of STAGES: whoever is not root has to
    be sandboxed. Returns their uids, status and output."""
    s.stall(stages[0])
    process = subprocess.Popen(
        [SENDOFF, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd="/", env=r.environment("root"), start_new_session=True)
    uids = set()
    try:
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        for i, stage in enumerate(stages):
            expect(s.reached.wait(60), "%s: %s is not reached", argv, stage)
            found = talkers(s.port)
            expect(found, "%s: nobody talks at %s", argv, stage)
            for pid in found:
                uids.add(int(status_of(pid)["Uid"].split()[0]))
                if pid != process.pid:
                    expect_user(pid, SERVICE)
            go = s.go
            if i + 1 < len(stages):
                # whoever waits goes on to the next stage
                s.go, s.stage = threading.Event(), stages[i + 1]
                s.reached.clear()
            go.set()
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        s.go.set()
    return uids, process.returncode, out.decode()


@case("check: who talks to servers is the service's user; with root's own configuration root")
def check_talks(r, _h):
    s = Staller()
    configure(r, *s.settings(), "from = ann@example.org")
    own = BASE / "own"
    shutil.copy(r.directory / "config", own)
    for argv, uid in (("check",), SERVICE), (("check", "--config", own), 0):
        uids, status, out = watch(r, s, ("greeting", "mail"), argv)
        expect(uids == {uid}, "%s: users %s", argv, uids)
        expect("null sender" in out and "accepted" in out, "%s: %s %s", argv, status, out)
    uids, _, out = watch(r, s, ("greeting",), ("check", "--debug"))
    expect(uids == {SERVICE} and "user sendoff talks to the smarthost, in a sandbox" in out,
           "%s %s", uids, out)


SERVERS = {"secrets", "DNS", "server", "TLS", "SMTP", "login", "envelope"}


def findings(r, *argv):
    """What check finds on the way to the servers, without what differs from run to run."""
    answer = r.run("root", ["sendoff", "check", "--json", *argv])
    found = [one for one in json.loads(answer.out)["findings"] if one["section"] in SERVERS]
    for one in found:
        one.get("data", {}).pop("ms", None)
    return [masked(json.dumps(one, sort_keys=True)) for one in found], answer.status


def days(found):
    """How many are left of what ends, in order."""
    return re.findall(r"\d+ days? left", "".join(found))


@case("check: what is found is the same by another process, good and bad")
def check_same(r, _h):
    ca, word, other, path = (BASE / name for name in ("ca-c", "word-c", "other-c", "local-c"))
    ca.mkdir(mode=0o700)
    for file, text in (word, PASSWORD), (other, "wrong"):
        file.write_text(text + "\n")
        file.chmod(0o600)
    locked = Smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256", "--user", "ann", "--password-file",
                       word)
    signed = Smarthost("--tls", "implicit", "--ca-dir", ca, "--request-client-certificate",
                       "--mechanisms", "EXTERNAL")
    old_ca = BASE / "ca-o"
    old_ca.mkdir()
    old = Smarthost("--tls", "starttls", "--ca-dir", old_ca, "--certificate", "expired")
    for name in "ca.pem", "client.pem", "client-key.pem":
        (ca / name).chmod(0o600)
    local = Staller(path=path)
    path.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as s:
        closed = s.getsockname()[1]
    login = [line for line in locked.settings() if not line.startswith("auth")] + [
        "user = ann", "allow-cleartext-auth = yes", "from = ann@example.org"]
    tls = ("host = localhost", "port = %d" % signed.port, "tls = implicit", "auth = EXTERNAL",
           "tls-trust = %s" % (ca / "ca.pem"), "tls-cert = %s" % (ca / "client.pem"))
    trust = "tls-trust = %s" % (old_ca / "ca.pem")
    for want, lines in (
            ("login/login=ok", (*login, "password-file = %s" % word)),
            ("login/login=ok", (*login, "password-command = cat %s" % word)),
            ("login/login=failure", (*login, "password-file = %s" % other)),
            ("login/login=ok", (*tls, "tls-key = %s" % (ca / "client-key.pem"))),
            ("secrets/certificate=failure", (*tls, "tls-key = %s" % (ca / "server-key.pem"))),
            ("TLS/chain=failure", ("host = localhost", "port = %d" % old.port, "tls = starttls",
                                   "auth = none", trust)),
            ("TLS/chain=failure", ("host = localhost", "port = %d" % old.port, "tls = starttls",
                                   "auth = none")),
            ("server/connection=failure", ("host = 127.0.0.1", "port = %d" % closed)),
            ("DNS/addresses=failure", ("host = nowhere.example",)),
            ("DNS/SRV=", ("host = nowhere.example", "srv = yes")),
            ("SMTP/greeting=ok", ("socket = %s" % path, "tls = none", "auth = none"))):
        configure(r, "remember = no", *lines)
        own = BASE / "own"
        shutil.copy(r.directory / "config", own)
        for argv in (), ("--to", "permfail@example.org"):
            (ours, status), (theirs, direct) = findings(r, *argv), findings(
                r, "--config", own, *argv)
            if days(ours) != days(theirs):
                # a day has ended between the two, which it does once
                (ours, status), (theirs, direct) = findings(r, *argv), findings(
                    r, "--config", own, *argv)
            theirs = [one.replace(str(own), str(r.directory / "config")) for one in theirs]
            expect(len(ours) >= 2 and ours == theirs and status == direct,
                   "%s: %s differs, without another process %s", lines,
                   [one for one in ours if one not in theirs],
                   [one for one in theirs if one not in ours])
        section, rest = want.split("/")
        expect(any('"section": "%s"' % section in one and '"name": "%s"' % rest.split("=")[0] in one
                   and '"state": "%s' % rest.split("=")[1] in one for one in ours),
               "%s: no %s in %s", lines, want, ours)
    for one in locked, signed, old:
        expect(not one.messages(), "something was sent")
    expect(not local.taken, "something was sent")


@case("check: the process that talks dies, and the others are asked all the same")
def check_killed(r, h):
    s = Staller("greeting")
    configure(r, "host = 127.0.0.1:%d, %s:%s" % (
        s.port, "127.0.0.1", h.settings()[1].split()[-1]), "tls = none", "auth = none")
    process = subprocess.Popen([SENDOFF, "check"], cwd="/", env=r.environment("root"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    expect(s.reached.wait(60), "the smarthost is not reached")
    (box,) = talkers(s.port)
    os.kill(box, signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    s.go.set()
    expect("the process that talks to the smarthost" in out.decode() and b"ESMTP test" in out,
           "%d %s", process.returncode, out.decode())


@case("password: the login is tried by the service's user, and what is right is stored")
def password_tried(r, _h):
    word = BASE / "word-p"
    word.write_text(PASSWORD + "\n")
    word.chmod(0o600)
    locked = Smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256", "--user", "ann", "--password-file",
                       word)
    login = [line for line in locked.settings() if not line.startswith("auth")] + [
        "user = ann", "allow-cleartext-auth = yes"]
    configure(r, *login)
    ok(r.run("root", ["sendoff", "password"], b"wrong\n"), 77, err="nothing was stored")
    ok(r.run("root", ["sendoff", "password"], PASSWORD.encode() + b"\n"),
       out="accepted the login of ann")
    ok(r.run("root", ["sendoff", TO], MAIL), out="^sent ")
    expect(len(locked.messages()) == 1, "not sent")
    ok(r.run("root", ["sendoff", "password", "--delete"]))
    s = Staller()
    configure(r, *(line for line in s.settings() if not line.startswith("auth")), "user = ann",
              "allow-cleartext-auth = yes")
    uids, status, out = watch(r, s, ("greeting",), ("password",), b"secret\n")
    expect(uids == {SERVICE} and status, "%s %s %s", uids, status, out)


@case("setup for the whole machine: looks and logins are the service's user's")
def setup_tried(r, _h):
    (r.directory / "config").unlink()
    word = BASE / "word-s"
    word.write_text(PASSWORD + "\n")
    word.chmod(0o600)
    s = Staller()
    argv = ("setup", "ann@example.org", "--host", "127.0.0.1", "--port", str(s.port), "--tls",
            "none", "--auth", "none", "--timer=no", "--test-to", "none", "--yes")
    uids, status, out = watch(r, s, ("greeting", "mail"), argv)
    expect(uids == {SERVICE} and status == 0, "%s %s %s", uids, status, out)
    expect((r.directory / "config").exists(), "it is not the machine's: %s", out)
    (r.directory / "config").unlink()
    locked = Smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256", "--user", "ann", "--password-file",
                       word)
    port = locked.settings()[1].split()[-1]
    answer = r.run("root", ["sendoff", "setup", "ann@example.org", "--host", "127.0.0.1", "--port",
                            port, "--tls", "none", "--user", "ann", "--password-file", word,
                            "--timer=no", "--test-to", TO, "--yes"])
    expect(answer.status == 0 and len(locked.messages()) == 1, "%s", answer)
    (r.directory / "config").unlink()



def main():
    enter(*sys.argv[1:])
    chosen = [(title, function) for title, function in CASES
              if not sys.argv[1:] or function.__name__ in sys.argv[1:]]
    tap = Tap(len(chosen))
    r, h = Room(), Smarthost()
    for title, function in chosen:
        problem = None
        try:
            h.messages()
            function(r, h)
        except Exception as why:  # pylint: disable=broad-except
            at = why.__traceback__.tb_next
            problem = "line %d: %s: %s\n%s" % (at.tb_lineno, type(why).__name__, why, r.said())
        found = r.reported()
        if found:
            problem = "%s\n%s" % (problem or "a sanitizer has found", found)
        tap.result(title, problem)
        if problem:
            with contextlib.suppress(OSError):
                r.stop(signal.SIGKILL)
            forget_spool(r)
    sys.exit(1 if tap.failed else 0)


main()
