"""One submission to a server, and what is looked at of what arrives."""

import email
import email.policy
import itertools
import json
import os
import re
import subprocess
import time

import messages
import servers

BROKEN = b"closed the connection during the TLS handshake"
# what servers put in front
TRACE = re.compile(rb"(?:(?:Received|Received-SPF|Authentication-Results|Return-Path)"
                   rb":[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+")


class Wrong(Exception):
    """A case that failed."""


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values if values else text)


class Case:
    """One submission."""

    count = itertools.count(1)

    def __init__(self, name, host, port, *arguments, body=b"One line.\n", head=messages.HEAD,
                 status=0, check=None, mechanism=None, stage=None, account="test", says="",
                 environment=None):
        self.n, self.name, self.host, self.port = next(Case.count), name, host, port
        self.arguments, self.status = list(arguments), status
        self.message = messages.numbered(head, self.n) + b"\n" + body
        self.recipients, self.refused = [f"case-{self.n}@sink.test"], []
        self.check, self.mechanism, self.stage = check, mechanism, stage
        self.account, self.says, self.environment = account, says, environment or {}

    def surroundings(self, setup):
        """What is remembered of the servers serves all cases."""
        return {**os.environ, "HOME": str(setup.home), "XDG_RUNTIME_DIR": str(setup.home),
                "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", **self.environment}

    def run(self, setup):
        argv = [setup.sendoff, "--config", setup.config, "-a", self.account, "--json", "-i", "-v",
                "--host", self.host, "--port", str(self.port), *self.arguments]
        if "--to" not in self.arguments:
            argv += ["-f", servers.USER, "--", *self.recipients, *self.refused]
        self.process = subprocess.run(argv, input=self.message, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=60,
                                      env=self.surroundings(setup))
        expect(self.process.returncode == self.status, "status %d instead of %d",
               self.process.returncode, self.status)
        expect(self.says.encode() in self.process.stderr, "it does not say: %s", self.says)
        self.receipt = json.loads(self.process.stdout or b"{}")
        if self.mechanism:
            expect(self.receipt["mechanism"] == self.mechanism, "logged in by %s",
                   self.receipt["mechanism"])
        if self.stage:
            expect(self.receipt["stage"] == self.stage, "it failed at %s", self.receipt["stage"])
        if self.status and not self.refused:
            return
        if self.host == "chasquid.test":  # whose aliases rename the recipient
            mark = re.compile(rb"^(?:Message-ID: <|X-Case: )%d\b" % self.n, re.M)
            arrived = setup.sink.wait(lambda m: mark.search(m.content[:5000]))
        else:
            arrived = setup.sink.for_recipients(self.recipients)
        expect(arrived, "nothing arrived")
        (self.check or Case.compare)(self, arrived)
        expect(not any(set(self.refused) & m.recipients.keys() for m in arrived),
               "a refused recipient got it")

    def content(self, message):
        """What arrived, without what servers put in front."""
        match = TRACE.match(message.content)
        expect(match, "it came without a trace: %r", message.content[:60])
        return message.content[match.end():]

    def compare(self, arrived):
        want = messages.crlf(self.message)
        for message in arrived:
            got = self.content(message)
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
                      min(len(got), len(want)))
            expect(got == want, "octet %d of %d/%d: %r instead of %r", at, len(got), len(want),
                   got[at - 10:at + 40], want[at - 10:at + 40])
        got = {address for m in arrived for address in m.recipients}
        expect(self.host == "chasquid.test" or got == set(self.recipients), "it went to %s", got)
        expect(sum(len(m.recipients) for m in arrived) == len(got), "somebody got it twice")


