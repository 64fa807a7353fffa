"""The runner and the commands: what drains, what is shown, what can be done about it."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import threading
import time

from cases import case
from place import MESSAGE, Place, Smarthost, Stage, Tracing, expect, kill, silent_at, until


def fill(p, count, *arguments):
    """COUNT entries: one that was queued, and copies of it, which a spool allows."""
    p.send("--queue=always", "--quiet", *(arguments or ("bob@example.net",)))
    name = p.entries()[0]
    queue = p.spool / "queue"
    content = (queue / name).read_bytes()
    for number in range(1, count):
        path = queue / ("%s%06d" % (name[:10], number))
        path.write_bytes(content)
        path.chmod(0o600)
        os.utime(path, (1, 1))


@case("300 queued messages leave over at most 3 connections")
def many():
    with Smarthost() as s, Place(s.port) as p:
        fill(p, 300)
        since = time.monotonic()
        done = p.run("queue", "flush", "--quiet", stdin=b"")
        expect(done.status == 0, "%s", done)
        expect(p.entries() == [] and len(s.messages()) == 300, "%d came", len(s.messages()))
        expect(s.connections() <= 3 + 300 // 100, "%d connections", s.connections())
        expect(time.monotonic() - since < 60, "it took too long")
    with Smarthost() as s, Place(s.port) as p:
        p.configure(s.port, "messages-per-connection = 1000")
        fill(p, 300)
        p.run("queue", "flush", "--quiet", stdin=b"")
        expect(p.entries() == [] and s.connections() <= 3, "%d connections", s.connections())


@case("the smarthost down, 10,000 queued: one connection in an interval")
def down():
    with Stage(greeting="421 not now") as s, Place(s.port) as p:
        fill(p, 10000)
        for turn in range(3):
            p.run("queue", "run", "--once", "--quiet", stdin=b"")
            expect(s.connections == 1, "%d connections after turn %d", s.connections, turn + 1)
        expect(len(p.entries()) == 10000, "%d are left", len(p.entries()))
        p.run("queue", "flush", "--quiet", stdin=b"")
        expect(s.connections == 2, "a person may ask for one more: %d", s.connections)


@case("a submission drains what is due on its connection, and nobody waits for that")
def drained():
    ends, late, reported = [], [], threading.Event()

    def slow(line):
        """The others' ends of data are answered when the submission has ended."""
        if line == ".":
            ends.append(line)
            if len(ends) > 1 and not reported.wait(60):
                late.append(line)
    with Stage(slow) as s, Place(s.port) as p:
        p.send("--queue=always", "one@example.net")
        p.send("--queue=always", "two@example.net")
        done = p.send("--queue", "three@example.net")
        reported.set()
        expect(not late, "the caller waited: %s", done)
        until(lambda: p.entries() == [], "the queue is empty")
        expect(s.connections == 1, "%d connections", s.connections)
        until(lambda: p.events().count("sent") == 3, "the history knows")


@case("only the submission's own message decides the status")
def own_status():
    with Smarthost() as s, Place(s.port) as p:
        p.send("--queue=always", "permfail@example.net")
        p.send("--queue", "bob@example.net")
        until(lambda: p.entries("failed"), "the other has failed")


