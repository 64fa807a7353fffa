"""What a message asks for beyond delivery stays with it in the queue."""

import re
import time

from cases import case
from place import Place, Stage, expect, until

OFFERS = "250-stage\r\n250-DELIVERBY 1\r\n250-MT-PRIORITY\r\n250-FUTURERELEASE 9999999\r\n250 AUTH PLAIN"


def offers(line):
    return OFFERS if line.startswith("EHLO") else None


def clock_reaches(when):
    """What is measured is the time that passes, in whole seconds."""
    until(lambda: time.time() > when, "the clock stands still", seconds=60)


def mails(stage):
    return [line for line in list(stage.lines) if line.startswith("MAIL ")]


@case("an entry carries them, shows them, and each attempt asks for them anew")
def carried():
    with Place() as p:
        before = time.time()
        p.send("--queue", "--deliver-by", "1h,return", "--priority", "-3", "--mail-auth",
               "carol@example.org", "bob@example.net")
        after = time.time()
        [entry] = p.queued()
        wishes = entry["wishes"]
        expect(wishes["priority"] == -3 and wishes["mail_auth"] == "carol@example.org" and
               wishes["late"] == "return" and "require_tls" not in wishes, "%s", wishes)
        shown = p.run("queue", "show", entry["entry"], stdin=b"").out
        expect("\npriority: -3\n" in shown and "\nmail-auth: carol@example.org\n" in shown and
               re.search(r"\ndeliver-by: \S+, else return\n", shown), "%s", shown)
        clock_reaches(after + 3)
        refuses = iter(["451 4.3.0 later", None])
        with Stage(lambda line: next(refuses) if line.startswith("RCPT") else offers(line)) as s:
            p.configure(s.port)
            p.run("queue", "flush", "--quiet", stdin=b"")
            expect(len(p.entries()) == 1, "%s", p.queued())
            expect(p.queued()[0]["wishes"] == wishes, "%s", p.queued())
            p.due_now()
            p.run("queue", "flush", "--quiet", stdin=b"")
            expect(p.entries() == [], "%s", p.queued())
            said = mails(s)
        expect(len(said) == 2, "%s", said)
        for line in said:
            found = re.search(r"> BY=(\d+);R MT-PRIORITY=-3 AUTH=carol@example.org$", line)
            expect(found, "%s", line)
            left = int(found.group(1))
            expect(3600 - (time.time() - before) - 2 <= left <= 3600 - 3, "%d are left", left)


@case("without wishes there are none, and those of one message are not another's")
def kept_apart():
    with Place() as p:
        p.send("--queue", "--priority", "4", "bob@example.net")
        p.send("--queue", "carol@example.net")
        expect(sorted(len(entry["wishes"]) for entry in p.queued()) == [0, 1], "%s", p.queued())
        with Stage(offers) as s:
            p.configure(s.port)
            p.run("queue", "flush", "--quiet", stdin=b"")
            said = dict(zip([line[9:12] for line in s.lines if line.startswith("RCPT")],
                            mails(s)))
            expect(s.connections == 1, "%d connections", s.connections)
        expect(said["bob"].endswith(" MT-PRIORITY=4") and said["car"].endswith(">"), "%s", said)


@case("REQUIRETLS is never dropped: it comes back, its header only, even to a server without it")
def require_tls():
    with Place() as p:
        p.send("--queue", "--require-tls", "--dsn-return", "full", "bob@example.net",
               stdin=b"Subject: hello\n\nThe secret.\n")
        # what the account says by now changes nothing
        with Stage() as s:
            p.configure(s.port, "require-tls = no")
            p.due_now()
            p.run("queue", "flush", "--quiet", stdin=b"")
            p.run("queue", "flush", "--quiet", stdin=b"")
            said = mails(s)
        expect(said == ["MAIL FROM:<>"], "%s", said)
        expect(p.entries() == [] and len(p.entries("failed")) == 1, "%s", p.queued())
        text = p.run("queue", "list", "failed", stdin=b"").out
        expect("require-tls asks for verified TLS" in text, "%s", text)


