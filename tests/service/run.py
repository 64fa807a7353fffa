"""`sendoff serve` and `submit = service`: what users may do, what they may not, and what becomes of
the mail when somebody dies. Wants root, for namespaces and users of its own."""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

import room
from machine import BASE, SENDOFF, Smarthost, Tap, Wrong, enter, expect
from protocol import (ACCEPTED, ANSWER, COMMAND, COMMITTED, MARK, SENDING, SMTP, SUBMIT, TAKEN,
                      Verdict, number, option, parcel, receive, request,
                      send)
from room import (BOB, PASSWORD, SANITIZED, SERVICE, SOCKET, Room, children, status_of,
                  talkers)
from staller import Staller
from tokens import Tokens

CASES = []
# None where there is a sandbox
UNBOXED = "a sanitizer does without the sandbox" if SANITIZED else None
MAIL = b"Subject: figures\n\nAs promised.\n"


def case(title, skip=None):
    def note(function):
        CASES.append((title, function, skip))
        return function
    return note


def ok(answer, status=0, out=None, err=None):
    expect(answer.status == status, "status %d expected: %s", status, answer)
    expect(out is None or re.search(out, answer.out), "output %r expected: %s", out, answer)
    expect(err is None or re.search(err, answer.err), "error %r expected: %s", err, answer)
    return answer


def masked(text):
    """What differs from run to run."""
    text = re.sub(r'"(time|message_id|queue_id)":"[^"]*"', r'"\1":"x"', text)
    text = re.sub(r'"(resolve|connect|tls|greeting|auth|mail|data|total)":\d+', r'"\1":0', text)
    return re.sub(r"accepted as \d+", "accepted as N", re.sub(r"\d+ ms\b", "N ms", text))


def keyring_works():
    """Whether the kernel keeps keys here: add_key(2), which containers may refuse."""
    number_ = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine)
    libc = ctypes.CDLL(None, use_errno=True)
    return number_ and libc.syscall(number_, b"user", b"sendoff-test", b"x", 1, -2) >= 0


def descriptor(r, content, sealed=True):
    fd = os.memfd_create("entry", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, content)
    if sealed:
        fcntl.fcntl(fd, 1033, 0x2 | 0x4 | 0x8)  # F_ADD_SEALS: SHRINK, GROW, WRITE
    return fd


def template(r, text=MAIL, argv=(), *lines):
    """An entry as the program writes it. The configuration is another one meanwhile."""
    config = (r.directory / "config").read_text()
    down(r)
    if lines:
        r.configure_service("host = 127.0.0.1", "port = 1", "tls = none", accounts=(lines,))
    ok(r.run("alice", ["sendoff", *argv, "carol@example.org"], text), out="^queued ")
    (name,) = r.queued()
    content = (r.spool / "queue" / name).read_bytes()
    empty(r)
    shutil.rmtree(r.spool / "state/accounts", ignore_errors=True)
    (r.directory / "config").write_text(config)
    return content


def submit(r, fd, user="alice", body=request()):
    s = r.connect(user)
    send(s, parcel(SUBMIT, body), fd)
    verdict = Verdict(s)
    s.close()
    return verdict


@case("receipts, JSON and errors are the same by the service and directly")
def receipts(r, h):
    config = BASE / "direct"
    config.write_text("[account default]\nremember = no\n%s\n" % "\n".join(h.settings()))
    r.configure_service("remember = no", *h.settings())
    for argv, text in ((["carol@example.org"], MAIL), (["--json", "carol@example.org"], MAIL),
                       (["-v", "carol@example.org"], MAIL), (["--quiet", "carol@example.org"], MAIL),
                       (["carol@example.org", "permfail@example.org"], MAIL),
                       (["--json", "permfail@example.org", "tempfail@example.org"], MAIL),
                       (["--queue=never", "tempfail@example.org"], MAIL),
                       (["--queue=never", "dataperm@example.org"], MAIL),
                       (["--queue=never", "--partial=abort", "a@example.org",
                         "permfail@example.org"], MAIL),
                       (["--subject", "x", "--to", "carol@example.org", "--body", "y"], b""),
                       (["carol@example.org"], b"Subject: x\n\n" + b"y" * 2000 + b"\0\n"),
                       (["carol@example.org"], b"Subject: x\n\n" + b"large\n" * 100000),
                       (["carol@example.org"], b""), (["-f", "<>", "carol@example.org"], MAIL)):
        direct = r.run("root", ["sendoff", "--config", config, "--queue=never", *argv], text)
        served = r.run("root", ["sendoff", "--queue=never", *argv], text)
        for what in "status", "out", "err":
            ours, theirs = (masked(str(getattr(answer, what))) for answer in (served, direct))
            n = len(os.path.commonprefix((ours, theirs)))
            expect(ours == theirs, "%s: %s differs: %r, directly %r", argv, what,
                   ours[max(0, n - 30):][:200], theirs[max(0, n - 30):][:200])
    h.messages()


@case("every byte of a message arrives, whatever its size")
def bytes_arrive(r, h):
    for size in 0, 1, 1000, 262143, 262144, 3000000:
        body = (hashlib.sha256(b"%d" % size).hexdigest().encode() + b"\n") * (size // 65 + 1)
        ok(r.run("alice", ["sendoff", "carol@example.org"], b"Subject: x\n\n" + body[:size]))
        (message,) = h.messages()
        want = body[:size].replace(b"\n", b"\r\n")
        want += b"" if want.endswith(b"\r\n") or not want else b"\r\n"
        expect(message.body == want, "%d octets differ", size)


@case("nobody but sendoff reads the password, and it is used")
def password(r, h):
    secret = BASE / "word"
    secret.write_text(PASSWORD + "\n")
    own = Smarthost("--mechanisms", "PLAIN", "--user", "ann", "--password-file", secret)
    settings = [line for line in own.settings() if not line.startswith("auth")]
    r.configure_service(*settings, *r.login())
    expect(r.run("alice", ["cat", r.secrets / "work"]).status != 0, "alice reads the password")
    trace = BASE / "tmp/trace"
    ok(r.run("alice", ["strace", "-f", "-o", trace, SENDOFF, "carol@example.org"], MAIL,
             env=r.without_leaks(r.environment("alice"))), out="PLAIN")
    text = trace.read_text()
    expect("secrets" not in text, "the client looks for the password: %s",
           [line for line in text.splitlines() if "secrets" in line])
    expect(PASSWORD not in text, "the client has seen the password")
    expect(len(own.messages()) == 1, "it did not arrive")
    ok(r.run("alice", ["sendoff", "--submit=direct", "carol@example.org"], MAIL), 78)


@case("secret-cache = all: logins without the password, until what is kept is refused")
def cached(r, _h):
    salt, word, other = "c2FsdHNhbHRzYWx0", BASE / "salted", BASE / "salted-other"
    word.write_text(PASSWORD + "\n")
    other.write_text("another\n")
    # keys outlive this machine: no other run of this test has the same
    user = "ann%d" % time.time_ns()
    servers = [Smarthost("--mechanisms", "SCRAM-SHA-256", "--scram-salt", salt, "--user", user,
                         "--password-file", path) for path in (word, other)]
    secret, away = r.secrets / "work", r.secrets / "away"

    def send(server, status, **more):
        lines = [line for line in server.settings() if not line.startswith("auth")]
        r.configure_service(*lines, "user = " + user, *r.login()[1:], "secret-cache = all",
                            "queue = never", "auth = SCRAM-SHA-256")
        return ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL), status, **more)
    try:
        send(servers[0], 0)
        secret.rename(away)
        if not keyring_works():
            send(servers[0], 78)
            return
        send(servers[0], 0, out="SCRAM-SHA-256")
        expect(len(servers[0].messages()) == 2, "they did not arrive")
        # another server has another password: what is kept is refused, and kept no more
        send(servers[1], 78)
        send(servers[0], 78)
        away.rename(secret)
        send(servers[0], 0)
        send(servers[1], 77)
    finally:
        if away.exists():
            away.rename(secret)


