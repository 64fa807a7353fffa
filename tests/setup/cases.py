#!/usr/bin/env python3
"""The cases: sets accounts up by SENDOFF in a network of its own. Prints TAP.

Called by `run` in its namespaces, with a directory that is thrown away afterwards."""

import fnmatch
import os
import re
import subprocess
import sys
import traceback

from home import CASES, PERSON, SCRIPT, Room, Wrong, case, expect

import granted  # noqa: F401, more cases
import net
from discovery import PLAIN, STRICT, UNFIT
from smarthost import PASSWORD, USER


# --- by options

@case("SRV records that DNSSEC vouches for, by options")
def srv_signed(r):
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    s = r.settings()
    expect(s["host"] == "smtp.plain.good.example" and s["user"] == USER, "%s", s)
    expect("port" not in s and "tls" not in s and s["password-file"] == "~/password", "%s", s)
    expect("vouched for by DNSSEC" in done.stderr and "port 587" in done.stderr, done.stderr)
    expect(r.config.stat().st_mode & 0o777 == 0o600, "its mode")
    expect(PASSWORD not in done.stderr + done.stdout, "the password was shown")
    expect("\x1b" not in done.stderr, "an escape got through")


@case("what is written sends")
def sends(r):
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password,
                 "--test-to", "bob@example.net", "--timer=no")
    expect("sent to bob@example.net" in done.stdout, done.stdout)
    expect(sum(s.messages for s in r.servers[PLAIN]) == 1, "no message came")


@case("--store: what is in the file goes into the store, and is found there")
def moved(r):
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password,
                 "--store", "file", "--test-to", "bob@example.net", "--timer=no")
    expect("password-file" not in r.settings(), "%s", r.settings())
    expect(len(r.stored()) == 1 and r.stored()[0].stat().st_mode & 0o777 == 0o600, "not stored")
    expect("sent to" in done.stdout, done.stderr)


@case("--password-file /dev/stdin goes into the store")
def from_pipe(r):
    words = r.argv("ann@plain.good.example", "--user", USER, "--password-file", "/dev/stdin",
                   *SCRIPT)
    done = subprocess.run(["sh", "-c", 'cat "$HOME/password" | "$@"', "sh", *words], user=PERSON,
                          group=PERSON, extra_groups=[], env=r.environment(), cwd=r.home,
                          capture_output=True, text=True, timeout=60, check=False)
    expect(done.returncode == 0, done.stderr)
    expect("password-file" not in r.settings() and r.stored(), "%s", r.settings())


@case("a second run finds the stored password, and replaces by --replace only")
def again(r):
    words = ("ann@plain.good.example", "--user", USER, "-a", "default", *SCRIPT)
    r.run(*words, "--password-file", r.password, "--store", "file")
    before = r.config.read_text()
    done = r.run(*words, status=73)
    expect("--replace" in done.stderr and r.config.read_text() == before, done.stderr)
    r.run(*words, "--replace")
    copies = list(r.config.parent.glob("config.bak-*"))
    expect(len(copies) == 1 and copies[0].read_text() == before, "%s", copies)


@case("another account goes behind the first, with a match-from; a copy is kept")
def second(r):
    r.put(".config/sendoff/config", "# mine\n[account default]\nhost = h.example\n")
    r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    text = r.config.read_text()
    expect(text.startswith("# mine\n[account default]\nhost = h.example\n\n[account plain]\n"),
           text)
    expect("match-from = ann@plain.good.example" in text, text)
    expect(len(list(r.config.parent.glob("config.bak-*"))) == 1, "no copy")


@case("a second run for the same address means the same account, not one more in its shadow")
def same(r):
    r.put(".config/sendoff/config", "[account other]\nhost = h.example\n")
    words = ("ann@plain.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    r.run(*words)
    before = r.config.read_text()
    done = r.run(*words, status=73)
    expect("an account plain already: give --replace" in done.stderr and
           r.config.read_text() == before, done.stderr)
    r.run(*words, "--replace", "--timeout", "50")
    text = r.config.read_text()
    expect(text.count("[account ") == 2 and "[account plain]" in text and "timeout = 50" in text,
           text)


@case("a refused login: status 77, the server's words, nothing written")
def refused(r):
    wrong = r.put("wrong", "guess\n")
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", wrong, "--store",
                 "file", *SCRIPT, status=77)
    expect("535 5.7.8 wrong \\x1b[31mname" in done.stderr, done.stderr)
    expect(len([l for s in r.servers[PLAIN] for l in s.log]) == 1, "tried more than once")
    r.nothing()


