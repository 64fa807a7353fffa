"""What a script sees, and a person at a terminal: output that cannot be written, objects, notes."""

import json
import os
import pty
import select
import signal
import time

from cases import case
from place import MESSAGE, Place, Smarthost, expect

MSMTPRC = """
defaults
tls off

account good
host 127.0.0.1
port %d
from ann@example.org

account shell : good
from carl@example.org
auth on
user carl
passwordeval "pass show mail | head -n1"

account default : good
"""


class Person:
    """Somebody who waits for what the program says, and types. The program ends with the case."""

    def __init__(self, place, *arguments):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(place.home)
            argv = place.argv("sendoff", arguments)
            os.execve(argv[0], argv, place.environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read(self, text=None, seconds=60):
        """Reads until TEXT was printed, or to the end."""
        limit = time.monotonic() + seconds
        while text is None or text not in self.text:
            left = limit - time.monotonic()
            expect(left > 0, "not said within %s s: %s", seconds, self.text)
            if not select.select([self.fd], [], [], left)[0]:
                continue
            try:
                octets = os.read(self.fd, 65536)
            except OSError:
                octets = b""
            if not octets:
                expect(text is None, "it ended without %r: %s", text, self.text)
                break
            self.text += octets.decode(errors="replace").replace("\r\n", "\n")

    def type(self, text):
        os.write(self.fd, text.encode())

    def status(self):
        self.read()
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


@case("output that cannot be written is a failure, but a receipt's is not the message's")
def full():
    with Smarthost() as s, Place(s.port) as p:
        p.send("--queue=always", "bob@example.net")
        full_up = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
        for arguments in (["accounts"], ["accounts", "--json"], ["queue"], ["queue", "--json"],
                          ["log"], ["check", "--offline"], ["help"], ["--help"], ["--version"],
                          ["--dry-run", "bob@example.net"],
                          ["--dry-run", "--json", "bob@example.net"]):
            done = p.run(*arguments, before=full_up)
            expect(done.status == 74, "%s: %s", arguments, done)
        for more in [], ["--json"]:
            done = p.run("carl@example.net", *more, before=full_up)
            expect(done.status == 0 and "the receipt could not be written" in done.err, "%s", done)
        expect(s.messages().count(["carl@example.net"]) == 2, "%s", s.messages())


@case("--dry-run and --id give objects too")
def objects():
    with Smarthost() as s, Place(s.port) as p:
        p.know_runner()
        done = p.send("--dry-run", "--json", "bob@example.net", "carl@example.net")
        shown = json.loads(done.out)
        expect(shown["state"] == "dry run" and shown["status"] == 0 and shown["host"] is None and
               [r["address"] for r in shown["recipients"]] == ["bob@example.net",
                                                               "carl@example.net"] and
               {r["status"] for r in shown["recipients"]} == {"pending"} and
               shown["size"] > len(MESSAGE) and not s.messages(), "%s", done)
        first = json.loads(p.send("--json", "--id", "key", "bob@example.net").out)
        again = json.loads(p.send("--json", "--id", "key", "bob@example.net").out)
        expect(again["state"] == "done before" and again["status"] == 0 and
               first["message_id"] in again["outcome"], "%s", again)
        done = p.send("--id", "key", "bob@example.net")
        expect(done.out == "not sent again: %s\n" % again["outcome"], "%s", done)
        expect(len(s.messages()) == 1, "%s", s.messages())


@case("-s is the subject, as with mail; to sendmail it is nothing")
def subject():
    with Smarthost() as s, Place(s.port) as p:
        p.send("-s", "Disk full", "bob@example.net", stdin=b"Really.\n")
        expect(s.messages() == [["bob@example.net"]] and
               b"\r\nSubject: Disk full\r\n" in s.contents()[0] and
               s.contents()[0].endswith(b"\r\n\r\nReally.\r\n"), "%s", s.contents())
        p.send("-s", "carl@example.net", name="sendmail")
        expect(s.messages()[1:] == [["carl@example.net"]] and
               b"\r\nSubject: hello\r\n" in s.contents()[1], "%s", s.contents())


@case("help, as a word")
def help_word():
    with Place() as p:
        for words, like in (["help"], ["--help"]), (["help", "all"], ["--help", "all"]), \
                (["help", "queue"], ["queue", "--help"]):
            done, other = p.run(*words, stdin=b""), p.run(*like, stdin=b"")
            expect(done.status == 0 and done.out and done.out == other.out, "%s", done)
        for words in ["help", "nothing"], ["help", "queue", "log"]:
            done = p.run(*words, stdin=b"")
            expect(done.status == 64 and not done.out, "%s", done)


@case("accounts: all, one, none of that name")
def accounts():
    with Place() as p:
        with open(p.home / ".config/sendoff/config", "a", encoding="utf-8") as f:
            f.write("[account other]\nhost = other.example.org\n")
        expect(p.run("accounts", "--quiet").out == "default\nother\n", "all")
        for words in ["other"], ["-a", "other"]:
            done = p.run("accounts", *words)
            expect(done.status == 0 and done.out.startswith("[account other]\n") and
                   "[account default]" not in done.out, "%s", done)
            done = p.run("accounts", "--json", *words)
            expect([one["name"] for one in json.loads(done.out)] == ["other"], "%s", done)
            expect("remember" in json.loads(done.out)[0]["settings"], "all is in the JSON: %s", done)
        short, all_ = p.run("accounts", "default"), p.run("accounts", "-v", "default")
        lines = [line.split("  #")[0].strip() for line in short.out.splitlines()]
        expect(lines[:2] == ["[account default]", "from = ann@example.org"] and
               {"host = 127.0.0.1", "tls = none", "auth = none", "submit = direct"} <= set(lines) and
               "remember = " not in short.out and "accounts -v" in lines[-1], "%s", short)
        expect("\nremember = yes " in all_.out and "accounts -v" not in all_.out and
               set(short.out.splitlines()[:-1]) <= set(all_.out.splitlines()), "%s", all_)
        done = p.run("accounts", "another")
        expect(done.status == 78 and "no account another" in done.err and not done.out, "%s", done)
        expect(p.run("accounts", "default", "other").status == 64, "two names")


@case("an account of msmtp that cannot be used does not stop the others")
def msmtp():
    with Smarthost() as s, Place(s.port) as p:
        file = p.home / ".msmtprc"
        file.write_text(MSMTPRC % s.port)
        config = "--config", file
        p.send(*config, "bob@example.net")
        p.send(*config, "-a", "good", "bob@example.net")
        expect(len(s.messages()) == 2, "%s", s.messages())
        for choice in ["-a", "shell"], ["-f", "carl@example.org"]:
            done = p.run(*config, *choice, "bob@example.net")
            expect(done.status == 78 and ".msmtprc:14: " in done.err and "shell" in done.err,
                   "%s", done)
        expect(len(s.messages()) == 2, "%s", s.messages())
        listed = {one["name"]: one["wrong"]
                  for one in json.loads(p.run("accounts", "--json", *config).out)}
        expect(listed["good"] is None and listed["default"] is None and
               ".msmtprc:14: " in listed["shell"], "%s", listed)
        done = p.run("accounts", *config, "shell")
        expect("\n# cannot be used: %s:14: " % file in done.out, "%s", done)
        # which account it is must not be left to chance
        file.write_text(MSMTPRC.replace("carl@example.org", "[ab]@example.org") % s.port)
        done = p.run(*config, "bob@example.net")
        expect(done.status == 78 and "pattern" in done.err, "%s", done)


@case("a person at a terminal is told that a message is read, and for whom")
def terminal():
    with Smarthost() as s, Place(s.port) as p:
        for options in [], ["-s", "Lunch"]:
            with Person(p, *options, "bob@example.net") as person:
                person.read("note: type the message for bob@example.net, ")
                person.type("At noon?\n\x04")
                expect(person.status() == 0, "%s", person.text)
        expect([b"At noon?" in one for one in s.contents()] == [True, True], "%s", s.contents())
        with Person(p) as person:
            expect(person.status() == 64 and "no recipients" in person.text and
                   "type the message" not in person.text, "%s", person.text)
        with Person(p, "-s", "Lunch") as person:
            expect(person.status() == 64 and "no recipients" in person.text, "%s", person.text)
        # nor is it read when it is known that it cannot be sent
        with Person(p, "-a", "none", "bob@example.net") as person:
            expect(person.status() == 78 and "no account none" in person.text and
                   "type the message" not in person.text, "%s", person.text)
        (p.home / ".config/sendoff/config").write_text("")
        with Person(p, "bob@example.net") as person:
            expect(person.status() == 78 and "no account is configured" in person.text and
                   "type the message" not in person.text, "%s", person.text)
        p.configure(s.port)
        done = p.send("bob@example.net")
        expect("type the message" not in done.err, "%s", done)