@contextlib.contextmanager
def submission(r, h):
    """The processes of the service while it talks to a smarthost."""
    s, client = client_at(r, "mail")
    try:
        pids = [r.service.pid]
        for pid in pids:
            pids += children(pid)
        expect(len(pids) >= 4, "processes: %s", pids)
        yield pids
    finally:
        s.go.set()
        expect(client.wait(60) == 0, "it failed")
    r.configure_service(*h.settings())


@case("the service is sendoff for good, without capabilities")
def privileges(r, h):
    with submission(r, h) as pids:
        for pid in pids:
            found = status_of(pid)
            for key in "Uid", "Gid":
                expect(set(found[key].split()) == {str(SERVICE)}, "%d: %s %s", pid, key, found[key])
            expect(found["Groups"].strip() == "", "%d: groups %s", pid, found["Groups"])
            expect(int(found["CapEff"], 16) == int(found["CapPrm"], 16) == 0, "capabilities")
            expect(found["NoNewPrivs"].strip() == "1", "%d may gain privileges", pid)
        answer = r.run("alice", ["cat", "/proc/%d/environ" % pids[-1]])
        expect(answer.status != 0, "others can look into it")


@case("what talks to a server is sandboxed", skip=UNBOXED)
def sandboxed(r, h):
    with submission(r, h) as pids:
        boxed = [pid for pid in pids if status_of(pid)["Seccomp"].strip() == "2"]
        expect(boxed == pids[-1:], "sandboxed of %s: %s", pids, boxed)


@case("users: who is not named is refused, with 77 and a word")
def users(r, h):
    r.configure_service(*h.settings(), accounts=(
        ("default", "users = alice, @wheel"), ("number", "users = %d" % BOB)))
    ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
    ok(r.run("root", ["sendoff", "carol@example.org"], MAIL))
    ok(r.run("bob", ["sendoff", "carol@example.org"], MAIL), 77,
       err=r"user bob may not use account default \(key users\)")
    ok(r.run("bob", ["sendoff", "-a", "number", "carol@example.org"], MAIL))
    ok(r.run("alice", ["sendoff", "-a", "number", "carol@example.org"], MAIL), 77)
    room.machine.replace_lines("/etc/group", "wheel", "wheel:x:61050:bob")
    ok(r.run("bob", ["sendoff", "carol@example.org"], MAIL))
    ok(r.run("bob", ["/usr/sbin/sendmail", "-bs"],
             b"EHLO x\r\nMAIL FROM:<bob@example.net>\r\nQUIT\r\n"), out="250 2.1.0")
    room.machine.replace_lines("/etc/group", "wheel", "wheel:x:61050:")
    ok(r.run("bob", ["/usr/sbin/sendmail", "-bs"],
             b"EHLO x\r\nMAIL FROM:<bob@example.net>\r\nQUIT\r\n"), out=r"\r\n5\d\d .*may not use")
    expect(len(h.messages()) == 4, "not exactly those that are allowed arrived")


@case("allow-senders: %u, patterns, the null sender, and sender = force")
def senders(r, h):
    r.configure_service(*h.settings(), accounts=(
        ("default", "allow-senders = %u@example.net, sales-*@example.net"),
        ("null", "allow-senders = <>"), ("forced", "sender = force", "from = one@example.net")))
    for argv, status in ((["-f", "alice@example.net"], 0), (["-f", "ALICE@Example.NET"], 0),
                         (["-f", "sales-7@example.net"], 0), (["-f", "bob@example.net"], 77),
                         (["-f", "alice@example.net.example.org"], 77), (["-f", "<>"], 77),
                         (["-a", "null", "-f", "<>"], 0), (["-a", "null", "-f", "a@b.c"], 77)):
        ok(r.run("alice", ["sendoff", *argv, "carol@example.org"], MAIL), status,
           err="allow-senders" if status else None)
    ok(r.run("root", ["sendoff", "-f", "bob@example.net", "carol@example.org"], MAIL))
    for sender, good in ("one", True), ("two", False):
        entry = template(r, MAIL, ("-f", sender + "@example.net"), "forced")
        verdict = submit(r, descriptor(r, entry))
        expect(verdict.good == good, "forced, but %s: %s", sender, verdict)
        expect(good or verdict.fault == 13 and "sender = force" in verdict.text, "%s", verdict)


@case("a fallback is passed over for those who may not use it, in the queue too")
def fallbacks(r, h):
    r.configure_service(accounts=(
        ("default", "host = 127.0.0.1", "port = 1", "tls = none", "fallback = spare"),
        ("spare", *h.settings(), "users = bob", "allow-senders = %u@*")))
    ok(r.run("bob", ["sendoff", "--queue=never", "carol@example.org"], MAIL), out="^sent ")
    expect(len(h.messages()) == 1, "bob's was not sent")
    for user, argv, words in (("alice", (), r"spare was not tried: user alice may not use"),
                              ("bob", ("-f", "x@example.net"), r"spare was not tried: .*send as")):
        ok(r.run(user, ["sendoff", "--json", "--queue=never", *argv, "carol@example.org"], MAIL),
           75, out=words)
    ok(r.run("bob", ["sendoff", "--queue=always", "carol@example.org"], MAIL), out="^queued ")
    seen = []

    def run():
        r.run("root", ["sendoff", "queue", "flush"])
        seen.extend(message.sender.split("@")[0] for message in h.messages())
        return seen
    r.until(run, "bob's is not sent from the queue")
    ok(r.run("alice", ["sendoff", "--queue=always", "carol@example.org"], MAIL), out="^queued ")
    ok(r.run("root", ["sendoff", "queue", "flush"]), 75)
    expect(run() == ["bob"] and len(r.queued()) == 1, "%s, %s", seen, r.queued())
    empty(r)


@case("limits: the largest message, messages in a time, messages that wait")
def limits(r, h):
    r.configure_service(*h.settings(), "message-octets = 100000", "user-rate = 2/1h",
                        "user-messages = 3")
    restart(r)
    ok(r.run("alice", ["sendoff", "carol@example.org"], b"Subject: x\n\n" + b"y\n" * 100000), 65,
       err="message-octets")
    for status in 0, 0, 75:
        ok(r.run("alice", ["sendoff", "--queue=never", "carol@example.org"], MAIL), status,
           err="user-rate" if status else None)
    ok(r.run("bob", ["sendoff", "carol@example.org"], MAIL))
    ok(r.run("root", ["sendoff", "carol@example.org"], MAIL))
    r.configure_service("host = 127.0.0.1", "port = 1", "tls = none", "user-messages = 3")
    restart(r)
    for n in range(5):
        status = 0 if n < 3 else 75
        ok(r.run("bob", ["sendoff", "carol@example.org"], MAIL), status)
    ok(r.run("root", ["sendoff", "carol@example.org"], MAIL))
    empty(r)
    r.configure_service(*h.settings())
    restart(r)
    h.messages()


def empty(r):
    def removed():
        # one may just be tried
        r.run("root", ["sendoff", "queue", "remove", "all"])
        return not r.queued()
    r.until(removed, "the queue is not empty")


def restart(r):
    expect(r.stop() == 0, "the service ended badly: %s", r.said())
    r.serve()


def crash(r):
    """The service and all of its processes die; the heartbeat remains."""
    r.service.kill()
    r.service.wait()
    for pid in children(1):
        if "sendoff" in pathlib.Path("/proc/%d/comm" % pid).read_text():
            os.kill(pid, signal.SIGKILL)