@case("mailq, the list, JSON, ids in short, exit statuses")
def listing():
    with Place() as p:
        for name in "mailq", "sendmail":
            done = p.run(*(["-bp"] if name == "sendmail" else []), name=name, stdin=b"")
            expect(done.out == "Mail queue is empty\n" and done.status == 0, "%s", done)
        done = p.run("queue", stdin=b"")
        expect(done.out == "Mail queue is empty\n" and done.status == 0, "%s", done)
        done = p.run("log", stdin=b"")
        expect(done.status == 0 and not done.out and "the log is empty" in done.err, "%s", done)
        done = p.run("log", "--json", stdin=b"")
        expect(done.status == 0 and not done.out + done.err, "%s", done)
        size = json.loads(p.send("--queue=always", "--json", "bob@example.net",
                                 "carl@example.net").out)["size"]
        done = p.run("queue", stdin=b"")
        expect(done.status == 0 and "bob@example.net" in done.out and "carl@" in done.out and
               re.search(r"^-- 1 Kbytes in 1 Request\.$", done.out, re.M), "%s", done)
        # of the message as the receipt has it, not of its file
        expect(re.search(r"^\w{16} +%d B " % size, done.out, re.M) and
               p.queued()[0]["size"] == size, "%d octets: %s", size, done)
        done = p.run("log", stdin=b"")
        expect("queued" in done.out and not done.err, "%s", done)
        expect(p.run("-bP", name="sendmail", stdin=b"").out == "1\n", "-bP")
        name, = p.entries()
        for text in name, name[:6], name[-5:]:
            done = p.run("queue", "show", text, stdin=b"")
            expect(done.status == 0 and "Subject: hello" in done.out and name in done.out and
                   "\nnext try: due\n" in done.out, "%s: %s", text, done)
        done = p.run("queue", "show", stdin=b"")
        expect(done.status == 64 and "by its id" in done.err and not done.out, "%s", done)
        done = p.run("queue", "show", "zzzzzz", stdin=b"")
        expect(done.status == 66 and "no entry" in done.err, "%s", done)
        p.send("--queue=always", "bob@example.net")
        common = os.path.commonprefix(p.entries())
        done = p.run("queue", "show", common, stdin=b"")
        expect(done.status == 64 and "2 entries" in done.err, "%s", done)
        expect(len(p.queued()) == 2, "%s", p.queued())
        done = p.run("queue", "list", "faild", stdin=b"")
        expect(done.status == 64 and "list failed" in done.err and not done.out, "%s", done)
        done = p.run("queue", "nonsense", stdin=b"")
        expect(done.status == 64, "%s", done)


@case("hold, release, remove, retry, flush")
def changes():
    with Smarthost() as s, Place(s.port) as p:
        p.send("--queue=always", "bob@example.net")
        name, = p.entries()
        done = p.run("queue", "hold", name, stdin=b"")
        expect(done.out == "%s: held\n" % name and done.status == 0, "%s", done)
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(s.messages() == [], "what is held was sent")
        expect(p.run("queue", stdin=b"").status == 1, "held mail wants attention")
        p.run("queue", "release", name[-6:], stdin=b"")
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(len(s.messages()) == 1 and p.entries() == [], "it was not sent")
        p.send("--queue=always", "permfail@example.net")
        p.run("queue", "flush", "--quiet", stdin=b"")
        failed, = p.entries("failed")
        expect(p.run("queue", "show", failed, stdin=b"").status == 0, "show knows failed/")
        listing = p.run("queue", stdin=b"")
        expect(listing.status == 1 and "1 message failed" in listing.out, "%s", listing)
        expect(failed in p.run("queue", "list", "failed", stdin=b"").out, "list failed")
        done = p.run("queue", "hold", failed, stdin=b"")
        expect(done.status == 64 and "retry" in done.err, "%s", done)
        p.run("queue", "remove", "all", stdin=b"")
        done = p.run("queue", "retry", failed, stdin=b"")
        expect(done.status == 0 and p.entries() == [failed], "%s", done)
        done = p.run("queue", "remove", failed, stdin=b"")
        expect(p.entries() == [] and p.entries("failed") == [], "%s", done)
        p.send("--queue=always", "one@example.net")
        p.send("--queue=always", "two@example.net")
        first = p.queued()[0]
        p.run("queue", "flush", "--quiet", first["entry"], stdin=b"")
        expect(len(p.entries()) == 1 and
               s.messages()[-1] == [first["recipients"][0]["address"]], "%s", s.messages())
        for event in "held", "released", "removed", "retried", "failed":
            expect(event in p.events(), "%s is not in the history", event)