@case("a notification about it returns no body, and asks for TLS where it is offered")
def require_tls_notice():
    with Place() as p:
        p.send("--queue", "--require-tls", "--dsn-return", "full", "bob@example.net",
               stdin=b"Subject: hello\n\nThe secret.\n")
        with Stage(lambda line: "451 no" if line == "MAIL FROM:<>" else None) as s:
            p.configure(s.port)
            p.due_now()
            p.run("queue", "flush", "--quiet", stdin=b"")
            p.run("queue", "flush", "--quiet", stdin=b"")
        [notice] = p.queued()
        expect(notice["wishes"] == {"require_tls": "if-offered"}, "%s", notice)
        raw = (p.spool / "queue" / notice["entry"]).read_bytes()
        expect(b"text/rfc822-headers" in raw and b"The secret" not in raw, "%s", raw)
        expect(b"Status: 5.7.30" in raw, "%s", raw)


@case("deliver-by with return: when the time is over it comes back, even where nobody is reached")
def late_returned():
    with Place() as p:
        p.send("--queue", "--deliver-by", "1s,return", "bob@example.net")
        expect(len(p.accounts()) == 1, "the account waits: %s", p.accounts())
        clock_reaches(time.time() + 2)
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(len(p.entries("failed")) == 1, "%s", p.listed())
        [notice] = p.queued()
        expect(notice["sender"] == "" and notice["recipients"][0]["address"] == "ann@example.org",
               "%s", notice)
        raw = (p.spool / "queue" / notice["entry"]).read_bytes()
        expect(b"Status: 5.4.7" in raw and b"Action: failed" in raw, "%s", raw)
        expect(b"deliver-by" in raw and b"queue retry" not in raw, "%s", raw)


@case("deliver-by with return: a message refused for now is looked at again when its time is over")
def late_after_refusal():
    with Place() as p, Stage(lambda line: "451 4.3.0 later" if line.startswith("RCPT")
                             else offers(line)) as s:
        p.configure(s.port)
        before = time.time()
        p.send("--queue", "--deliver-by", "60s,return", "bob@example.net")
        [name] = p.entries()
        due = (p.spool / "queue" / name).stat().st_mtime
        expect(before + 58 <= due <= time.time() + 61, "it is due %d s later", due - before)


@case("deliver-by with notify: what is late goes on, with less than no time; its sender is told once")
def late_notified():
    answers = iter(["451 4.3.0 later", "451 4.3.0 later", None, None, None])
    with Place() as p:
        p.send("--queue", "--deliver-by", "1s,notify", "bob@example.net")
        clock_reaches(time.time() + 2)
        with Stage(lambda line: next(answers) if line == "RCPT TO:<bob@example.net>"
                   else offers(line)) as s:
            p.configure(s.port)
            for _ in range(3):
                p.due_now()
                p.run("queue", "flush", "--quiet", stdin=b"")
            expect(p.entries() == [] and p.entries("failed") == [], "%s", p.listed())
            said = mails(s)
        late = [line for line in said if re.search(r"ann@example.org> BY=(-\d+|0);N$", line)]
        notices = [line for line in said if line == "MAIL FROM:<>"]
        expect(len(late) == 3 and len(notices) == 1, "%s", said)
        expect(p.events().count("warned") == 1, "%s", p.events())


@case("a message that the server is to hold is held by it later, too")
def held_by_server():
    with Place() as p:
        p.send("--queue", "--in", "2h", "--hold-by", "server", "bob@example.net")
        expect(len(p.entries()) == 1 and "hold_until" in p.queued()[0]["wishes"], "%s", p.queued())
        with Stage(offers) as s:
            p.configure(s.port)
            p.due_now()
            p.run("queue", "flush", "--quiet", stdin=b"")
            said = mails(s)
        expect(len(said) == 1 and re.search(r" HOLDFOR=7[01]\d\d$| HOLDFOR=7200$", said[0]),
               "%s", said)


@case("a time to be delivered by counts from when the message may leave")
def later_and_by():
    with Place() as p:
        p.send("--queue", "--in", "2h", "--deliver-by", "1h,return", "bob@example.net")
        [entry] = p.queued()
        p.run("queue", "run", "--once", "--quiet", stdin=b"")
        expect(p.entries() == [entry["entry"]] and entry["state"] == "waiting", "%s", p.listed())


@case("mistakes in them are told before anything is kept")
def mistakes():
    with Place() as p:
        done = p.send("--queue=always", "--priority", "12", "bob@example.net", status=64)
        expect("is no number from -9 to 9" in done.err and p.entries() == [], "%s", done)