@case("-oem: the sender is told by mail of what was refused")
def mailed(r, h):
    ok(r.run("alice", ["/usr/sbin/sendmail", "-oem", "permfail@example.org"], MAIL), 67)
    seen = []

    def told():
        seen.extend(h.messages())
        return [m for m in seen if m.sender == "" and m.recipients[0].startswith("alice@")]
    r.until(told, lambda: "nobody was told: %s" % [m.recipients for m in seen])
    for path in (r.spool / "failed").iterdir():
        path.unlink()


@case("what would make the service connect elsewhere is refused")
def elsewhere(r, h):
    for argv in (["--port", "26"], ["--tls", "none"], ["--queue-dir", "/tmp"], ["--ehlo-name", "x"],
                 ["--tls-trust", "/tmp/x"], ["--password-file", "/tmp/x", "--user", "u"]):
        ok(r.run("alice", ["sendoff", *argv, "carol@example.org"], MAIL), 64,
           err="for the service's configuration to say")
    entry = template(r)
    for name in b"host", b"queue-dir", b"log", b"password-command", b"config", b"submit", b"to":
        verdict = submit(r, descriptor(r, entry), body=option(name, b"x"))
        expect(verdict.kind is None, "option %s: %s", name, verdict)
    expect(not h.messages(), "it was sent")


@case("a user sees and changes only what is theirs; root everything")
def queues(r, h):
    down(r)
    for user in "alice", "bob", "root":
        ok(r.run(user, ["sendoff", "carol@example.org"], MAIL), out="^queued ")
    ids = {user: ok(r.run(user, ["sendoff", "queue", "--json"])).out for user in ("alice", "bob")}
    for user, other in ("alice", "bob"), ("bob", "alice"):
        expect('"sender":"%s@' % user in ids[user], "%s does not see their own: %s", user, ids)
        expect("%s@box" % other not in ids[user], "%s sees what is %s's", user, other)
    own = {user: re.search(r'"entry":"([0-9a-z]{16})"', ids[user])[1] for user in ids}
    ok(r.run("root", ["/usr/sbin/sendmail", "-bP"]), out="^3\n$")
    ok(r.run("bob", ["/usr/sbin/sendmail", "-bP"]), out="^1\n$")
    ok(r.run("bob", ["/usr/bin/mailq"]), out=own["bob"])
    for verb in "show", "hold", "release", "remove", "flush":
        answer = r.run("bob", ["sendoff", "queue", verb, own["alice"]])
        expect(answer.status != 0 and "alice@box" not in answer.out, "%s: %s", verb, answer)
    expect(len(r.queued()) == 3, "one is gone: %s", r.queued())
    ok(r.run("bob", ["sendoff", "queue", "remove", "all"]))
    expect(len(r.queued()) == 2 and own["bob"] not in r.queued(), "bob's alone should be gone")
    ok(r.run("alice", ["sendoff", "queue", "run"]), 77)
    expect(r.run("alice", ["ls", r.spool / "queue"]).status, "the queue can be listed")
    expect(r.run("alice", ["ls", r.spool / "drop"]).status, "the in-tray can be listed")
    r.configure_service(*h.settings())
    r.run("alice", ["sendoff", "queue", "flush"])
    # the account can be used again: the runner may be at root's by now
    senders, end = [], time.monotonic() + 10
    while "alice" not in senders and time.monotonic() < end:
        senders += [m.sender.split("@")[0] for m in h.messages()]
        time.sleep(0.1)
    expect("alice" in senders, "alice's was not sent")
    empty(r)


def down(r):
    r.configure_service("host = 127.0.0.1", "port = 1", "tls = none")


@case("check by a user: the spool that is the runner's is no failure; what is is told as it is")
def checked_by_user(r, h):
    r.configure_service(*h.settings())
    answer = ok(r.run("bob", ["sendoff", "check", "--json"]))
    found = {one["name"]: one for one in json.loads(answer.out)["findings"]
             if one["section"] == "queue"}
    expect(found["spool"]["state"] == found["runner"]["state"] == "ok" and
           "its runner's" in found["spool"]["text"], "%s", found)
    (r.home / "alice/ca.pem").write_text("")
    own = r.home / "bob/config"
    for line, remedy in (("tls-trust = %s" % (r.home / "alice/ca.pem"), "let this user read it"),
                         ("password-file = %s" % (r.secrets / "work"), "of this user's own")):
        own.write_text("[account a]\nhost = localhost\nuser = ann\n%s\n" % line)
        os.chown(own, BOB, BOB)
        answer = r.run("bob", ["sendoff", "check", "--json", "--offline", "--config", own])
        found, = [one for one in json.loads(answer.out)["findings"] if one["name"] == "named files"]
        expect(answer.status == 78 and "Permission denied" in found["text"] and
               remedy in found["remedy"], "%s", found)
    drop = r.spool / "drop"
    mode = drop.stat().st_mode & 0o7777
    drop.chmod(0o700)
    try:
        answer = r.run("bob", ["sendoff", "check", "--json", "--offline"])
    finally:
        drop.chmod(mode)
    found, = [one for one in json.loads(answer.out)["findings"] if one["name"] == "spool"]
    expect(found["state"] == "failure", "nobody could use this in-tray: %s", found)


@case("serve takes no words that it does not know")
def words(r, _h):
    for argument in ["start"], ["--version-of-it"], ["clients", "x"]:
        answer = ok(r.run("root", ["sendoff", "serve", *argument]), 64)
        expect("unable to understand the command line" in answer.err, "%s", answer)


@case("-bs is carried by the service: verdicts, mistakes, ends")
def smtp(r, h):
    text = (b"EHLO x\r\nMAIL FROM:<alice@example.net>\r\nRCPT TO:<carol@example.org>\r\n"
            b"DATA\r\nSubject: a\r\n\r\n..b\r\n.\r\nMAIL FROM:<alice@example.net>\r\n"
            b"RCPT TO:<permfail@example.org>\r\nNONSENSE\r\nQUIT\r\n")
    answer = ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], text))
    codes = re.findall(r"^(\d{3}) ", answer.out, re.M)
    expect(codes == "220 250 250 250 354 250 250 550 500 221".split(), "%s", answer)
    (message,) = h.messages()
    expect(message.body == b".b\r\n", "%s", message.body)
    ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"],
             b"EHLO x\r\nMAIL FROM:<a@example.net>\r\n"), 65)
    r.until(lambda: any("uid=%d" % room.machine.ALICE in line for line in r.syslog.records),
            lambda: "nothing in the log says who it was: %s" % r.syslog.records)


def hostile_descriptors(r, entry):
    """What is passed, and a word of the refusal."""
    directory = BASE / "tmp"
    fifo, plain = directory / "fifo", directory / "plain"
    for path in fifo, plain:
        path.unlink(missing_ok=True)
    os.mkfifo(fifo)
    plain.write_bytes(entry)
    a, b = socket.socketpair()
    yield "a FIFO", os.open(fifo, os.O_RDWR | os.O_NONBLOCK), "not in a file"
    yield "a socket", os.dup(a.fileno()), "not in a file"
    yield "a directory", os.open("/", os.O_RDONLY), "not in a file"
    yield "/dev/zero", os.open("/dev/zero", os.O_RDONLY), "not in a file"
    yield "/dev/null", os.open("/dev/null", os.O_RDWR), "not in a file"
    yield "memory that is not sealed", descriptor(r, entry, False), "not sealed"
    yield "memory that cannot be sealed", os.memfd_create("x", os.MFD_CLOEXEC), "sealed"
    yield "write only", os.open(plain, os.O_WRONLY), "cannot be read"
    yield "a mere path", os.open(plain, os.O_PATH), "cannot be read"
    yield "nothing", descriptor(r, b""), "no entry"
    yield "a short file", descriptor(r, entry[:511]), "no entry"
    yield "a file of /proc", os.open("/proc/self/maps", os.O_RDONLY), "no entry"
    yield "a cut entry", descriptor(r, entry[:-30]), ""
    yield "zeros", descriptor(r, bytes(4096)), ""
    yield "another first block", descriptor(r, b"X" * 512 + entry[512:]), ""
    yield "huge lengths", descriptor(r, entry[:16] + b"\xff" * 32 + entry[48:]), ""
    huge = os.open(directory, os.O_TMPFILE | os.O_RDWR)
    os.pwrite(huge, entry, 0)
    os.ftruncate(huge, 1 << 40)
    yield "a terabyte", huge, "larger"
    for name, old, new in (("a sender with CRLF", b"alice", b"al\r\nx"),
                           ("another account", b"default", b"defau\0t")):
        yield name, descriptor(r, entry.replace(old, new)), ""
    a.close()
    b.close()


