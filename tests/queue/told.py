"""What a person and a monitoring system are told of a queue: nothing is well that is not."""

import os
import shutil

from cases import case
from place import Place, Smarthost, expect, until
from shell import Person


def damage(p):
    """The only entry has other octets than it says."""
    path = p.spool / "queue" / p.entries()[0]
    octets = bytearray(path.read_bytes())
    octets[300] ^= 1
    path.write_bytes(octets)


@case("what was put aside as damaged is told of until it is removed")
def damaged():
    with Place() as p:
        p.send("--queue=always", "--quiet", "bob@example.net")
        damage(p)
        p.know_runner()
        expect(p.entries() == [] and len(p.entries("damaged")) == 1, "the runner puts it aside")
        where = str(p.spool / "damaged")
        for options in [], ["--json"], ["--quiet"]:
            done = p.run("queue", *options, stdin=b"")
            expect(done.status == 1 and "1 damaged message in " + where in done.err, "%s", done)
        done = p.run(name="mailq", stdin=b"")
        expect(done.status == 0 and where in done.err and "empty" in done.out, "%s", done)
        os.unlink(p.spool / "damaged" / p.entries("damaged")[0])
        done = p.run("queue", stdin=b"")
        expect(done.status == 0 and not done.err, "%s", done)


@case("a spool that lacks a directory is not taken for an empty one")
def lacking():
    with Place() as p:
        done = p.run("queue", stdin=b"")
        expect(done.status == 0 and "empty" in done.out, "no spool is an empty one: %s", done)
        p.send("--queue=always", "--quiet", "bob@example.net")
        for name in "failed", "damaged", "tmp":
            shutil.move(p.spool / name, p.home / "aside")
            done = p.run("queue", stdin=b"")
            expect(done.status == 78 and "lacks its directory " + name in done.err and
                   "empty" not in done.out, "%s", done)
            p.send("--queue=always", "--quiet", "bob@example.net")
            shutil.rmtree(p.home / "aside")
        expect(p.run("queue", stdin=b"").status == 0 and len(p.entries()) == 4, "made anew")


@case("an account that is not there, a configuration that cannot be read: no empty queue")
def unknown():
    with Place() as p:
        p.send("--queue=always", "--quiet", "bob@example.net")
        for command in ["queue"], ["queue", "flush"], ["queue", "run", "--once"], ["log"]:
            done = p.run(*command, "--account", "wrok", stdin=b"")
            expect(done.status == 78 and "there is no account wrok; there are: default" in
                   done.err and "empty" not in done.out, "%s", done)
        config = p.home / ".config/sendoff/config"
        config.write_text(config.read_text() + "bogus = 1\n")
        for command in ["queue"], ["log"]:
            done = p.run(*command, stdin=b"")
            expect(done.status == 78 and "config:7: bogus" in done.err and
                   "/var/" not in done.err and p.entries()[0] in done.out, "%s", done)
        # what does not depend on it is done
        for verb in "hold", "release", "remove":
            done = p.run("queue", verb, p.entries()[0], stdin=b"")
            expect(done.status == 0 and not done.err, "%s", done)


@case("what cannot be printed is no success, and is said")
def full():
    with Place() as p, open("/dev/full", "wb") as out:
        p.send("--queue=always", "--quiet", "bob@example.net")
        for command in ["queue"], ["queue", "--json"], ["queue", "show", p.entries()[0]], \
                ["queue", "hold", "all"]:
            done = p.ends(p.start(*command, stdin=b"", to=out))
            expect(done.status == 74 and "standard output cannot be written" in done.err,
                   "%s: %s", command, done)
        done = p.run("queue", "list", "failed", stdin=b"")
        expect(done.status == 0 and "No message has failed" in done.out, "%s", done)


