"""Mail is sent with tokens."""

import json
import time

from cases import case
from flows import Stage
from place import expect, until
from renewal import age, renewals
from room import Mail, Room


class Post(Stage):
    """A stage with a mail server."""

    def __init__(self, *lines, mechanisms="XOAUTH2 OAUTHBEARER", **more):
        super().__init__(*lines, **more)
        self.mail = Mail(self.server, mechanisms)
        self.room.mail = self.mail
        self.room.configure()

    def __enter__(self):
        return self.server, self.room, self.mail

    def __exit__(self, *_):
        self.mail.__exit__()
        super().__exit__()


@case("auth = auto takes a mechanism for tokens: OAUTHBEARER of both, XOAUTH2 where that is all")
def mechanisms():
    for offered, taken in (("PLAIN XOAUTH2 OAUTHBEARER", "OAUTHBEARER"),
                           ("LOGIN XOAUTH2", "XOAUTH2"), ("OAUTHBEARER", "OAUTHBEARER")):
        with Post(mechanisms=offered) as (tokens, room, mail):
            room.login("--browser")
            room.send()
            expect(mail.logins == [(taken, "alice@example.org", tokens.grants.issued[-1], True)],
                   "%s", mail.logins)
            expect(len(mail.messages) == 1, "no message came")
    with Post(mechanisms="PLAIN LOGIN") as (tokens, room, mail):
        room.login("--browser")
        done = room.send(status=69)
        expect(not mail.logins and "offers no mechanism" in done.err, "%s", done)


@case("the token is renewed before the smarthost is connected to")
def renewed_before():
    with Post() as (tokens, room, mail):
        room.login("--browser")
        age(room)
        room.send()
        expect(len(renewals(tokens)) == 1 and len(mail.logins) == 1, "%s", mail.logins)
        age(room)
        tokens.set(outage="503")
        done = room.send(status=75)
        expect(mail.connections == 1 and "account work" in done.err, "%s", done)


@case("one that is refused is renewed once, and used over a new connection; then 77")
def forced():
    with Post() as (tokens, room, mail):
        room.login("--browser")
        room.token()
        mail.refuse = 1
        done = room.send()
        expect(len(renewals(tokens)) == 1 and [one[3] for one in mail.logins] == [False, True] and
               mail.connections == 2, "%s: %s", mail.logins, done)
        mail.refuse = 10
        done = room.send(status=77)
        expect(len(renewals(tokens)) == 2 and len(mail.logins) == 4, "%s", mail.logins)
        expect("sendoff login work" in done.err, "%s", done)
        # one that was made for this very connection is not made again
        age(room)
        mail.logins.clear()
        room.send(status=77)
        expect(len(renewals(tokens)) == 3 and len(mail.logins) == 1, "%s", mail.logins)
        mail.refuse = 1
        tokens.set(outage="503")
        done = room.send(status=75)
        expect(len(mail.messages) == 1, "%s", done)


@case("the queue holds the account while access is gone, and a login sets it free")
def held():
    with Post("queue = on-failure") as (tokens, room, mail):
        room.login("--browser")
        age(room)
        tokens.set(revoke=True)
        done = room.send("--queue", "bob@example.net")
        expect(done.out.startswith("held ") and "sendoff login work" in done.out, "%s", done)
        room.run("queue", "run", "--once", "--quiet", stdin=b"")
        accounts = room.accounts()
        expect(len(accounts) == 1 and "sendoff login work" in json.dumps(accounts), "%s", accounts)
        expect(not mail.connections, "it was connected for nothing")
        room.login("--browser")
        room.run("queue", "run", "--once", "--quiet", stdin=b"")
        until(lambda: not room.entries(), "the queue is empty")
        expect(len(mail.messages) == 1, "%d came", len(mail.messages))


@case("a runner that is at work is told of the login at once")
def told():
    with Post("queue = on-failure") as (tokens, room, mail):
        room.login("--browser")
        age(room)
        tokens.set(revoke=True)
        runner = room.start("queue", "run", stdin=b"")
        try:
            room.send("--queue", "bob@example.net")
            until(room.accounts, "the account is held")
            room.login("--browser")
            until(lambda: len(mail.messages) == 1, "it has left")
        finally:
            runner.terminate()
            room.ends(runner)


@case("the runner sends many over one connection with one token")
def many():
    with Post() as (tokens, room, mail):
        room.login("--browser")
        for _ in range(5):
            room.send("--queue=always", "bob@example.net")
        age(room)
        done = room.run("queue", "flush", "--quiet", stdin=b"")
        expect(done.status == 0 and len(mail.messages) == 5, "%s", done)
        expect(len(renewals(tokens)) == 1 and len(mail.logins) <= 2, "%s", mail.logins)


@case("SMTP on standard input: a token that is refused is renewed there too")
def dialogue():
    with Post() as (tokens, room, mail):
        room.login("--browser")
        mail.refuse = 1
        done = room.run("-bs", name="sendmail", stdin=b"EHLO a\r\nMAIL FROM:<alice@example.org>\r\n"
                        b"RCPT TO:<bob@example.net>\r\nDATA\r\nSubject: x\r\n\r\nHi\r\n.\r\nQUIT\r\n")
        expect(len(mail.messages) == 1 and len(renewals(tokens)) == 1, "%s: %s", mail.logins, done)


@case("a connection that lingers is not used after a logout")
def lingering():
    with Post("linger = 20s") as (tokens, room, mail):
        room.login("--browser")
        room.send()
        room.send()
        expect(mail.connections == 1, "it did not linger: %d", mail.connections)
        room.command("logout", "work")
        done = room.send(status=77)
        expect("sendoff login work" in done.err, "%s", done)


@case("a fallback stands in while access is gone")
def fallback():
    with Post("fallback = other") as (tokens, room, mail):
        room.login("--browser")
        age(room)
        tokens.set(revoke=True)
        path = room.home / ".config/sendoff/config"
        path.write_text(path.read_text() + "[account other]\nhost = 127.0.0.1\nport = %d\n"
                        "tls = none\nauth = none\nfrom = ann@example.org\n" % mail.port)
        mail.open = True
        done = room.run("-a", "work", "--json", "bob@example.net")
        expect(done.status == 0 and len(mail.messages) == 1 and "sendoff login work" in done.out, "%s", done)


def found(room, name, state, words="", *arguments):
    """What the doctor says of one thing."""
    done = room.command("check", "--json", *arguments)
    findings = [f for f in json.loads(done.out)["findings"]
                if f"{f['section']}/{f['name']}={f['state']}" == f"{name}={state}"]
    expect(findings and words in f"{findings[0]['text']} {findings[0]['remedy']}", "%s: %s", name,
           done)
    expect(all(token not in done.out for _, text in room.stored() for token in text.split()
               if len(token) > 30), "a token is told")
    return done


@case("the doctor tells what access there is, and logs in by it")
def doctor():
    with Post() as (tokens, room, mail):
        done = found(room, *"secrets/token=failure".split("="), "sendoff login work")
        expect(done.status == 77 and not mail.logins, "nobody logged in: %s", done)
        room.login("--browser")
        done = found(room, *"secrets/token=ok".split("="), "can be renewed")
        expect(done.status == 0 and len(mail.logins) == 1 and not mail.messages, "%s", done)
        found(room, "login/login", "ok")
        age(room)
        found(room, "secrets/token", "ok", "can be renewed", "--offline")
        expect(len(renewals(tokens)) == 0, "offline nobody is asked")
        tokens.set(outage="503")
        done = found(room, "secrets/source", "failure")
        expect(done.status == 75, "%s", done)