@case("hostile messages are refused, and the next one is served")
def hostile(r, h):
    entry = template(r)
    for name, fd, words in hostile_descriptors(r, entry):
        verdict = submit(r, fd)
        expect(verdict.kind == ANSWER and not verdict.good and not verdict.attempted,
               "%s: %s", name, verdict)
        expect(words in verdict.text, "%s: %r in %s", name, words, verdict)
        try:
            os.close(fd)
        except OSError:
            pass
    expect(not h.messages() and not r.queued(), "something was sent or kept")
    verdict = submit(r, descriptor(r, entry))
    expect(verdict.good and verdict.marks[0] == TAKEN and ACCEPTED in verdict.marks, "%s", verdict)
    (message,) = h.messages()
    expect(message["Subject"].strip() == "figures", "%s", message.fields)


@case("a file that is cut or changed while it is copied does no harm")
def changing(r, h):
    big = BASE / "tmp/big"
    content = template(r, b"Subject: x\n\n" + b"0123456789abcdef\n" * 600000)
    for n in range(8):
        big.write_bytes(content)
        fd = os.open(big, os.O_RDWR)
        stop = threading.Event()

        def change():
            while not stop.is_set():
                os.ftruncate(fd, (n * 1000003) % len(content))
                os.pwrite(fd, b"\r\n.\r\n" * 100, 5000000)
                os.ftruncate(fd, len(content))
        t = threading.Thread(target=change)
        t.start()
        verdict = submit(r, fd)
        stop.set()
        t.join()
        os.close(fd)
        expect(verdict.kind == ANSWER, "the service broke down: %s, %s", verdict, r.said())
    big.unlink()
    for message in h.messages():
        expect(message.body == b"0123456789abcdef\r\n" * 600000, "what was checked was not sent")


@case("garbage, huge lengths, floods of descriptors, strange versions end the connection")
def garbage(r, h):
    entry = template(r)
    fd = descriptor(r, entry)
    for name, data, fds in (
            ("octets", os.urandom(5000), ()), ("HTTP", b"GET / HTTP/1.1\r\n\r\n", ()),
            ("a huge length", parcel(SUBMIT, request(), length=0xffffffff), (fd,)),
            ("more than a request", parcel(SUBMIT, bytes(70000)), (fd,)),
            ("another version", parcel(SUBMIT, request(), version=2), (fd,)),
            ("another magic", parcel(SUBMIT, request(), magic=b"sendon"), (fd,)),
            ("an unknown kind", parcel(99), (fd,)), ("an answer", parcel(ANSWER), ()),
            ("no descriptor", parcel(SUBMIT, request()), ()),
            ("two", parcel(SUBMIT, request()), (fd, fd)),
            ("two hundred", parcel(SUBMIT, request()), (fd,) * 200),
            ("one for a dialogue", parcel(SMTP, request()), (fd,)),
            ("nothing", parcel(SUBMIT), (fd,)),
            ("a field that is cut", parcel(SUBMIT, request()[:-3]), (fd,)),
            ("a field beyond the end", parcel(SUBMIT, b"\xff\xff\xff\xff\1"), (fd,)),
            ("a number that there is not", parcel(SUBMIT, request(personality=77)), (fd,)),
            ("one field more", parcel(SUBMIT, request() + number(1)), (fd,)),
            ("a bad option", parcel(SUBMIT, option(b"priority", b"\n")), (fd,)),
            ("an origin that is none", parcel(SUBMIT, option(b"queue", b"always", b"/etc/x")), (fd,)),
            ("control characters", parcel(COMMAND, request((), b"queue", [b"a\nb"])), ()),
            ("too many words", parcel(COMMAND, request((), b"queue", [b"x"] * 2000)), ()),
    ):
        s = r.connect()
        try:
            send(s, data, *fds)
        except OSError:
            pass
        try:
            s.shutdown(socket.SHUT_WR) if name in ("octets", "HTTP") else None
        except OSError:
            pass
        expect(receive(s) is None, "%s: it is answered", name)
        s.close()
    os.close(fd)
    expect(not h.messages() and not r.queued(), "something was sent or kept")
    ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
    came = h.messages()
    expect(len(came) == 1, "the next one was not served: %s", [m.recipients for m in came])


@case("clients that are slow or leave at any point do not stop others, and lose nothing")
def leaving(r, h):
    entry = template(r)
    slow = [r.connect() for _ in range(20)]
    for n, s in enumerate(slow):
        s.sendall(parcel(SUBMIT, request())[:n % 12])
    data = parcel(SUBMIT, request())
    for n in range(len(data)):
        s = r.connect()
        s.sendall(data[:n])
        s.close()
    for _ in range(5):
        s = r.connect()
        send(s, data, descriptor(r, entry))
        s.close()
    ok(r.run("bob", ["sendoff", "carol@example.org"], MAIL))
    for s in slow:
        s.close()
    seen = []

    def arrived():
        seen.extend(h.messages())
        return len(seen) >= 6 and not r.queued()
    # those that left had been taken, or not: what was taken is delivered, once
    time.sleep(1)
    for _ in range(100):
        if not r.queued():
            break
        r.run("root", ["sendoff", "queue", "flush"])
        time.sleep(0.1)
    arrived()
    expect(1 <= len(seen) <= 6, "%d messages arrived", len(seen))
    expect(not r.queued(), "something is left: %s", r.queued())