@case("flush on a terminal speaks as to a person; --json; lines of keys elsewhere")
def flushing():
    with Smarthost() as s, Place(s.port) as p:
        for who in "bob", "tempfail", "permfail":
            p.send("--queue=always", who + "@example.net")
        ours, theirs = pty.openpty()
        done = subprocess.run(p.argv("sendoff", ["queue", "flush"]), stdin=subprocess.DEVNULL,
                              stdout=theirs, stderr=theirs, env=p.environment(), check=False)
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        expect(done.returncode == 75 and "event=" not in text, "%s", text)
        for words in ("sent to bob@example.net by 127.0.0.1: 250",
                      "still queued: tempfail@example.net: 127.0.0.1 refused",
                      "failed: permfail@example.net: 127.0.0.1 refused"):
            expect(words in text, "%s is not in: %s", words, text)
        done = p.run("queue", "flush", "--json", stdin=b"")
        events = [json.loads(line) for line in done.out.splitlines()]
        expect([one["event"] for one in events] == ["attempt"] and not done.err and
               events[0]["recipients"][0]["code"] == 451, "%s", done)
        done = p.run("queue", "flush", stdin=b"")
        expect("event=attempt" in done.err and not done.out, "%s", done)
        p.configure(1)
        done = p.run("queue", "flush", "--json", stdin=b"")
        expect(json.loads(done.out)["state"] == "down" and done.status == 75, "%s", done)


@case("what is being sent cannot be changed")
def busy():
    with Stage(silent_at(".")) as s, Place(s.port) as p:
        process = p.start("--queue=first", "bob@example.net")
        until(lambda: s.heard("."), "it is being sent")
        name, = p.entries()
        done = p.run("queue", "remove", name, stdin=b"")
        expect(done.status == 75 and "being sent" in done.err, "%s", done)
        expect(p.run("queue", "show", name, stdin=b"").status == 0, "show")
        kill(process)
        p.ends(process)


@case("flush --wait: what another process is sending is waited for, as long as was said")
def waited():
    released = threading.Event()

    def script(line):
        if line == ".":
            released.wait(120)
    with Stage(script) as s, Place(s.port) as p:
        process = p.start("--queue=first", "bob@example.net")
        until(lambda: s.heard("."), "it is being sent")
        name, = p.entries()
        done = p.run("queue", "flush", stdin=b"")
        expect(done.status == 75 and "left to another process" in done.err, "%s", done)
        for words in [], [name], ["--account", "default"]:
            done = p.run("queue", "flush", "--wait=1", *words, stdin=b"")
            expect(done.status == 75 and done.seconds >= 1 and
                   "left to another process" in done.err, "%s", done)
        config = p.home / ".config/sendoff/config"
        config.write_text(config.read_text() + "[account other]\nhost = 127.0.0.1\n")
        done = p.run("queue", "flush", "--wait=30", "--account", "other", stdin=b"")
        expect(done.status == 0 and done.seconds < 30, "another account: %s", done)
        flush = p.start("queue", "flush", "--wait=100", stdin=b"")
        released.set()
        done = p.ends(flush, 110)
        expect(done.status == 0 and not done.err, "%s", done)
        expect(p.ends(process, 60).status == 0 and p.entries() == [] and s.connections == 1,
               "it was sent once: %s", s.lines)


@case("queue run in the foreground: sends what is queued while it runs, and ends by SIGTERM")
def serving():
    with Smarthost() as s, Place(s.port) as p:
        runner = p.start("queue", "run", stdin=b"")
        until(lambda: (p.spool / "heartbeat").exists(), "there is a heartbeat")
        done = p.send("--queue=always", "--wait=10", "bob@example.net")
        expect("sent " in done.out and len(s.messages()) == 1, "%s", done)
        done = p.send("--queue=always", "--wait=10", "permfail@example.net", status=(67, 69))
        expect("550" in done.err, "%s", done)
        kill(runner)
        done = p.ends(runner)
        expect(done.status == 0 and "event=sent" in done.err, "%s", done)
        done = p.send("--queue=always", "--wait=1", "bob@example.net")
        expect("still queued" in done.err and done.seconds < 4, "%s", done)


@case("changed configuration holds for the next message of a runner")
def changed():
    with Smarthost() as s, Stage(greeting="421 not now") as bad, Place(bad.port) as p:
        runner = p.start("queue", "run", "--quiet", stdin=b"")
        until(lambda: (p.spool / "heartbeat").exists(), "there is a heartbeat")
        p.send("--queue=always", "bob@example.net")
        until(lambda: bad.connections, "it was tried")
        p.configure(s.port)
        p.send("--queue=always", "carl@example.net")
        p.run("queue", "release", "all", stdin=b"")
        until(lambda: len(s.messages()) == 2, "both came", 20)
        kill(runner)
        p.ends(runner)


