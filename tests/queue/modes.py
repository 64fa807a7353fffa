"""Every situation of the table of modes: what is kept, what is told, with which exit status."""

import datetime
import os
import re
import signal
import time

from cases import case
from place import (MESSAGE, Place, Smarthost, Stage, Tracing, expect, kill, silent_at, until)


def seconds_until(when):
    """How far away a time of the queue's JSON is."""
    return datetime.datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp() - time.time()


@case("never: the exit status, nothing kept, no file made")
def never():
    with Place() as p:
        p.send("--queue=never", "bob@example.net", status=75)
        expect(not p.spool.exists(), "there is a spool")
    with Place() as p:
        p.configure(1, "queue = never")
        p.know_runner()
        before = p.entries()
        p.send(status=75)
        p.send("bob@example.net", name="sendmail", status=75)
        expect(p.entries() == before == [], "something was kept: %s", p.entries())


@case("auto: as never where no runner is known, as on-failure where one is")
def auto():
    with Place() as p:
        done = p.send(status=75)
        expect("unable to send" in done.err, "nothing was said: %s", done)
        expect(not p.spool.exists(), "there is a spool")
        p.know_runner()
        done = p.send()
        expect(re.match(r"queued [0-9a-z]{16}: cannot connect", done.out), "%s", done)
        expect("warning" not in done.err, "a runner is known: %s", done)
        expect(len(p.entries()) == 1, "it was not kept")
        p.send("bob@example.net", name="sendmail")
        expect(len(p.entries()) == 2, "it was not kept under the name sendmail")


@case("on-failure: kept whether a runner is known or not, with a warning where none is")
def on_failure():
    with Place() as p:
        done = p.send("--queue", "bob@example.net")
        expect("no runner is known" in done.err, "%s", done)
        expect(len(p.queued()) == 1, "%s", p.queued())
        p.configure(1, "queue = on-failure")
        done = p.send("bob@example.net", name="sendmail")
        expect(not done.out and not done.err, "sendmail spoke: %s", done)
        done = p.send("-v", "bob@example.net", name="sendmail")
        expect("queued " in done.out, "sendmail -v did not say: %s", done)


@case("delivery at once: no flush, no name in the queue, for auto and on-failure")
def delivered_at_once():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        p.know_runner()
        for option in "--queue=auto", "--queue=on-failure":
            p.send(option, "bob@example.net")
        expect(p.entries() == [], "something is left: %s", p.entries())
        if not Tracing.works():
            return
        for option in "--queue=auto", "--queue=on-failure":
            t = Tracing(p, option, "bob@example.net")
            expect(t.done.status == 0, "%s", t.done)
            expect(t.count("fsync", "fdatasync", "syncfs", "sync") == 0, "it flushes")
            names = t.calls("linkat", "renameat2", "rename", "link", "mkdirat", "mkdir")
            expect(not names, "it makes names: %s", names)


@case("first and always: kept before the attempt, or without one")
def first_and_always():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        p.send("--queue=first", "bob@example.net")
        expect(p.entries() == [] and len(s.messages()) == 1, "%s %s", p.entries(), s.messages())
        p.send("--queue=always", "carl@example.net")
        expect(len(p.entries()) == 1 and len(s.messages()) == 1, "it was sent")
        p.send("dora@example.net", "-odq", name="sendmail")
        expect(len(p.entries()) == 2, "-odq did not queue")
        p.send("-q", name="sendmail", stdin=b"")
        expect(p.entries() == [] and len(s.messages()) == 3, "sendmail -q: %s", s.messages())
        if Tracing.works():
            t = Tracing(p, "--queue=first", "bob@example.net")
            expect(t.count("fsync", "fdatasync") == 3,
                   "file and directory, and the directory: %s", t.calls("fsync", "fdatasync"))
            t = Tracing(p, "--queue=always", "bob@example.net")
            expect(t.count("fsync", "fdatasync") == 2, "%s", t.calls("fsync", "fdatasync"))
    with Place() as p:
        done = p.send("--queue=first", "bob@example.net")
        expect(len(p.entries()) == 1 and "queued" in done.out, "%s", done)