@case("fifty clients at once are all served")
def fifty(r, h):
    clients = [r.start([SENDOFF, "carol@example.org"], user=("alice", "root")[n % 2],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for n in range(50)]
    for n, client in enumerate(clients):
        client.stdin.write(b"Subject: n%d\n\nx\n" % n)
        client.stdin.close()
    for client in clients:
        out, err = client.stdout.read(), client.stderr.read()
        expect(client.wait(60) == 0, "%s %s", out, err)
    seen = []

    def all_there():
        seen.extend(message["Subject"].strip() for message in h.messages())
        return len(seen) == 50
    r.until(all_there, lambda: "%d arrived" % len(seen), 60)
    expect(len(set(seen)) == 50, "some came twice")


def client_at(r, stage, argv=("carol@example.org",), program=SENDOFF):
    """A submission of alice's that has come as far as STAGE."""
    s = Staller(stage)
    r.configure_service(*s.settings())
    client = r.start([program, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE)
    client.stdin.write(MAIL)
    client.stdin.close()
    expect(s.reached.wait(60), "stage %s is not reached", stage)
    return s, client


def end_of(client):
    out, err = client.stdout.read().decode(), client.stderr.read().decode()
    return client.wait(60), out, err


def submitting(r):
    """The process of the service that serves a connection."""
    found = [pid for pid in children(r.service.pid) if children(pid)]
    expect(len(found) == 1, "processes that submit: %s", found)
    return found[0]


@case("the process that serves dies before the end of data: the message goes into the in-tray")
def killed_early(r, h):
    for stage in "greeting", "mail", "data":
        s, client = client_at(r, stage)
        os.kill(submitting(r), signal.SIGKILL)
        status, out, err = end_of(client)
        expect(status == 0 and out.startswith("queued "), "%s: %s %s %s", stage, status, out, err)
        s.stall(None)
        s.go.set()
        r.run("root", ["sendoff", "queue", "flush"])
        r.until(lambda: s.taken, "%s: it does not arrive: %s" % (stage, r.said()))
        r.until(lambda: not r.queued(), "%s: it stays" % stage)
        expect(len(s.taken) == 1, "%s: it came %d times", stage, len(s.taken))


@case("the process that serves dies after the end of data: in doubt, 75, nothing is queued")
def killed_late(r, h):
    s, client = client_at(r, "end")
    os.kill(submitting(r), signal.SIGKILL)
    status, out, err = end_of(client)
    expect(status == 75 and "may have been delivered" in err, "%s %s %s", status, out, err)
    expect(not r.queued(), "it is queued too")
    s.go.set()


@case("the process that talks to the smarthost dies: queued, or in doubt and queued as such")
def box_killed(r, h):
    for stage in "mail", "end":
        s, client = client_at(r, stage)
        (box,) = children(submitting(r))
        os.kill(box, signal.SIGKILL)
        status, out, err = end_of(client)
        expect(status == 0 and out.startswith("queued "), "%s: %s %s %s", stage, status, out, err)
        expect(len(r.queued()) == 1, "%s: %s", stage, r.queued())
        s.go.set()
        empty(r)


@case("a client that gets a signal: TERM keeps the message, INT as sendoff forgets it")
def signals(r, h):
    for program, number_, queued in ((SENDOFF, signal.SIGTERM, True), (SENDOFF, signal.SIGHUP, True),
                                     (SENDOFF, signal.SIGINT, False),
                                     ("/usr/sbin/sendmail", signal.SIGINT, True)):
        s, client = client_at(r, "mail", program=program)
        client.send_signal(number_)
        status, out, err = end_of(client)
        expect(status == (0 if queued else -number_), "%s %s: %s %s %s", program, number_, status,
               out, err)
        expect(len(r.queued()) == queued, "%s %s: %s", program, number_, r.queued())
        s.go.set()
        if queued:
            empty(r)


@case("a client that is killed after the message was taken: it is kept, and sent later")
def client_killed(r, h):
    s, client = client_at(r, "mail")
    client.kill()
    client.wait(60)
    r.until(lambda: len(r.queued()) == 1, lambda: "it is not kept: %s" % r.said())
    s.stall(None)
    s.go.set()
    r.run("root", ["sendoff", "queue", "flush"])
    r.until(lambda: len(s.taken) == 1, "it does not arrive")


@case("SIGTERM: nobody new, those that are served get their answer")
def stopping(r, h):
    s, client = client_at(r, "data")
    r.service.send_signal(signal.SIGTERM)
    r.until(lambda: not SOCKET.exists(), "the socket stays")
    s.go.set()
    status, out, err = end_of(client)
    expect(status == 0 and out.startswith("sent "), "%s %s %s", status, out, err)
    expect(r.service.wait(60) == 0, "%s", r.said())
    r.service = None
    r.serve()
    r.configure_service(*h.settings())


@case("SIGTERM with a smarthost that does not answer: the message is kept")
def stopping_stalled(r, h):
    s, client = client_at(r, "mail")
    r.service.send_signal(signal.SIGTERM)
    status, out, err = end_of(client)
    expect(status == 0 and out.startswith("queued "), "%s %s %s", status, out, err)
    expect(r.service.wait(60) == 0, "%s", r.said())
    s.go.set()
    r.service = None
    r.serve()
    empty(r)


@case("without the service: into the in-tray where a runner is known, else 75 and nothing is left")
def dropping(r, h):
    r.configure_service(*h.settings())
    heartbeat = SOCKET.parent / "heartbeat"
    r.until(heartbeat.exists, "there is no heartbeat")
    crash(r)
    ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL), out="^queued ")
    ok(r.run("bob", ["/usr/sbin/sendmail", "carol@example.org"], MAIL), out="^$", err="^$")
    ok(r.run("alice", ["sendoff", "--queue=never", "carol@example.org"], MAIL), 75)
    drops = list((r.spool / "drop").iterdir())
    expect(len(drops) == 2, "in the in-tray: %s", drops)
    expect({path.stat().st_mode & 0o777 for path in drops} == {0o640}, "modes")
    for path in drops:
        expect(r.run("bob" if path.stat().st_uid == room.machine.ALICE else "alice",
                     ["cat", path]).status, "others can read it")
    heartbeat.unlink()
    ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL), 75,
       err="unable to connect to the service .*no runner is known")
    expect(len(list((r.spool / "drop").iterdir())) == 2, "something is left")
    r.serve()
    seen = []

    def both():
        seen.extend(message.sender.split("@")[0] for message in h.messages())
        return len(seen) == 2
    r.until(both, lambda: "arrived: %s; %s" % (seen, r.said()))
    expect(sorted(seen) == ["alice", "bob"], "%s", seen)
    r.until(lambda: not list((r.spool / "drop").iterdir()), "the in-tray is not emptied")


@case("what a message asks for goes with it: by the service, its queue, and the in-tray")
def wishes(r, h):
    argv = ["sendoff", "--deliver-by", "1h,return", "--priority", "-4", "carol@example.org"]
    ok(r.run("alice", [argv[0], "--in", "1h", *argv[1:]], MAIL), out="^queued ")
    listed = ok(r.run("root", ["sendoff", "queue", "list", "--json"])).out
    entry = json.loads(listed.splitlines()[0])
    expect(entry["wishes"]["priority"] == -4 and entry["wishes"]["late"] == "return", "%s", entry)
    empty(r)
    heartbeat = SOCKET.parent / "heartbeat"
    r.until(heartbeat.exists, "there is no heartbeat")
    crash(r)
    ok(r.run("alice", argv, MAIL), out="^queued ")
    expect(len(list((r.spool / "drop").iterdir())) == 1, "it is not in the in-tray")
    r.serve()
    # the smarthost offers none of it: nothing leaves without, in the sandbox as elsewhere
    r.until(lambda: list((r.spool / "failed").iterdir()), lambda: "nothing failed: %s" % r.said())
    failed = r.run("root", ["sendoff", "queue", "list", "failed", "--json"]).out
    entry = json.loads(failed.splitlines()[0])
    expect(entry["wishes"]["priority"] == -4, "%s", entry)
    arrived = []

    def told():
        arrived.extend(h.messages())
        return any(not message.sender for message in arrived)
    r.until(told, lambda: "the sender is not told: %s" % r.said())
    expect("does not offer DELIVERBY" in failed and
           not [message for message in arrived if message.sender], "%s", failed)
    empty(r)