class Later(Case):
    """The second of two submissions to a server that nothing was known of before the first."""

    def __init__(self, name, host, port, *arguments, round_trips, resumed=True, trace=None):
        """RESUMED None: a server that breaks off when a session is resumed, although it gives
        tickets out. That happens once, and no third submission tries."""
        super().__init__(name, host, port, "--auth", "plain", *arguments)
        self.round_trips, self.resumed, self.trace = round_trips, resumed, trace
        self.first = Case(name, host, port, "--auth", "plain", *arguments)
        self.between = Case(name, host, port, "--auth", "plain", *arguments)
        self.first.surroundings = self.between.surroundings = self.surroundings

    def surroundings(self, setup):
        return {**super().surroundings(setup), "XDG_RUNTIME_DIR": str(self.state)}

    def run(self, setup):
        self.state = setup.home / f"case-{self.n}"
        self.state.mkdir(mode=0o700)
        self.first.run(setup)
        expect(not self.first.receipt["tls_resumed"], "resumed what was never there")
        # what is learnt of servers with CHUNKING is there soon
        end = time.monotonic() + (5 if self.round_trips else 0.5)
        while not list(self.state.glob("sendoff/server-*")) and time.monotonic() < end:
            time.sleep(0.02)
        if self.resumed is None:
            self.between.run(setup)
            expect(BROKEN in self.between.process.stderr, "it resumes")
        super().run(setup)
        expect(BROKEN not in self.process.stderr, "it was tried again")
        expect(self.receipt["tls_resumed"] == bool(self.resumed), "resumed: %s",
               self.receipt["tls_resumed"])
        expect(not self.round_trips or self.receipt["round_trips"] == self.round_trips,
               "%d round trips", self.receipt["round_trips"])
        expect(not self.trace or self.trace in self.process.stderr, "it did not go ahead")


def reencoded(case, arrived):
    """Lines that are too long for SMTP: as quoted-printable, the same text."""
    message = email.message_from_bytes(case.content(arrived[0]), policy=email.policy.SMTP)
    expect(message["content-transfer-encoding"] == "quoted-printable", "not re-encoded")
    expect(all(len(line) <= 78 for line in case.content(arrived[0]).split(b"\n")), "long lines")
    text = message.get_payload(decode=True).replace(b"\r\n", b"\n")
    expect(text == case.message.partition(b"\n\n")[2], "other text: %r", text[:60])


def dsn(case, arrived):
    """RFC 3461 section 4."""
    expect(set(arrived[0].parameters) >= {"RET=HDRS", "ENVID=case+2B1"}, "MAIL had %s",
           arrived[0].parameters)
    parameters = arrived[0].recipients[case.recipients[0]]
    notify = [p for p in parameters if p.startswith("NOTIFY=")]
    expect(notify and set(notify[0][7:].split(",")) == {"SUCCESS", "DELAY"}, "RCPT had %s",
           parameters)
    expect("ORCPT=rfc822;" + case.recipients[0] in parameters, "RCPT had %s", parameters)
    case.compare(arrived)


def no_dsn(case, arrived):
    words = arrived[0].parameters + arrived[0].recipients[case.recipients[0]]
    expect(not any(w.startswith(("RET=", "ENVID=", "NOTIFY=", "ORCPT=")) for w in words),
           "%s", words)
    case.compare(arrived)


def utf8(case, arrived):
    expect("SMTPUTF8" in arrived[0].parameters, "MAIL had %s", arrived[0].parameters)
    case.compare(arrived)


def composed(files):
    """A message built from flags, with FILES attached."""
    def check(case, arrived):
        message = email.message_from_bytes(case.content(arrived[0]), policy=email.policy.SMTP)
        expect(message["subject"] == "Grüße", "subject %s", message["subject"])
        body = message.get_body(("plain",)).get_content()
        expect(body.strip() == "Anbei.", "body %r", body)
        parts = list(message.iter_attachments())
        expect([p.get_filename() for p in parts] == [f.name for f in files], "attachments %s",
               [p.get_filename() for p in parts])
        for part, file in zip(parts, files):
            got, want = part.get_payload(decode=True), file.read_bytes()
            if file.suffix == ".txt":  # lines are lines
                got = got.replace(b"\r\n", b"\n")
            expect(got == want, "%s differs: %r", file, got[-40:])
    return check


def counted(most):
    """Pipelining shows: the round trips of the receipt."""
    def check(case, arrived):
        # one of the first submissions has learnt that Dovecot does not resume
        expect(case.receipt["round_trips"] <= most or BROKEN in case.process.stderr,
               "%d round trips", case.receipt["round_trips"])
        case.compare(arrived)
    return check