@case("refused for now: that recipient is kept, with the words, and tried again later")
def temporary_recipient():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        done = p.send("--queue", "bob@example.net", "tempfail@example.net")
        expect("sent to 1 of 2" in done.out and "queued" in done.out, "%s", done)
        one, = p.queued()
        expect([r["address"] for r in one["recipients"]] == ["tempfail@example.net"], "%s", one)
        expect(one["recipients"][0]["code"] == 451 and one["attempts"] == 1, "%s", one)
        expect(one["next"] > one["created"], "it is due at once: %s", one)
        done = p.send("--queue", "--json", "bob@example.net", "tempfail@example.net")
        expect('"state":"queued"' in done.out and '"status":"queued"' in done.out, "%s", done)


@case("some refused for good: their status, the others queued; as sendmail failed/ has them")
def refused_recipient():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        who = ("bob@example.net", "tempfail@example.net", "permfail@example.net")
        p.send("--queue", *who, status=67)
        expect(len(p.entries()) == 1 and p.entries("failed") == [], "as sendoff")
        p.configure(s.port, "queue = on-failure")
        p.send(*who, name="sendmail", status=67)
        expect(len(p.entries()) == 2 and len(p.entries("failed")) == 1, "as sendmail")
        one, = p.queued("failed")
        expect([r["address"] for r in one["recipients"]] == ["permfail@example.net"], "%s", one)
        p.run("queue", "remove", "all", stdin=b"")
        p.send("-oem", "permfail@example.net", name="sendmail", status=67)
        expect(len(p.entries("failed")) == 2, "%s", p.entries("failed"))
        # it leaves on the connection that is open
        until(lambda: ["ann@example.org"] in s.messages(), "-oem makes a notification")
        expect(b"Content-Type: multipart/report" in s.contents()[-1], "%s", s.contents()[-1])


@case("lasting faults of the account: as sendoff their status, with --queue and as sendmail held")
def lasting():
    with Smarthost("--mechanisms", "PLAIN") as s, Place() as p:
        secret = p.home / "secret"
        secret.write_text("wrong\n")
        secret.chmod(0o600)
        lines = ("auth = plain", "allow-cleartext-auth = yes", "user = alice",
                 "password-file = %s" % secret, "log = %s" % (p.home / "log"))
        p.configure(s.port, *lines)
        p.know_runner()
        p.send(status=77)
        expect(p.entries() == [], "it was kept")
        done = p.send("--queue", "bob@example.net")
        expect(done.out.startswith("held "), "%s", done)
        p.send("bob@example.net", name="sendmail")
        expect(len(p.entries()) == 2, "%s", p.entries())
        account, = p.accounts()
        expect(account["state"] == "credentials" and account["held"], "%s", account)
        listing = p.run("queue", stdin=b"")
        expect(listing.status == 1 and "account default" in listing.out, "%s", listing)
        listing = p.run(name="mailq", stdin=b"")
        expect(listing.status == 0 and "account default" in listing.out, "%s", listing)
        # it is not tried again before something changes
        before = s.connections()
        p.run("queue", "run", "--once", stdin=b"")
        expect(s.connections() == before, "it was tried with the same password")
        secret.write_text("wonderland\n")
        p.run("queue", "run", "--once", stdin=b"")
        expect(p.entries() == [] and len(s.messages()) == 2, "%s", s.messages())


@case("broken configuration as sendmail: kept and held, sent when it is mended")
def broken():
    with Smarthost() as s, Place() as p:
        p.configure(s.port, "queue = on-failure")
        p.know_runner()
        p.configure(s.port, "user = alice", "auth = plain", "queue = on-failure")
        p.send(status=78)
        done = p.send("bob@example.net", name="sendmail")
        expect(not done.err and len(p.entries()) == 1, "%s", done)
        expect(p.accounts()[0]["state"] == "configuration", "%s", p.accounts())
        p.configure(s.port, "queue = on-failure")
        p.run("queue", "run", "--once", stdin=b"")
        expect(p.entries() == [] and len(s.messages()) == 1, "%s", p.queued())


@case("the answer to the end of data is lost: kept as in doubt, one late retry")
def uncertain():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        done = p.send("--queue", "lost@example.net")
        expect("may have been delivered" in done.out, "%s", done)
        one, = p.queued()
        expect(one["recipients"][0]["status"] == "in_doubt" or
               "doubt" in one["recipients"][0]["status"], "%s", one)
        expect("uncertain" in p.events(), "%s", p.events())
        p.send("lost@example.net", "--queue=never", status=75)