@case("the in-tray is no way around users, allow-senders, user-rate and message-octets")
def tray(r, h):
    entry = template(r, MAIL, ("-f", "alice@example.net"))
    r.configure_service(*h.settings(), accounts=(
        ("default", "users = bob", "allow-senders = %u@example.net", "user-rate = 1/1h"),))
    restart(r)
    drop, damaged = r.spool / "drop", r.spool / "damaged"

    def put(user, name, content):
        """At once: the service looks at half of it too."""
        whole = r.spool.parent / name
        whole.write_bytes(content)
        os.chown(whole, room.USERS[user], room.USERS[user])
        whole.rename(drop / name)
    for n, (user, content, words) in enumerate((
            ("alice", entry, r"user alice may not use account default \(key users\)"),
            ("bob", entry, r"user bob may not send as .*allow-senders"))):
        put(user, "x%d" % n, content)
        r.until(lambda: re.search(words, r.said()), lambda: "no word of it: " + r.said())
        r.until(lambda: len(list(damaged.iterdir())) == n + 1, "it is not kept")
        expect(not list(drop.iterdir()) and not r.queued(), "it was taken")
    ok(r.run("bob", ["sendoff", "-f", "bob@example.net", "carol@example.org"], MAIL))
    expect(len(h.messages()) == 1, "what is allowed is not sent")
    crash(r)
    for user, status in ("alice", 77), ("bob", 0):
        ok(r.run(user, ["sendoff", "-f", user + "@example.net", "carol@example.org"], MAIL), status)
    r.serve()
    r.until(lambda: "user-rate" in r.said(), lambda: "no word of the rate: " + r.said())
    expect(len(list(drop.iterdir())) == 1 and not h.messages(), "it does not wait in the in-tray")
    r.configure_service(*h.settings())
    restart(r)
    r.until(lambda: not list(drop.iterdir()) and not r.queued(), "it stays there")
    expect(len(h.messages()) == 1, "it was not sent at last")


@case("a runner that dies is replaced; a stale socket too, but not that of a living service")
def replaced(r, h):
    other = subprocess.run([SENDOFF, "serve"], capture_output=True, timeout=60,
                           env=r.environment("root"))
    expect(other.returncode == 75 and b"another service" in other.stderr, "%s", other)
    (runner,) = [pid for pid in children(r.service.pid)]
    os.kill(runner, signal.SIGKILL)
    r.until(lambda: [pid for pid in children(r.service.pid) if pid != runner], "no new runner")
    ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
    crash(r)
    expect(SOCKET.exists(), "nothing stale to replace")
    r.serve()
    r.until(lambda: r.run("alice", ["sendoff", "carol@example.org"], MAIL).out.startswith("sent"),
            "the new one does not serve")
    h.messages()


@case("the directory of the socket must be nobody else's")
def directory(r, h):
    place = BASE / "tmp/place"
    place.mkdir()
    os.chown(place, BOB, BOB)
    answer = subprocess.run([SENDOFF, "serve", "--service-socket", place / "s"], timeout=60,
                            capture_output=True, env=r.environment("root"))
    expect(answer.returncode == 78 and b"belongs to user" in answer.stderr, "%s", answer)
    os.chown(place, 0, 0)
    place.chmod(0o777)
    answer = subprocess.run([SENDOFF, "serve", "--service-socket", place / "s"], timeout=60,
                            capture_output=True, env=r.environment("root"))
    expect(answer.returncode == 78 and b"by others" in answer.stderr, "%s", answer)
    place.chmod(0o755)
    (place / "s").write_text("precious")
    answer = subprocess.run([SENDOFF, "serve", "--service-socket", place / "s"], timeout=60,
                            capture_output=True, env=r.environment("root"))
    expect(answer.returncode == 78 and (place / "s").read_text() == "precious", "%s", answer)


def activate(r, *options, more=()):
    """Starts the service with a socket passed, and those of MORE, as systemd does."""
    s = socket.socket(socket.AF_UNIX)
    SOCKET.unlink(missing_ok=True)
    s.bind(str(SOCKET))
    SOCKET.chmod(0o666)
    s.listen(100)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(BASE / "notify"))
    (BASE / "notify").chmod(0o666)
    notify.settimeout(60)
    env = r.environment("root")
    env["NOTIFY_SOCKET"] = str(BASE / "notify")
    pid = os.fork()
    if pid == 0:
        # first out of the way of one another
        high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in (s, *more)]
        for number_, fd in enumerate(high, 3):
            os.dup2(fd, number_)
        env.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="x")
        os.dup2(r.log.fileno(), 2)
        os.execve(SENDOFF, ["sendoff", "serve", *options], env)
    return s, notify, pid


@case("socket activation: the socket that was passed, READY and STOPPING, --idle")
def activation(r, h):
    r.stop()
    r.configure_service(*h.settings())
    s, notify, pid = activate(r, "--idle", "2")
    try:
        expect(notify.recv(100) == b"READY=1", "no word of being ready")
        ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
        expect(len(h.messages()) == 1, "it did not arrive")
        expect(notify.recv(100) == b"STOPPING=1", "no word of stopping")
        expect(os.waitpid(pid, 0)[1] == 0, "%s", r.said())
        expect(SOCKET.exists(), "the socket of the activator was removed")
    finally:
        s.close()
        notify.close()
        (BASE / "notify").unlink()
        SOCKET.unlink()
        r.serve()