@case("--dry-run prints the account and writes nothing")
def dry(r):
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password,
                 "--dry-run")
    expect(done.stdout.startswith("[account default]\n") and "user = ann\n" in done.stdout,
           done.stdout)
    r.nothing()
    expect(not r.config.parent.exists(), "a directory was made")


@case("--offline asks nobody")
def offline(r):
    r.run("ann@gmail.com", "--offline", "--user", USER, "--password-file", r.password, *SCRIPT)
    expect(r.settings()["host"] == "smtp.gmail.com", "%s", r.settings())
    r.fresh()
    done = r.run("ann@plain.good.example", "--offline", "--password-file", r.password, *SCRIPT,
                 status=64)
    expect("--host HOST" in done.stderr, done.stderr)
    r.nothing()


@case("missing answers name their option")
def missing(r):
    expect("sendoff setup ADDRESS" in r.run(status=64).stderr, "the address")
    expect("A mail address is needed" in r.run("ann", status=64).stderr, "no domain")
    done = r.run("ann@plain.good.example", status=64)
    expect("--password-file" in done.stderr, done.stderr)
    r.nothing()


@case("unsigned SRV records inside of the domain need no consent")
def srv_inside(r):
    r.run("ann@in.open.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    expect(r.settings()["host"] == "smtp.in.open.example", "%s", r.settings())


@case("unsigned SRV records that lead elsewhere need it")
def srv_outside(r):
    words = ("ann@far.open.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    done = r.run(*words, status=77)
    expect("--host mx.elsewhere.example" in done.stderr and "--yes" in done.stderr, done.stderr)
    expect(not any(s.log for s in r.servers[net.LIVE4]), "it was talked to")
    r.nothing()
    r.run(*words, "--yes")
    expect(r.settings()["host"] == "mx.elsewhere.example", "%s", r.settings())


@case("signed SRV records that lead elsewhere need none")
def srv_signed_outside(r):
    r.run("ann@far.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    expect(r.settings()["host"] == "mx.elsewhere.example", "%s", r.settings())


@case("bogus records are none")
def bogus(r):
    done = r.run("ann@bad.example", "--user", USER, "--password-file", r.password, *SCRIPT,
                 status=64)
    expect("bogus" in done.stderr and "--host HOST" in done.stderr, done.stderr)


@case("hostile SRV records lead nowhere")
def hostile_srv(r):
    for label in "port0", "here", "single", "none":
        done = r.run(f"ann@{label}.open.example", "--user", USER, "--password-file", r.password,
                     *SCRIPT, status=64)
        expect("--host HOST" in done.stderr, done.stderr)
    r.nothing()


@case("STARTTLS where only that is offered")
def starttls(r):
    r.run("ann@old.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    s = r.settings()
    expect(s["port"] == "587" and "tls" not in s, "%s", s)


@case("the other usual port where the one that was found is closed")
def other_port(r):
    r.run("ann@plain.good.example", "--host", "smtp.old.good.example", "--user", USER,
          "--password-file", r.password, *SCRIPT)
    expect(r.settings()["port"] == "587", "%s", r.settings())


@case("MX records: a provider's customer, with consent")
def by_mx(r):
    words = ("ann@corp.open.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    done = r.run(*words, status=77)
    expect("smtp.gmail.com" in done.stderr, done.stderr)
    r.run(*words, "--yes")
    expect(r.settings()["host"] == "smtp.gmail.com", "%s", r.settings())


@case("a host of a provider that is known, by options and by SRV records: its advice")
def known(r):
    words = ("--user", USER, "--password-file", r.password, *SCRIPT)
    for more in (("ann@plain.good.example", "--host", "smtp.gmail.com"),
                 ("ann@hosted.good.example",)):
        r.fresh()
        done = r.run(*more, *words)
        expect(r.settings()["host"] == "smtp.gmail.com", "%s", r.settings())
        expect("Gmail" in done.stderr and "apppasswords" in done.stderr, done.stderr)
    r.fresh()
    done = r.run("ann@plain.good.example", "--host", "email-smtp.eu-west-1.amazonaws.com",
                 "--offline", "--password-file", r.password, *SCRIPT, status=64)
    expect("--user NAME" in done.stderr, done.stderr)
    done = r.run("ann@plain.good.example", "--host", "mail.riseup.net", "--offline",
                 "--password-file", r.password, *SCRIPT)
    expect(r.settings()["user"] == USER, "%s", r.settings())


@case("a server that is particular about senders")
def strict(r):
    done = r.run("ann@strict.good.example", "--password-file", r.password, *SCRIPT)
    s = r.settings()
    expect(s["sender"] == "force" and s["bounce-from"] == "ann@strict.good.example", "%s", s)
    expect("null sender" in done.stderr, done.stderr)
    r.fresh()
    r.run("ann@strict.good.example", "--from", "other@strict.good.example", "--password-file",
          r.password, *SCRIPT, status=77)
    r.nothing()


@case("a server without logins")
def without_login(r):
    r.run("ann@open.good.example", *SCRIPT)
    expect(r.settings()["auth"] == "none" and "user" not in r.settings(), "%s", r.settings())


@case("a certificate that does not fit, by options")
def unfit(r):
    words = ("ann@unfit.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    done = r.run(*words, status=69)
    expect("its key" in done.stderr, done.stderr)
    expect(not r.servers[UNFIT][0].log, "it was told the password")
    r.nothing()
    pin = re.search(r"sha256:[0-9a-f]{64}", done.stderr)[0]
    r.run(*words, "--tls-pin", pin, "--tls-trust", "none", trust=False)
    expect(r.settings()["tls-pin"] == pin and r.settings()["tls-trust"] == "none", "no pin")
    r.fresh()
    r.run(*words, "--tls-pin", "sha256:" + "0" * 64, "--tls-trust", "none", status=69,
          trust=False)


@case("no TLS is for this machine only")
def clear(r):
    done = r.run("ann@plain.good.example", "--host", "smtp.plain.good.example", "--tls", "none",
                 status=64)
    expect("this machine only" in done.stderr, done.stderr)


@case("a file with mistakes, and one that cannot be written")
def broken(r):
    r.put(".config/sendoff/config", "[account a]\nhots = x\n")
    done = r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password,
                 *SCRIPT, status=78)
    expect("config:2: hots" in done.stderr, done.stderr)
    r.fresh()
    r.put(".config/sendoff/x", "")
    os.chown(r.config.parent, 0, 0)
    r.run("ann@plain.good.example", "--user", USER, "--password-file", r.password, "--store",
          "file", *SCRIPT, status=73)
    r.nothing()


# --- other ways to a server

@case("through a proxy, which is written: nobody else is asked")
def proxied(r):
    words = ("ann@hidden.example", "--host", "smtp.hidden.example", "--user", USER,
             "--test-to", "bob@example.net", "--timer=no")
    r.run(*words, "--proxy", "socks5://127.0.0.1", "--password-file", r.password)
    s = r.settings()
    expect(s["proxy"] == "socks5://127.0.0.1" and s["host"] == "smtp.hidden.example", "%s", s)
    expect(sum(x.messages for x in r.servers[PLAIN]) == 1, "no message came")
    # two ports are looked at; then the login, and the message
    expect(len(r.proxies[0].asked) == 4, "%s", r.proxies[0].asked)
    r.fresh()
    outside = r.put("outside", "way out\n")
    r.run(*words, "--proxy", "socks5://ann@127.0.0.1:1081", "--proxy-password-file", outside,
          "--password-file", r.password, "--store", "file")
    expect(r.settings()["proxy-password-file"] == "~/outside", "%s", r.settings())
    expect(sum(x.messages for x in r.servers[PLAIN]) == 1 and r.stored(), "no message came")


@case("a proxy that refuses, and discovery with one")
def proxied_badly(r):
    words = ("ann@plain.good.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    wrong = r.put("outside", "no way\n")
    done = r.run(*words, "--host", "smtp.hidden.example", "--proxy", "socks5://ann@127.0.0.1:1081",
                 "--proxy-password-file", wrong, status=77)
    expect("proxy" in done.stderr, done.stderr)
    done = r.run(*words, "--proxy", "socks5://127.0.0.1", status=64)
    expect("go past the proxy" in done.stderr and "--host HOST" in done.stderr, done.stderr)
    expect(not r.proxies[0].asked, "%s", r.proxies[0].asked)
    done = r.run(*words, "--host", "127.0.0.1", "--tls", "none", "--proxy", "socks5://127.0.0.1",
                 status=64)
    expect("this machine only" in done.stderr, done.stderr)
    r.nothing()


@case("--srv keeps the domain, whose first server is down")
def by_srv(r):
    done = r.run("ann@pair.good.example", "--srv", "--user", USER, "--password-file", r.password,
                 "--store", "file", "--test-to", "bob@example.net", "--timer=no")
    s = r.settings()
    expect(s["host"] == "pair.good.example" and s["srv"] == "yes", "%s", s)
    expect("port" not in s and "tls" not in s, "%s", s)
    expect("smtp.plain.good.example port 465" in done.stderr, done.stderr)
    expect(r.servers[PLAIN][0].messages == 1, "no message came: %s", done.stderr)
    r.fresh()
    r.run("ann@elsewhere.example", "--srv", "--host", "pair.good.example", "--user", USER,
          "--password-file", r.password, *SCRIPT)
    expect(r.settings()["host"] == "pair.good.example", "%s", r.settings())


@case("--srv where anybody could have forged the records, and where there are none")
def by_srv_unsigned(r):
    words = ("ann@far.open.example", "--srv", "--user", USER, "--password-file", r.password,
             *SCRIPT)
    done = r.run(*words, status=69)
    expect("it is not for far.open.example" in done.stderr, done.stderr)
    expect(not any(s.log for s in r.servers[net.LIVE4]), "it was told the password")
    r.nothing()
    r.run(*words, "--tls-name", "mx.elsewhere.example")
    expect(r.settings()["tls-name"] == "mx.elsewhere.example", "%s", r.settings())
    r.fresh()
    done = r.run("ann@live.open.example", *words[1:], status=68)
    expect("no SRV record" in done.stderr, done.stderr)
    for more in ("--port", "465"), ("--tls", "none"), ("--protocol", "lmtp"), \
            ("--proxy", "socks5://127.0.0.1"), ("--host", "smtp.plain.good.example:465"):
        r.run(*words, *more, status=64)
    r.nothing()


@case("LMTP over a unix socket: neither login nor TLS")
def lmtp_socket(r):
    done = r.run("ann@plain.good.example", "--protocol", "lmtp", "--socket", str(r.dir / "lmtp"),
                 "--test-to", "bob@example.net", "--timer=no")
    s = r.settings()
    expect(s["socket"] == str(r.dir / "lmtp") and s["protocol"] == "lmtp", "%s", s)
    expect(s["auth"] == "none" and not {"host", "port", "tls", "user"} & set(s), "%s", s)
    expect(r.mailboxes["socket"].messages == 1, "no message came: %s", done.stderr)
    expect("sent to" in done.stdout, done.stdout)
    r.fresh()
    done = r.run("ann@plain.good.example", "--protocol", "lmtp", "--socket", "nowhere", *SCRIPT,
                 status=75)
    expect("nowhere" in done.stderr, done.stderr)
    for more in ("--host", "127.0.0.1"), ("--port", "24"), ("--proxy", "socks5://127.0.0.1"):
        done = r.run("ann@plain.good.example", "--socket", str(r.dir / "lmtp"), *more, status=64)
        expect("--socket" in done.stderr and more[0] in done.stderr, done.stderr)
    r.nothing()


@case("LMTP at a host: this machine's without TLS, another by STARTTLS")
def lmtp_host(r):
    words = ("ann@plain.good.example", "--protocol", "lmtp", "--test-to", "bob@example.net",
             "--timer=no")
    r.run(*words, "--host", "127.0.0.1")
    s = r.settings()
    expect(s["host"] == "127.0.0.1" and s["auth"] == "none", "%s", s)
    expect(not {"port", "tls", "user"} & set(s), "%s", s)
    expect(r.mailboxes["here"].messages == 1, "no message came")
    r.fresh()
    done = r.run(*words, "--host", "mailboxes.good.example")
    s = r.settings()
    expect(s["host"] == "mailboxes.good.example" and s["auth"] == "none", "%s", s)
    expect(not {"port", "tls", "user"} & set(s), "%s", s)
    expect("certificate for mailboxes.good.example" in done.stderr, done.stderr)
    expect(r.mailboxes["there"].messages == 1, "no message came")
    r.fresh()
    done = r.run(*words, status=64)
    expect("--host HOST" in done.stderr, done.stderr)
    done = r.run(*words, "--host", "127.0.0.1:25", status=64)
    expect("RFC 2033" in done.stderr, done.stderr)
    r.nothing()


# --- autoconfig

@case("autoconfig inside of the domain")
def autoconfig(r):
    r.run("ann@auto.open.example", "--password-file", r.password, *SCRIPT)
    s = r.settings()
    expect(s["host"] == "smtp.auto.open.example" and s["user"] == USER, "%s", s)


@case("autoconfig that leads elsewhere needs consent")
def autoconfig_outside(r):
    words = ("ann@away.open.example", "--user", USER, "--password-file", r.password, *SCRIPT)
    done = r.run(*words, status=77)
    expect("mx.elsewhere.example" in done.stderr, done.stderr)
    r.run(*words, "--yes")


@case("hostile autoconfig leads nowhere")
def autoconfig_hostile(r):
    for label in "loop", "control", "zero", "clear", "entity", "garbage":
        done = r.run(f"ann@{label}.open.example", "--password-file", r.password, *SCRIPT,
                     status=64)
        expect("--host HOST" in done.stderr and "\x1b" not in done.stderr, done.stderr)
    expect(len(r.web.asked) >= 6, "nobody asked: %s", r.web.asked)


# --- at a terminal

TALK = (("Name for the login", USER), ("Password for ann at", PASSWORD),
        ("Name that recipients see", "Ann Example"), ("Write it", ""))


@case("a person at a terminal")
def person(r):
    text = r.talk([], ("Your mail address", "nonsense"), ("Your mail address",
                  "ann@plain.good.example"), *TALK, ("Send a test message", "yes"))
    s = r.settings()
    expect(s["from-name"] == "Ann Example" and s["host"] == "smtp.plain.good.example", "%s", s)
    expect(len(r.stored()) == 1, "the password is not stored:\n%s", text)
    expect("sent to ann@plain.good.example" in text and PASSWORD not in text, text)
    expect("queue run --once" in text, "no line for cron:\n%s", text)


@case("a refused password is typed again, the same pair never sent twice")
def typed_again(r):
    text = r.talk(["ann@plain.good.example", *SCRIPT],
                  ("Name for the login", USER), ("Password for", "guess"),
                  ("Name for the login", ""), ("Password for", "guess"),
                  ("refused already", ""), ("Password for", PASSWORD),
                  ("Name that recipients", "-"), ("Write it", "yes"))
    log = [l for s in r.servers[PLAIN] for l in s.log]
    expect(log == [(USER, "guess"), (USER, PASSWORD)], "%s", log)
    expect("from-name" not in r.settings(), "%s", text)


@case("consent is given and refused")
def consented(r):
    text = r.talk(["ann@far.open.example", *SCRIPT],
                  ("Is mx.elsewhere.example the right server", "yes"), *TALK)
    expect(r.settings()["host"] == "mx.elsewhere.example", "%s", text)
    r.fresh()
    text = r.talk(["ann@far.open.example", *SCRIPT],
                  ("Is mx.elsewhere.example the right server", "no"),
                  ("Host of the smarthost", "smtp.plain.good.example"), *TALK)
    expect(r.settings()["host"] == "smtp.plain.good.example", "%s", text)


@case("other ways to a server, at a terminal")
def ways_person(r):
    r.talk(["ann@pair.good.example", "--srv", *SCRIPT], *TALK)
    s = r.settings()
    expect(s["srv"] == "yes" and s["host"] == "pair.good.example" and r.stored(), "%s", s)
    r.fresh()
    # who names a host means it, and no domain
    r.talk(["ann@far.open.example", "--srv", *SCRIPT], ("What now", "1"),
           ("Host of the smarthost", "smtp.plain.good.example"), *TALK)
    s = r.settings()
    expect("srv" not in s and s["host"] == "smtp.plain.good.example", "%s", s)
    r.fresh()
    r.talk(["ann@hidden.example", "--proxy", "socks5://127.0.0.1", *SCRIPT],
           ("Host of the smarthost", ""), *TALK)
    s = r.settings()
    expect(s["host"] == "smtp.hidden.example" and s["proxy"] == "socks5://127.0.0.1", "%s", s)
    r.fresh()
    r.talk(["ann@plain.good.example", "--protocol", "lmtp", *SCRIPT],
           ("Host of the smarthost", "localhost:25"), ("LMTP must not", "localhost"),
           TALK[2], TALK[3])
    expect(r.settings()["host"] == "localhost", "%s", r.settings())
    r.fresh()
    r.talk(["ann@plain.good.example", "--socket", str(r.dir / "lmtp"), "--protocol", "lmtp",
            *SCRIPT], TALK[2], TALK[3])
    expect(r.settings()["from-name"] == "Ann Example", "%s", r.settings())


@case("a certificate that does not fit, at a terminal")
def unfit_person(r):
    text = r.talk(["ann@unfit.good.example", *SCRIPT], ("What now", ""), status=69)
    expect("chain" in text and "issuer" in text, text)
    r.nothing()
    r.talk(["ann@unfit.good.example", *SCRIPT], ("What now", "3"), ("Is it the same", "yes"),
           *TALK)
    expect(r.settings()["tls-pin"].startswith("sha256:"), "%s", r.settings())
    r.fresh()
    r.talk(["ann@unfit.good.example", *SCRIPT], ("What now", "1"),
           ("Host of the smarthost", "smtp.plain.good.example"), *TALK)


@case("an account that is there is not replaced without a word")
def taken(r):
    r.put(".config/sendoff/config", "[account plain]\nhost = h.example\n")
    before = r.config.read_text()
    r.talk(["ann@plain.good.example", "-a", "plain", *SCRIPT], ("Replace it", ""), status=73)
    expect(not any(s.log for s in r.servers[PLAIN]), "a login was tried")
    expect(r.config.read_text() == before and not r.stored(), "it was changed")
    r.talk(["ann@plain.good.example", *SCRIPT], ("Name of the account", "plain"),
           ("Replace it", "no"), ("Name of the account", "new"), *TALK[:3], ("Write it", "yes"))
    expect("[account new]" in r.config.read_text(), r.config.read_text())


@case("no to the question whether to write")
def unwritten(r):
    r.talk(["ann@plain.good.example", *SCRIPT], *TALK[:3], ("Write it", "no"), status=77)
    r.nothing()


@case("interrupted at each question, nothing stays")
def interrupted(r):
    for at, (question, _) in enumerate((("Your mail address", ""), *TALK)):
        for key, want in (("\x03", -2), ("\x04", 64)):
            if question.startswith("Password") and key == "\x04":
                want = 77
            t = r.terminal(*SCRIPT)
            for asked, answer in (("Your mail address", "ann@plain.good.example"), *TALK)[:at]:
                t.wait_for(asked)
                t.type(answer + "\n")
            t.wait_for(question)
            t.wait_for(": ")
            t.type(key)
            status = t.end()
            expect(status == want, "at %s: status %d, not %d:\n%s", question, status, want, t.text)
            r.nothing()


def main():
    wanted = os.environ.get("SETUP_CASES", "*").split(",")
    cases = [c for c in CASES if any(fnmatch.fnmatch(c[0], w) for w in wanted)]
    room = Room(sys.argv[1])
    if not room.names.start(room.named):
        print("1..1\nnot ok 1 - the name servers start")
        for line in room.names.log():
            print("# " + line)
        return 1
    failed = 0
    print(f"1..{len(cases)}", flush=True)
    for number, (title, function) in enumerate(cases, 1):
        problem = ""
        room.fresh()
        try:
            function(room)
        except Wrong as wrong:
            problem = str(wrong)
        except Exception:  # what went wrong in the test itself is shown too
            problem = traceback.format_exc()
        print(f"{'not ' if problem else ''}ok {number} - {title}", flush=True)
        for line in problem.splitlines():
            print("# " + line)
        failed += bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