@case("--in and --at: held here; FUTURERELEASE is not asked for")
def later():
    with Smarthost() as s, Place(s.port) as p:
        p.know_runner()
        done = p.send("--in", "1h", "bob@example.net")
        expect(done.out.startswith("queued "), "%s", done)
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(s.messages() == [] and p.queued()[0]["state"] == "waiting", "%s", p.queued())
        p.send("--at", "2090-01-01T10:00Z", "bob@example.net", status=(64, 0))
        p.send("--in", "1s", "carl@example.net")
        time.sleep(2.1)
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(["carl@example.net"] in s.messages(), "%s", s.messages())
        p.send("--at", "yesterday", "bob@example.net", status=64)


@case("--id: the same key sends once, whatever became of the first")
def once():
    with Smarthost() as s, Place(s.port) as p:
        for _ in range(2):
            p.send("--id", "backup-1", "bob@example.net")
        expect(len(s.messages()) == 1, "%s", s.messages())
        p.send("--id", "backup-2", "bob@example.net")
        expect(len(s.messages()) == 2, "%s", s.messages())
        p.send("--id", "fails", "permfail@example.net", status=67)
        p.send("--id", "fails", "bob@example.net")
        expect(len(s.messages()) == 3, "a failure gives the key free")
        p.configure(1)
        p.send("--id", "later", "--queue", "bob@example.net")
        done = p.send("--id", "later", "--queue", "bob@example.net")
        expect(len(p.entries()) == 1 and "not sent again" in done.out, "%s", done)


@case("log: by id, Message-ID and address, as text and JSON")
def log():
    with Smarthost() as s, Place(s.port) as p:
        p.send("--queue=always", "bob@example.net", stdin=b"Message-ID: <m1@x>\n\nhi\n")
        name, = p.entries()
        p.run("queue", "flush", "--quiet", stdin=b"")
        p.send("--queue", "carl@example.net")
        for what in name, "<m1@x>", "m1@x", "bob@example.net":
            done = p.run("log", what, stdin=b"")
            expect(done.status == 0 and "queued" in done.out and "sent" in done.out and
                   "carl" not in done.out, "%s: %s", what, done)
        lines = [json.loads(line) for line in p.run("log", "--json", stdin=b"").out.splitlines()]
        expect([line["event"] for line in lines] == ["queued", "sent", "sent"], "%s", lines)
        done = p.run("log", "nobody@example.net", stdin=b"")
        expect(done.status == 66 and "nothing is known" in done.err, "%s", done)


@case("a listing opens few files, and shows the first before it opens the second")
def streaming():
    if not Tracing.works():
        return
    with Place() as p:
        fill(p, 500)
        t = Tracing(p, "queue", stdin=b"")
        opened = [i for i, line in enumerate(t.lines)
                  if line.startswith("openat") and re.search(r"/queue>?, \"[0-9a-z]{16}\"", line)]
        expect(len(opened) == 500, "%d were opened", len(opened))
        calls = t.lines[opened[0]:opened[-1]]
        expect(len(calls) / 499 <= 5.2, "%.2f calls for an entry", len(calls) / 499)
        written = [i for i, line in enumerate(t.lines) if line.startswith("write(1")]
        expect(written and written[0] < opened[1], "the first line waits")


@case("8 submitters and 2 runners at once: each message once")
def together():
    with Smarthost() as s, Place(s.port) as p:
        p.configure(s.port, "connections = 2")
        runners = [p.start("queue", "run", "--quiet", stdin=b"") for _ in range(2)]
        until(lambda: (p.spool / "heartbeat").exists(), "there is a heartbeat")
        processes = [p.start("--queue=" + mode, "n%d@example.net" % i)
                     for i, mode in enumerate(("always", "first", "on-failure", "auto") * 6)]
        for process in processes:
            done = p.ends(process, 60)
            expect(done.status == 0, "%s", done)
        until(lambda: p.entries() == [], "the queue is empty", 30)
        for runner in runners:
            kill(runner)
            p.ends(runner)
        came = sorted(who for message in s.messages() for who in message)
        expect(came == sorted("n%d@example.net" % i for i in range(24)), "%s", came)