def greeting_of(address):
    """What is said first to who connects to ADDRESS, a path or a port."""
    with socket.socket(socket.AF_INET if isinstance(address, int) else socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(("127.0.0.1", address) if isinstance(address, int) else str(address))
        return s.recv(4)


@case("socket activation: what listen names is listened at too, and not what was passed anew")
def activation_listen(r, h):
    r.stop()
    (BASE / "way").symlink_to("/run/sendoff")
    own, passed = pathlib.Path("/run/sendoff/own"), pathlib.Path("/run/sendoff/passed")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.create_server(
            ("127.0.0.1", 0)) as free, socket.socket(socket.AF_UNIX) as smtp:
        smtp.bind(str(passed))
        smtp.listen(10)
        inode = passed.stat().st_ino
        ports = [one.getsockname()[1] for one in (tcp, free)]
        free.close()
        r.configure_service(
            *h.settings(), "listen = %s" % own, "listen = %s" % (BASE / "way/passed"),
            *("listen = 127.0.0.1:%d" % port for port in ports), "trust-loopback = yes")
        s, notify, pid = activate(r, more=(tcp, smtp))
        try:
            expect(notify.recv(100) == b"READY=1", "no word of being ready: %s", r.said())
            for address in (own, passed, *ports):
                expect(greeting_of(address) == b"220 ", "%s does not speak SMTP", address)
            ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
            expect(len(h.messages()) == 1, "it did not arrive")
            os.kill(pid, signal.SIGTERM)
            expect(os.waitpid(pid, 0)[1] == 0, "%s", r.said())
            pid = None
            expect(not own.exists() and passed.stat().st_ino == inode,
                   "it removes its own sockets, and those alone")
        finally:
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            s.close()
            notify.close()
            for path in BASE / "notify", BASE / "way", SOCKET, passed:
                path.unlink(missing_ok=True)
            r.configure_service(*h.settings())
            r.serve()


@case("SIGHUP rereads what the service itself is configured by")
def reread(r, h):
    r.configure_service(*h.settings(), "message-octets = 1000")
    r.service.send_signal(signal.SIGHUP)
    text = b"Subject: x\n\n" + b"y\n" * 20000
    r.until(lambda: r.run("alice", ["sendoff", "carol@example.org"], text).status == 65,
            "the new limit does not hold")
    (r.directory / "config").write_text("nonsense\n")
    r.service.send_signal(signal.SIGHUP)
    r.until(lambda: "stays as it was" in r.said(), "no word of the mistake")
    r.configure_service(*h.settings())
    r.service.send_signal(signal.SIGHUP)
    r.until(lambda: r.run("alice", ["sendoff", "carol@example.org"], MAIL).status == 0, "it is lost")
    h.messages()


def talk(s, data):
    s.settimeout(60)
    out = b""
    try:
        s.sendall(data)
        while piece := s.recv(4096):
            out += piece
    except ConnectionError:
        pass
    s.close()
    return out


@case("listen: SMTP on a unix socket, with the user's own rights")
def listening(r, h):
    r.configure_service(*h.settings(), "listen = /run/sendoff/smtp",
                        accounts=(("default", "users = bob"),))
    restart(r)
    dialogue = (b"EHLO x\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\n"
                b"Subject: x\r\n\r\ny\r\n.\r\nQUIT\r\n")
    for user, code in ("bob", b"354"), ("alice", b"550"):
        s = socket.socket(socket.AF_UNIX)
        os.setresuid(-1, room.USERS[user], 0)
        s.connect("/run/sendoff/smtp")
        os.setresuid(-1, 0, 0)
        answer = talk(s, dialogue)
        expect(code in answer, "%s: %s", user, answer)
    expect(len(h.messages()) == 1, "bob's alone should arrive")


def smtp_client(port):
    """A client of a port that the service opens, perhaps behind its socket."""
    for _ in range(100):
        try:
            return smtplib.SMTP("127.0.0.1", port)
        except ConnectionRefusedError:
            time.sleep(0.05)
    return smtplib.SMTP("127.0.0.1", port)


@case("listen on a loopback port: only with a login or on one's own responsibility; no HTTP")
def loopback(r, h):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    r.configure_service(*h.settings(), "listen = 127.0.0.1:%d" % port)
    r.stop()
    for address, words in (("127.0.0.1:%d" % port, b"trust-loopback"),
                           ("0.0.0.0:%d" % port, b"loopback interface"),
                           ("192.0.2.1:25", b"loopback interface")):
        r.configure_service(*h.settings(), "listen = " + address)
        answer = subprocess.run([SENDOFF, "serve"], capture_output=True, timeout=60,
                                env=r.environment("root"))
        expect(answer.returncode == 78 and words in answer.stderr, "%s: %s", address, answer)
    clients = r.secrets / "clients"
    clients.write_text(r.run("root", ["sendoff", "serve", "client", "bob"], b"xyzzy\n").out)
    clients.chmod(0o600)
    os.chown(clients, SERVICE, SERVICE)
    expect("xyzzy" not in clients.read_text(), "the password is there for all to see")
    r.configure_service(*h.settings(), "listen = 127.0.0.1:%d" % port,
                        "listen-password-file = %s" % clients)
    r.serve()

    def connect():
        return socket.create_connection(("127.0.0.1", port))
    answer = talk(connect(), b"EHLO x\r\nMAIL FROM:<bob@example.net>\r\nQUIT\r\n")
    expect(b"AUTH PLAIN" in answer and b"\r\n530 " in answer, "%s", answer)
    for verb in (b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"PUT / HTTP/1.0", b"HEAD / HTTP/1.1",
                 b"OPTIONS * HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"post /"):
        answer = talk(connect(), verb + b"\r\nHost: a\r\n\r\nEHLO x\r\nNOOP\r\nQUIT\r\n")
        expect(answer.count(b"\r\n") <= 1, "%s is answered: %s", verb, answer)
    with smtp_client(port) as client:
        try:
            client.login("bob", "wrong")
            raise Wrong("a wrong password is good enough")
        except smtplib.SMTPAuthenticationError as why:
            expect(why.smtp_code == 535, "%s", why)
        client.login("bob", "xyzzy")
        client.sendmail("bob@example.net", ["carol@example.org"], MAIL)
    (message,) = h.messages()
    expect(message.sender == "bob@example.net", "%s", message.sender)
    r.stop()
    r.configure_service(*h.settings(), "listen = 127.0.0.1:%d" % port, "trust-loopback = yes")
    r.serve()
    with smtp_client(port) as client:
        client.sendmail("bob@example.net", ["carol@example.org"], MAIL)
    expect(len(h.messages()) == 1, "it did not arrive")
    r.configure_service(*h.settings())
    restart(r)


@case("--id, --wait, --in and the log by the service")
def features(r, h):
    for words in "^sent ", "^not sent again":
        ok(r.run("alice", ["sendoff", "--id", "backup", "carol@example.org"], MAIL), out=words)
    ok(r.run("bob", ["sendoff", "--id", "backup", "carol@example.org"], MAIL), out="^sent ")
    expect(len(h.messages()) == 2, "a key is a user's own, and counts once")
    ok(r.run("alice", ["sendoff", "--queue=always", "--wait=30", "dave@example.org"], MAIL),
       out="^queued .*\nsent ")
    expect(len(h.messages()) == 1, "it was not waited for")
    ok(r.run("alice", ["sendoff", "--in", "1h", "carol@example.org"], MAIL), out="^queued ")
    time.sleep(1)
    expect(not h.messages() and len(r.queued()) == 1, "it is not held")
    log = ok(r.run("alice", ["sendoff", "log"])).out
    # a Message-ID may well end like that
    expect("dave@example.org" in log and not re.search(r"(?<![\w.])bob@box", log), "%s", log)
    expect(r.run("bob", ["sendoff", "log", "alice@box.example.net"]).status == 66, "bob sees it")
    empty(r)


@case("TLS in the sandbox: an authority in a file, a name, certificates that do not fit")
def tls(r, h):
    for certificate, status in ("good", 0), ("expired", 69), ("unknownca", 69):
        ca = BASE / ("ca-" + certificate)
        ca.mkdir()
        own = Smarthost("--tls", "implicit", "--ca-dir", ca, "--certificate", certificate)
        ca.chmod(0o755)
        (ca / "ca.pem").chmod(0o644)
        settings = [line.replace("127.0.0.1", "localhost") for line in own.settings()
                    if not line.startswith("tls")]
        r.configure_service(*settings, "tls = implicit", "tls-trust = %s" % (ca / "ca.pem"),
                            "queue = never")
        ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL), status,
           out="TLS1.3" if not status else None, err="certificate" if status else None)


@case("--debug and --version speak of the sandbox")
def spoken(r, h):
    ok(r.run("alice", ["sendoff", "--debug", "carol@example.org"], MAIL), err="sandbox: ")
    ok(r.run("alice", ["sendoff", "--version"]), out="^sandbox: |\nsandbox: ")
    h.messages()


@case("tokens: root logs in, the service renews them and is told of a login; nobody else has them")
def tokens(r, _h):
    folder = pathlib.Path(os.environ["LOCALSTATEDIR"]) / "lib/sendoff/tokens"
    with Tokens(BASE / "tokens") as t:
        r.configure_service(*t.settings())
        ok(r.run("root", ["sendoff", "login", "default", "--device"]))
        (kept,) = folder.glob("*.json")
        first = json.loads(kept.read_text())

        def expire():
            kept.write_text(json.dumps({**json.loads(kept.read_text()),
                                        "expires": int(time.time()) - 10}))

        def private():
            for path in folder, kept:
                st = path.stat()
                expect(st.st_uid == SERVICE and not st.st_mode & 0o077, "%s: %o", path, st.st_mode)

        private()
        ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
        expect(len(t.mail.messages) == 1 and not t.renewals(), "%s", t.mail.logins)
        answer = r.run("alice", ["sendoff", "token", "default"])
        expect(answer.status != 0 and not answer.out, "%s", answer)
        expect(r.run("alice", ["cat", kept]).status != 0, "%s can be read", kept)
        # it has expired: the service, which is not root, gets another and keeps it
        expire()
        ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
        expect(len(t.renewals()) == 1 and len(t.mail.messages) == 2, "%s", t.mail.logins)
        expect(first["refresh_token"] not in kept.read_text(), "the old one is kept")
        private()
        # one that the smarthost refuses is renewed as well
        t.mail.refuse = 1
        ok(r.run("alice", ["sendoff", "carol@example.org"], MAIL))
        expect(len(t.renewals()) == 2 and len(t.mail.messages) == 3, "%s", t.mail.logins)
        # nobody grants it any more: the message waits for a login, and leaves behind it
        t.server.set(revoke=True)
        expire()
        ok(r.run("alice", ["sendoff", "--queue", "carol@example.org"], MAIL),
           out="sendoff login default")
        expect(len(r.queued()) == 1 and len(t.mail.messages) == 3, "it is not kept")
        ok(r.run("root", ["sendoff", "login", "default", "--device"]))
        r.until(lambda: len(t.mail.messages) == 4 and not r.queued(),
                lambda: "it does not leave: %s" % r.run("root", ["sendoff", "queue"]))
        private()
        ok(r.run("root", ["sendoff", "logout", "default"]))
        expect(not list(folder.glob("*.json")), "it is still there")