@case("uncertain = drop: taken as sent, whichever way it is tried; who was refused is kept")
def uncertain_drop():
    with Place() as p, Smarthost() as s:
        p.configure(s.port, "uncertain = drop")
        p.know_runner()
        for mode in "--queue", "--queue=first":
            done = p.send(mode, "lost@example.net")
            expect("taken as sent" in done.err and not p.entries(), "%s: %s", mode, done)
            expect(p.events()[-1:] == ["dropped"], "%s: %s", mode, p.events())
        # one message for each transaction: the answer for one is lost, the other is refused
        done = p.send("--queue", "lost@example.net", "tempfail@example.net")
        one, = p.queued()
        expect([r["address"] for r in one["recipients"]] == ["tempfail@example.net"], "%s", one)
        expect("sent to 1 of 2" in done.out, "%s", done)


@case("an open breaker queues without connecting")
def breaker():
    with Stage(greeting="421 not now") as s, Place(s.port) as p:
        p.know_runner()
        p.send()
        expect(s.connections == 1, "%d connections", s.connections)
        # until the pause, which is drawn by lot, is one that the rest of the case fits into
        while seconds_until(p.accounts()[0]["next"]) < 8:
            p.due_now()
            p.send()
        connections, entries = s.connections, len(p.entries())
        for _ in range(3):
            done = p.send()
            expect("421 not now" in done.out, "%s", done)
        expect(s.connections == connections, "%d connections", s.connections)
        expect(len(p.entries()) == entries + 3, "%s", p.entries())
        account, = p.accounts()
        expect(all(one["next"] >= account["next"] for one in p.queued()), "%s", p.queued())
        done = p.run("queue", stdin=b"")
        expect("[default: waits for the account, next try in " in done.out and
               "due" not in done.out, "%s", done)


@case("connections are counted: who gets none within the budget is queued")
def slots():
    with Stage(silent_at(".")) as s, Place(s.port) as p:
        p.configure(s.port, "connections = 1")
        p.know_runner()
        busy = p.start("bob@example.net")
        until(lambda: s.heard("."), "the first is sending")
        done = p.send("--budget", "1", "bob@example.net")
        expect("in use" in done.out and 0.9 < done.seconds < 5, "%s", done)
        expect(s.connections == 1, "%d connections", s.connections)
        kill(busy)
        expect(p.ends(busy).status == 0, "the first was not kept")


@case("the budget ends before the content begins, and not after")
def budget():
    for stage in "EHLO", "MAIL", "RCPT", "DATA":
        with Stage(silent_at(stage)) as s, Place(s.port) as p:
            p.know_runner()
            done = p.send("--budget", "1", "bob@example.net")
            expect(done.out.startswith("queued ") and 0.9 < done.seconds < 6, "%s: %s", stage, done)
    with Stage(greeting=None) as s, Place(s.port) as p:
        p.know_runner()
        done = p.send("--budget", "1", "bob@example.net")
        expect(done.out.startswith("queued ") and done.seconds < 6, "greeting: %s", done)

    def slow(line):
        if line == ".":
            time.sleep(2)
    with Stage(slow) as s, Place(s.port) as p:
        p.know_runner()
        done = p.send("--budget", "1", "bob@example.net")
        expect(done.out.startswith("sent to") and p.entries() == [], "%s", done)


@case("signals behind the end of input: kept, in doubt behind the end of data")
def signals():
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
        for stage, name in (("MAIL", "sendmail"), (".", "sendmail"), (".", "sendoff"),
                            ("EHLO", "sendmail")):
            with Stage(silent_at(stage)) as s, Place(s.port) as p:
                p.know_runner()
                process = p.start("bob@example.net", name=name)
                until(lambda: s.heard(stage), "%s is reached" % stage)
                time.sleep(0.05)
                kill(process, number)
                done = p.ends(process)
                what = "%s %s %s" % (number.name, stage, name)
                expect(done.status == 0, "%s: %s", what, done)
                one, = p.queued()
                doubt = "doubt" in one["recipients"][0]["status"]
                expect(doubt == (stage == "."), "%s: %s", what, one)