@case("who was served and who waits: each with their own reason, in the receipt and in the log")
def reasons():
    with Place() as p, Smarthost() as s:
        p.configure(s.port)
        done = p.send("--queue", "permfail@example.net", "tempfail@example.net", "bob@example.net",
                      status=67)
        queued, = [line for line in done.out.splitlines() if line.startswith("queued ")]
        expect("451" in queued and "<tempfail@" in queued and "550" not in queued, "%s", done)
        log = p.run("log", stdin=b"").out
        expect("(127.0.0.1 refused the recipient <tempfail@" in log and "550" not in log, "%s", log)
        name, = p.entries()
        for what in "bob@example.net", name:
            log = p.run("log", what, stdin=b"")
            expect(log.status == 0 and "bob@example.net  accepted  250" in log.out, "%s", log)
        # nobody was served: nobody is said to be
        p.send("--queue", "tempfail@example.org", "tempfail@example.com")
        log = p.run("log", "tempfail@example.org", stdin=b"").out
        expect("queued" in log and "sent" not in log, "%s", log)


@case("a password that was missing is used as soon as it is there, wherever it comes from")
def stored():
    with Place() as p, Smarthost("--mechanisms", "PLAIN") as s:
        p.configure(s.port, "auth = plain", "allow-cleartext-auth = yes", "user = alice",
                    "keyring = no")
        p.know_runner()
        done = p.send("--queue", "bob@example.net")
        expect(done.out.startswith("held ") and "no password" in done.out, "%s", done)
        p.know_runner()
        p.send("bob@example.net", status=77)
        expect(p.accounts()[0]["state"] == "credentials" and len(p.entries()) == 1, "%s", done)
        # as the message says
        done = p.run("password", "--store=file", stdin=b"wonderland\n")
        expect(done.status == 0, "%s", done)
        p.know_runner()
        expect(p.entries() == [] and s.messages() == [["bob@example.net"]], "the runner waits")
        # the file is put there by other hands
        file, = (p.home / ".local/share/sendoff").iterdir()
        content = file.read_bytes()
        file.unlink()
        p.send("--queue", "bob@example.net")
        file.write_bytes(content)
        file.chmod(0o600)
        p.know_runner()
        expect(p.entries() == [] and len(s.messages()) == 2, "the runner waits")
        # where nobody can see it before it is asked for
        secret = p.home / "secret"
        p.configure(s.port, "auth = plain", "allow-cleartext-auth = yes", "user = alice",
                    "password-command = cat %s" % secret)
        p.send("--queue", "bob@example.net")
        held, before = p.accounts(), s.connections()
        p.send("--queue", "bob@example.net")
        expect(held[0]["held"] and s.connections() == before, "what is kept waits: %s", held)
        secret.write_bytes(content)
        p.send("bob@example.net")
        until(lambda: p.entries() == [], "what waits goes with it")
        expect(len(s.messages()) == 5 and p.accounts() == [], "%s", p.accounts())


@case("a recipient that looks like a mistyped command stays one, and a person is told")
def mistyped():
    words = {"chekc": "check", "quue": "queue", "stup": "setup", "logins": "login"}
    with Smarthost() as s, Place(s.port) as p:
        for word, command in words.items():
            note = '"%s" is taken for a recipient; the command is sendoff %s\n' % (word, command)
            with Person(p, word) as person:
                person.read(note)
                person.type("Hi.\n\x04")
                expect(person.status() == 0, "%s", person.text)
            # a script has no terminal
            done = p.send(word)
            expect("taken for" not in done.err, "%s", done)
        for argument in ["chekc@example.net"], ["bob"], ["--quiet", "chekc"], ["lo"]:
            with Person(p, *argument) as person:
                person.type("Hi.\n\x04")
                expect(person.status() == 0 and "taken for" not in person.text, "%s", person.text)
        expect(len(s.messages()) == 2 * len(words) + 4, "%s", s.messages())
    with Place() as p:
        (p.home / ".config/sendoff/config").unlink()
        with Person(p, "stup", "ann@example.org") as person:
            expect(person.status() == 78 and "the command is sendoff setup" in person.text,
                   "%s", person.text)