def dialogue_of(n):
    return (b"EHLO x\r\n" + b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<carol@example.org>\r\n"
            b"DATA\r\nSubject: a\r\n\r\nb\r\n.\r\n" * n + b"QUIT\r\n")


@contextlib.contextmanager
def open_dialogue(r):
    """The processes of the service that serve -bs with a transaction under way."""
    known = children(r.service.pid)
    client = r.start(["/usr/sbin/sendmail", "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL)
    try:
        client.stdin.write(b"EHLO x\r\nMAIL FROM:<alice@example.org>\r\n")
        client.stdin.flush()
        # the last line of the greeting, that of EHLO and that of MAIL
        for code in b"220", b"250", b"250":
            while (line := client.stdout.readline()).startswith(code + b"-"):
                pass
            expect(line.startswith(code), "the reply is %s", line)
        (serving,) = set(children(r.service.pid)) - set(known)
        yield serving
    finally:
        client.stdin.close()
        client.stdout.read()
        client.stdout.close()
        client.wait(60)


@case("-bs: the dialogue is sandboxed, whatever programs and tokens its accounts need")
def dialogues(r, _h):
    word = BASE / "word-bs"
    word.write_text(PASSWORD + "\n")
    own = Smarthost("--mechanisms", "PLAIN", "--user", "ann", "--password-file", word)
    lines = [line for line in own.settings() if not line.startswith("auth")]
    r.configure_service(*lines, "user = ann", "allow-cleartext-auth = yes",
                        "password-command = cat %s" % (r.secrets / "work"))
    ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(2)))
    expect(len(own.messages()) == 2, "they did not arrive")
    with open_dialogue(r) as serving:
        (keeper,) = children(serving)
        for pid, mode in (serving, "2"), (keeper, "0"):
            expect(UNBOXED or status_of(pid)["Seccomp"].strip() == mode, "%d: seccomp %s", pid,
                   status_of(pid)["Seccomp"])
        open_ = [os.readlink(path) for path in pathlib.Path("/proc/%d/fd" % keeper).iterdir()]
        expect(sum(not name.startswith("/dev/null") for name in open_) == 1, "open: %s", open_)
    r.until(lambda: not pathlib.Path("/proc/%d/exe" % keeper).exists(), "it outlives the dialogue")
    # a command that fails, and a password that is wrong
    r.configure_service(*lines, "user = ann", "allow-cleartext-auth = yes",
                        "password-command = sh -c 'echo nothing here >&2; exit 1'")
    ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)), out="nothing here")
    r.configure_service(*lines, "user = ann", "allow-cleartext-auth = yes",
                        "password-command = echo wrong")
    ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)), out="\r\n5\\d\\d ")
    expect(not own.messages(), "they were sent")
    with Tokens(BASE / "tokens-bs") as t:
        r.configure_service(*t.settings())
        ok(r.run("root", ["sendoff", "login", "default", "--device"]))
        ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)))
        expect(len(t.mail.messages) == 1 and not t.renewals(), "%s", t.mail.logins)
        t.mail.refuse = 1
        ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)))
        expect(len(t.mail.messages) == 2 and len(t.renewals()) == 1, "%s", t.mail.logins)
        with open_dialogue(r) as serving:
            expect(UNBOXED or status_of(serving)["Seccomp"].strip() == "2", "no sandbox")
        ok(r.run("root", ["sendoff", "logout", "default"]))


@case("-bs: an account that no sandbox can hold has a process of its own; others stay inside")
def dialogues_outside(r, _h):
    word = BASE / "word-out"
    word.write_text(PASSWORD + "\n")
    own = Smarthost("--mechanisms", "PLAIN", "--user", "ann", "--password-file", word)
    inside = Staller()
    # whoever has a ticket may want Kerberos
    ticket = BASE / "krb5cc-out"
    ticket.write_text("x")
    os.chown(ticket, SERVICE, SERVICE)
    login = [line for line in own.settings() if not line.startswith("auth")] + [
        "user = ann", "allow-cleartext-auth = yes"]

    def configure(command, sender):
        r.configure_service(accounts=(("default", *inside.settings()), (
            "ticket", *login, "password-command = " + command, "match-from = " + sender)))
    expect(r.stop() == 0, "%s", r.said())
    r.serve(env={"KRB5CCNAME": str(ticket)})
    try:
        configure("cat %s" % (r.secrets / "work"), "alice@example.org")
        ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(2)))
        expect(len(own.messages()) == 2, "they did not arrive")
        with open_dialogue(r) as serving:
            (talker,) = talkers(own.port)
            expect(talker != serving, "the dialogue talks to that smarthost itself")
            for pid, mode in (serving, "2"), (talker, "0"):
                found = status_of(pid)
                expect(UNBOXED or found["Seccomp"].strip() == mode, "%d: seccomp %s", pid,
                       found["Seccomp"])
                expect(set(found["Uid"].split()) == {str(SERVICE)}, "uid %s", found["Uid"])
            open_ = [os.readlink(path) for path in pathlib.Path("/proc/%d/fd" % talker).iterdir()]
            expect(sum(name.startswith("socket:") for name in open_) == 2, "open: %s", open_)
        r.until(lambda: not pathlib.Path("/proc/%d/exe" % talker).exists(), "it stays")
        # it dies with the dialogue, too
        with open_dialogue(r) as serving:
            (talker,) = talkers(own.port)
            os.kill(serving, signal.SIGKILL)
            r.until(lambda: not pathlib.Path("/proc/%d/exe" % talker).exists(), "it stays")
        configure("echo wrong", "alice@example.org")
        ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)), out="\r\n550")
        configure("false", "alice@example.org")
        ok(r.run("alice", ["/usr/sbin/sendmail", "-bs"], dialogue_of(1)), out="\r\n4\\d\\d")
        expect(not own.messages(), "something was sent")
        configure("false", "bob@example.org")
        with open_dialogue(r) as serving:
            expect(talkers(inside.port) == [serving], "talkers %s", talkers(inside.port))
            expect(UNBOXED or status_of(serving)["Seccomp"].strip() == "2", "no sandbox")
    finally:
        restart(r)


def main():
    enter(*sys.argv[1:])
    chosen = [(title, function, skip) for title, function, skip in CASES
              if not sys.argv[1:] or function.__name__ in sys.argv[1:]]
    tap = Tap(len(chosen))
    r, h = Room(), Smarthost()
    r.configure_service(*h.settings())
    r.serve()
    for title, function, skip in chosen:
        problem = None
        if skip:
            tap.result(title, skip=skip)
            continue
        try:
            r.configure_service(*h.settings())
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
            try:
                r.stop(signal.SIGKILL)
            except OSError:
                pass
            subprocess.run("rm -rf %s/queue/* %s/failed/* %s/drop/* %s/state/*" % (
                (r.spool,) * 4), shell=True)
            SOCKET.unlink(missing_ok=True)
            r.configure_service(*h.settings())
            r.serve()
    r.stop()
    found = r.reported()
    if found:
        tap.result("the service's end", found)
    sys.exit(1 if tap.failed else 0)


main()