@case("SIGINT as sendoff before the end of data: nothing kept, ended by the signal")
def resigned():
    for mode in "--queue=on-failure", "--queue=first":
        with Stage(silent_at("MAIL")) as s, Place(s.port) as p:
            process = p.start(mode, "bob@example.net")
            until(lambda: s.heard("MAIL"), "MAIL is reached")
            time.sleep(0.05)
            kill(process, signal.SIGINT)
            done = p.ends(process)
            expect(done.status == -signal.SIGINT, "%s: %s", mode, done)
            expect(p.entries() == [], "%s: something was kept", mode)


@case("before the end of input a signal ends it, and nothing is kept")
def early_signal():
    with Smarthost() as s, Place(s.port) as p:
        p.know_runner()
        process = p.start("bob@example.net", name="sendmail", stdin=None)
        process.stdin.write(MESSAGE)
        process.stdin.flush()
        time.sleep(0.3)
        kill(process)
        expect(process.wait(60) == -signal.SIGTERM, "status %s", process.returncode)
        process.stdin.close()
        process.stdout.close()
        process.stderr.close()
        expect(p.entries() == [] and s.messages() == [], "something was kept")


@case("a spool that cannot be used: delivered all the same; 75 where that fails too")
def no_spool():
    with Smarthost() as s, Place(s.port) as p:
        (p.home / "file").write_text("")
        p.configure(s.port, "queue-dir = %s/file/spool" % p.home)
        for mode in "on-failure", "first", "always":
            done = p.send("--queue=" + mode, "bob@example.net")
            expect("sent to" in done.out, "%s: %s", mode, done)
        expect(len(s.messages()) == 3, "%s", s.messages())
        p.configure(1, "queue-dir = %s/file/spool" % p.home)
        done = p.send("--queue", "bob@example.net", status=75)
        expect("could not be queued" in done.err, "%s", done)


@case("no disk takes the message: delivered from memory up to 16 MiB, else refused at once")
def from_memory():
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))
    with Smarthost() as s, Place(s.port) as p:
        body = b"Subject: big\n\n" + b"0123456789abcdef\n" * 300000
        done = p.send("--queue", "bob@example.net", stdin=body, preexec_fn=limit)
        expect("sent to" in done.out, "%s", done)
        got, = s.contents()
        expect(got.endswith(b"0123456789abcdef\r\n" * 300000), "it was changed")
        p.send("--queue", "bob@example.net", stdin=body * 5, status=(74, 75), preexec_fn=limit)
        expect(len(s.messages()) == 1 and p.entries() == [], "something came of it")


@case("a large message is linked into the queue, not copied, and arrives whole")
def large():
    with Place() as p, Smarthost() as s:
        body = b"Subject: big\n\n" + b"0123456789abcdef\n" * 120000
        (p.home / "message").write_bytes(body)
        p.send("--queue=always", "bob@example.net", stdin=body)
        if Tracing.works():
            t = Tracing(p, "--queue=always", "bob@example.net", stdin=body)
            big = [line for line in t.calls("write", "pwrite64", "pwritev", "pwritev2")
                   if re.search(r" = \d{6,}$", line)]
            total = sum(int(line.rsplit("= ", 1)[1]) for line in big)
            expect(total < 1.2 * len(body), "%d octets were written for %d", total, len(body))
        p.configure(s.port)
        p.run("queue", "flush", stdin=b"")
        expect(p.entries() == [], "%s", p.queued())
        expect(all(got.endswith(b"0123456789abcdef\r\n" * 120000) for got in s.contents()) and
               s.contents(), "it was changed")


@case("what the command line alone knows of the smarthost is not queued")
def command_line():
    with Place() as p:
        p.know_runner()
        plain = ("--host", "127.0.0.1", "--port", "1", "--tls", "none", "--auth", "none",
                 "-f", "ann@example.org")
        p.send(*plain, "bob@example.net", status=75)
        done = p.send(*plain, "--queue", "bob@example.net", status=64)
        expect("configuration file" in done.err, "%s", done)
        expect(p.entries() == [], "%s", p.entries())


@case("the real home is left alone, and what is made is nobody else's")
def modes_of_files():
    with Place() as p:
        os.umask(0)
        p.send("--queue", "bob@example.net")
        os.umask(0o022)
        for path in [p.spool, *p.spool.rglob("*")]:
            expect(path.stat().st_mode & 0o077 == 0, "%s is open to others: %o", path,
                   path.stat().st_mode)
