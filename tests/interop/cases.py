#!/usr/bin/env python3
"""The cases: submits to the servers by SENDOFF and compares what arrives at the sink. Prints TAP.

Called by `run` in its namespaces, with a directory that is thrown away afterwards."""

import concurrent.futures
import email
import email.policy
import fnmatch
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import doctor
import messages
import servers
from sink import Sink

PLANNED = 573
CHUNKING = ("postfix.test", "exim.test", "submission.test")
MODES = {465: "implicit", 587: "starttls"}
PIPELINING = ("auto", "full", "off")
POSTFIX_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5",
                      "GSSAPI", "OAUTHBEARER", "XOAUTH2")
EXIM_MECHANISMS = (*POSTFIX_MECHANISMS, "EXTERNAL")
CHASQUID_MECHANISMS = ("PLAIN",)
# the accounts of those that take no password
ACCOUNTS = {"GSSAPI": "ticket", "OAUTHBEARER": "token", "XOAUTH2": "token",
            "EXTERNAL": "certificate"}
# what PLAIN costs a server with PIPELINING and CHUNKING, TCP and TLS handshakes included
ROUND_TRIPS = {(465, "auto"): 6, (465, "full"): 5, (587, "auto"): 8, (587, "full"): 7}
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


def mechanism_cases():
    """Every mechanism, both ways to TLS, every way to pipeline."""
    for host, mechanisms in (("postfix.test", POSTFIX_MECHANISMS), ("exim.test", EXIM_MECHANISMS),
                             ("submission.test", EXIM_MECHANISMS),
                             ("aiosmtpd.test", ("PLAIN", "LOGIN")),
                             ("chasquid.test", CHASQUID_MECHANISMS)):
        for mechanism, port, how in itertools.product(mechanisms, MODES, PIPELINING):
            yield Case(f"{host[:-5]} {mechanism} {MODES[port]} {how}", host, port,
                       "--auth", mechanism.lower(), "--pipelining", how, mechanism=mechanism,
                       account=ACCOUNTS.get(mechanism, "test"),
                       body=messages.BODIES["dots"] + messages.BODIES["octets"],
                       check=counted(ROUND_TRIPS.get((port, how), 99)
                                     if mechanism == "PLAIN" and host in CHUNKING else 99))
    for host, account, strongest in (("postfix.test", "test", "SCRAM-SHA-256"),
                                     ("exim.test", "test", "SCRAM-SHA-256"),
                                     ("chasquid.test", "test", "PLAIN"),
                                     ("postfix.test", "user", "GSSAPI"),
                                     ("submission.test", "test", "SCRAM-SHA-256"),
                                     ("exim.test", "user", "GSSAPI"),
                                     ("submission.test", "user", "GSSAPI"),
                                     ("exim.test", "certificate", "EXTERNAL"),
                                     ("submission.test", "certificate", "EXTERNAL")):
        yield Case(f"{host[:-5]} the strongest mechanism of account {account}", host, 465,
                   account=account, mechanism=strongest)


def nobody(directory):
    """A client certificate of an authority that no server trusts."""
    return ["--tls-cert", str(directory / "ca/rogue.pem"),
            "--tls-key", str(directory / "ca/rogue-key.pem")]


def certificate_cases(directory):
    """Servers that take nobody without a certificate: Exim says so in TLS, with 1.3 after the
    handshake is over for the client, Postfix behind it."""
    rogue = nobody(directory)
    for port, version in itertools.product((5465, 5587), ("1.2", "1.3")):
        mode = ["--tls", "implicit" if port == 5465 else "starttls",
                "--tls-priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"]
        name = f"{MODES[port - 5000]}, TLS {version}"
        for host, auth, status, refused, wanted in (
                ("postfix.test", "none", 75, "Client certificate not trusted",
                 "No client certificate presented (set tls-cert and tls-key)"),
                ("exim.test", "external", 77, "the server refused our client certificate",
                 "the server wants a client certificate")):
            yield Case(f"{host[:-5]} client certificate {name}", host, port, *mode, "--auth", auth,
                       account="certificate")
            yield Case(f"{host[:-5]} client certificate of nobody {name}", host, port, *mode,
                       *rogue, "--auth", auth, account="certificate", status=status, says=refused)
            yield Case(f"{host[:-5]} no client certificate {name}", host, port, *mode, "--auth",
                       "none", status=status, says=wanted)
    yield Case("exim EXTERNAL is not offered to nobody", "exim.test", 465, *rogue, "--auth",
               "external", account="certificate", status=69, stage="auth")


def wrong_certificates(directory):
    """Certificates that Exim shows by the name that it is called, and what is said of them."""
    crl = ["--tls-crl", str(directory / "ca/crl.pem")]
    for name, options, says in (("expired", [], "expired"), ("future", [], "not valid before"),
                                ("wrongname", [], "elsewhere.test"),
                                ("cnonly", [], "cnonly.exim.test"),
                                ("selfsigned", [], "self-signed"),
                                ("rogue", [], "issued by a trusted"),
                                ("nostaple", [], "must-staple"), ("revoked", crl, "revoked"),
                                ("revoked", [], None), ("stapled", [], None),
                                ("stapled", crl, None)):
        for port, version in itertools.product(MODES, ("1.2", "1.3")):
            yield Case(f"exim certificate {name}{' with CRL' * bool(options)} {MODES[port]}, "
                       f"TLS {version}", name + ".exim.test", port, *options, "--tls-priority",
                       f"NORMAL:-VERS-ALL:+VERS-TLS{version}", says=says or "",
                       status=69 if says else 0, stage="tls" if says else None)


def silent_kdc(directory):
    """A ticket for the realm alone, whose KDC is asked for the server's and does not answer."""
    shutil.copy(directory / "kdc/ticket", directory / "ticket-alone")
    if not hasattr(silent_kdc, "listener"):
        silent_kdc.listener = socket.create_server(("127.0.1.8", 0))
    port = silent_kdc.listener.getsockname()[1]
    text = (directory / "kdc/krb5.conf").read_text().replace(":8888", f":{port}")
    (directory / "silent.conf").write_text(text)
    return {"KRB5_CONFIG": str(directory / "silent.conf"),
            "KRB5CCNAME": f"FILE:{directory}/ticket-alone"}


def login_refusals(directory):
    """What is refused although it is no password."""
    for host, mechanism in itertools.product(("postfix.test", "exim.test", "submission.test"),
                                             ("OAUTHBEARER", "XOAUTH2")):
        for name in "expired", "garbage":
            yield Case(f"{host[:-5]} {mechanism} {name} token", host, 465, "--auth", mechanism,
                       "--password-file", str(directory / f"token-{name}"), account="token",
                       status=77, stage="auth", says="(the server says: status ")
    for host in CHUNKING:
        yield Case(f"{host[:-5]} GSSAPI without a ticket", host, 465, "--auth", "gssapi",
                   account="ticket", status=77, stage="auth", says="kinit",
                   environment={"KRB5CCNAME": f"FILE:{directory}/none"})
        yield Case(f"{host[:-5]} GSSAPI and a KDC that says nothing", host, 465, "--timeout", "3",
                   account="ticket", status=75, stage="auth", says="did not answer in time",
                   environment=silent_kdc(directory))
        yield Case(f"{host[:-5]} no ticket, but a password", host, 465, "--password-file",
                   str(directory / "password"), account="user", mechanism="SCRAM-SHA-256",
                   environment={"KRB5CCNAME": "MEMORY:none"})


def content_cases():
    """Octets that could come to harm, by BDAT and by DATA."""
    for host, port, how in (("postfix.test", 465, "auto"), ("postfix.test", 587, "full"),
                            ("postfix.test", 465, "off"), ("exim.test", 465, "auto"),
                            ("exim.test", 465, "full"), ("submission.test", 465, "auto"),
                            ("submission.test", 587, "full"),
                            ("submission.test", 465, "off"), ("aiosmtpd.test", 465, "full"),
                            ("chasquid.test", 465, "auto")):
        for name, body in messages.BODIES.items():
            yield Case(f"{host[:-5]} {how} message {name}", host, port, "--pipelining", how,
                       body=body)
    for host in CHUNKING:
        yield Case(f"{host[:-5]} 5 MB", host, 465, body=messages.large(5 << 20))
        yield Case(f"{host[:-5]} 5 MB lockstep", host, 587, "--pipelining", "off",
                   body=messages.large(5 << 20))
        yield Case(f"{host[:-5]} lines too long", host, 465, body=messages.LONG_LINE,
                   check=reencoded)
        yield Case(f"{host[:-5]} a signed message", host, 465, head=messages.PARTS,
                   body=b"--=-=\n\nsigned \xc3\xbc\n--=-=\nContent-Type: a/b\n\nsig\n--=-=--\n")
    for name in "octets", "998":
        yield Case(f"old server message {name}", "postfix.test", 2587, check=reencoded
                   if name == "octets" else None, body=messages.BODIES[name],
                   head=messages.HEAD)


def opensmtpd_cases():
    """No TLS, and no login, on this machine: every message in every way, none of it ahead."""
    def case(name, how, body=b"One line.\n", **more):
        return Case(f"opensmtpd {name} {how}", "127.0.1.7", 587, "--tls", "none", "--auth", "none",
                    "--pipelining", how, body=body, **more)

    for how in PIPELINING:
        for name, body in messages.BODIES.items():
            yield case("message " + name, how, body)
        several = case("50 recipients", how)
        several.recipients = [f"case-{several.n}-{i}@sink.test" for i in range(50)]
        yield several
    yield SentAhead("opensmtpd drops who sends ahead", "127.0.1.7", 587)
    yield case("5 MB", "full", messages.large(5 << 20))
    yield case("lines too long", "full", messages.LONG_LINE, check=reencoded)
    notified = case("DSN", "full", check=dsn)
    notified.arguments += ["--dsn-notify", "success,delay", "--dsn-return", "hdrs",
                           "--envid", "case+1"]
    yield notified
    refused = case("UTF-8 address", "full", status=65)
    refused.recipients = [f"käse-{refused.n}@sink.test"]
    yield refused


def envelope_cases():
    for host in CHUNKING:
        for how in PIPELINING:
            case = Case(f"{host[:-5]} 50 recipients {how}", host, 465, "--pipelining", how)
            case.recipients = [f"case-{case.n}-{i}@sink.test" for i in range(50)]
            yield case
        no_utf8 = host == "submission.test"
        case = Case(f"{host[:-5]} UTF-8 address", host, 465, check=utf8,
                    status=65 if no_utf8 else 0)
        case.recipients = [f"käse-{case.n}@sink.test"]
        yield case
        yield Case(f"{host[:-5]} DSN", host, 465, "--dsn-notify", "success,delay",
                   "--dsn-return", "hdrs", "--envid", "case+1", check=dsn)
        for how in PIPELINING:
            case = Case(f"{host[:-5]} one recipient unknown {how}", host, 465, "--pipelining",
                        how, status=67)
            case.refused = ["unknown@sink.test"]
            yield case
        case = Case(f"{host[:-5]} nobody known", host, 465, status=67)
        case.recipients = ["unknown@sink.test"]
        yield case
    for how in PIPELINING:
        case = Case(f"aiosmtpd one recipient unknown {how}", "aiosmtpd.test", 587, "--pipelining",
                    how, status=67)
        case.refused = ["unknown@sink.test"]
        yield case
    case = Case("aiosmtpd UTF-8 address", "aiosmtpd.test", 465, check=utf8)
    case.recipients = [f"käse-{case.n}@sink.test"]
    yield case
    yield Case("aiosmtpd DSN", "aiosmtpd.test", 465, "--dsn-notify", "success,delay",
               "--dsn-return", "hdrs", "--envid", "case+1", says="does not offer DSN", check=no_dsn)
    case = Case("old server UTF-8 address", "postfix.test", 2587, status=65)
    case.recipients = [f"käse-{case.n}@sink.test"]
    yield case


def composed_cases(directory):
    files = [directory / "Übersicht.bin", directory / "notes.txt"]
    files[0].write_bytes(bytes(range(256)) * 2000)
    files[1].write_bytes(b"no end, .\n.\n" * 50 + b"of line")
    for host in "postfix.test", "exim.test", "submission.test", "chasquid.test", "aiosmtpd.test":
        case = Case(f"{host[:-5]} attachments", host, 465, check=composed(files))
        case.arguments = ["--to", case.recipients[0], "--from", servers.USER, "--subject",
                          "Grüße", "--body", "Anbei.", "--header", f"X-Case: {case.n}"]
        for file in files:
            case.arguments += ["--attach", str(file)]
        yield case


def later_cases():
    for host, trips in (("postfix.test", 5), ("exim.test", 5), ("submission.test", 5),
                        ("chasquid.test", None), ("aiosmtpd.test", None)):
        for port in MODES:
            yield Later(f"{host[:-5]} a server that is known {MODES[port]}", host, port,
                        resumed=None if host == "submission.test" else True,
                        round_trips=trips and trips + (2 if port == 587 else 0))
    yield Later("exim PIPECONNECT", "exim.test", 465, "--pipeconnect", round_trips=4,
                trace=b"going ahead of the greeting")
    yield Later("exim PIPECONNECT full", "exim.test", 465, "--pipeconnect", "--pipelining",
                "full", round_trips=4, trace=b"going ahead of the greeting")
    yield Later("postfix offers no PIPECONNECT", "postfix.test", 465, "--pipeconnect",
                round_trips=5)


def refusal_cases(directory):
    wrong = directory / "wrong"
    wrong.write_text("wonder wall\n")
    wrong.chmod(0o600)
    login = ["--password-file", str(wrong)]
    for host in *CHUNKING, "chasquid.test", "aiosmtpd.test":
        for mechanism, how in itertools.product(("auto", "plain"), PIPELINING):
            yield Case(f"{host[:-5]} wrong password {mechanism} {how}", host, 465, *login,
                       "--auth", mechanism, "--pipelining", how, status=77, stage="auth")
    # Postfix and Exim refuse recipients (5.7.1), chasquid refuses the sender (5.7.9)
    for host, status, stage in (("postfix.test", 69, "rcpt"), ("exim.test", 69, "rcpt"),
                                ("submission.test", 77, "mail"), ("aiosmtpd.test", 77, "mail"),
                                ("chasquid.test", 77, "mail")):
        for how in PIPELINING:
            yield Case(f"{host[:-5]} no login {how}", host, 465, "--auth", "none",
                       "--pipelining", how, status=status, stage=stage)
    yield Case("submission EXTERNAL by a certificate of nobody", "submission.test", 465,
               *nobody(directory), "--auth", "external", account="certificate", status=77,
               stage="auth")
    for port in MODES:
        yield Case(f"postfix certificate of another name {MODES[port]}", "misnamed.postfix.test",
                   port, status=69, stage="tls")
        yield Case(f"postfix unknown authority {MODES[port]}", "postfix.test", port,
                   "--tls-trust", str(directory / "other.pem"), status=69, stage="tls")
    for port, name in (3465, "announced"), (4465, "not announced"):
        for how in PIPELINING:
            yield Case(f"postfix too large, {name} {how}", "postfix.test", port, "--tls",
                       "implicit", "--pipelining", how, body=messages.large(200000), status=65)
    yield Case("postfix implicit TLS to the port of STARTTLS", "postfix.test", 587,
               "--tls", "implicit", status=76, stage="tls")
    yield Case("postfix STARTTLS to the port of implicit TLS", "postfix.test", 465,
               "--tls", "starttls", "--timeout", "3", status=75, stage="greeting")


class SentAhead(Case):
    """What OpenSMTPD does to who sends ahead, without which its cases would prove nothing."""

    def run(self, setup):
        with socket.create_connection((self.host, self.port), 10) as connection:
            connection.recv(1000)
            connection.sendall(b"EHLO ahead.test\r\nMAIL FROM:<>\r\nRCPT TO:<bob@sink.test>\r\n")
            replies = b"".join(iter(lambda: connection.recv(1000), b""))
        expect(b"Pipelining not supported" in replies, "it says %r", replies)


class LmtpCase(Case):
    """Into mailboxes: BOXES of Dovecot's users, and REFUSED, who are none."""

    def __init__(self, name, boxes, *arguments, refused=(), status=0, body=b"One line.\n"):
        super().__init__("lmtp " + name, "lmtp.test", 24, "--protocol", "lmtp", "--auth", "none",
                         *arguments, body=body, status=status)
        self.recipients = [servers.Lmtp.users[box] for box in boxes]
        self.refused = list(refused)

    def run(self, setup):
        argv = [setup.sendoff, "--json", "-i", "-v", *self.arguments]
        if "--socket" in argv:
            argv[argv.index("--socket") + 1] = str(setup.lmtp.dir / "run/lmtp")
        else:
            argv += ["--host", "127.0.1.4"]  # no TLS, on this machine
        argv += ["-f", servers.USER, "--", *self.recipients, *self.refused]
        self.process = subprocess.run(argv, input=self.message, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=60)
        expect(self.process.returncode == self.status, "status %d instead of %d",
               self.process.returncode, self.status)
        receipt = json.loads(self.process.stdout)
        expect(receipt["protocol"] == "lmtp", "by %s", receipt["protocol"])
        got = {r["address"]: r["status"] for r in receipt["recipients"]}
        want = {**dict.fromkeys(self.recipients, "accepted"),
                **dict.fromkeys(self.refused, "permanent")}
        expect(got == want, "they are %s", got)
        ends = messages.crlf(self.message).replace(b"\r\n", b"\n")
        mark = b"\nX-Case: %d\n" % self.n if b"X-Case" in ends else b"Message-ID: <%d" % self.n
        for user in self.recipients:
            mail = [m for m in setup.lmtp.box(user) if mark in m]
            expect(len(mail) == 1, "%s got it %d times", user, len(mail))
            expect(mail[0].endswith(ends), "%s got: %r", user, mail[0][-200:])


def lmtp_cases():
    for how in PIPELINING:
        yield LmtpCase(f"TCP {how}", (0, 1, 2), "--pipelining", how,
                       body=messages.BODIES["dots"])
        yield LmtpCase(f"unix socket {how}", (3, 4), "--socket", "", "--pipelining", how)
    yield LmtpCase("one recipient unknown", (5, 6), refused=["unknown@sink.test"], status=67)
    yield LmtpCase("5 MB", (7,), "--socket", "", body=messages.large(5 << 20))


class Setup:
    def __init__(self, directory):
        self.sendoff = os.environ["SENDOFF"]
        self.sink = Sink(("127.0.1.9", 25))
        self.config = str(directory / "config")
        self.home = directory / "home"
        self.home.mkdir(mode=0o700)
        password = directory / "password"
        password.write_text(servers.PASSWORD + "\n")
        password.chmod(0o600)
        for name, token in (("token", servers.token(directory)),
                            ("token-expired", servers.token(directory, -30)),
                            ("token-garbage", "garbage")):
            (directory / name).write_text(token + "\n")
            (directory / name).chmod(0o600)
        os.environ["KRB5CCNAME"] = f"FILE:{directory}/kdc/ticket"
        (directory / "ca/client-key.pem").chmod(0o600)
        (directory / "ca/rogue-key.pem").chmod(0o600)
        pathlib.Path(self.config).write_text(
            f"[defaults]\ntls-trust = {directory / 'ca/ca.pem'}\nhost = unset.invalid\n"
            f"[account test]\nuser = {servers.USER}\npassword-file = {password}\n"
            f"[account token]\nuser = {servers.USER}\npassword-file = {directory}/token\n"
            f"[account ticket]\nauth = GSSAPI\n"
            f"[account user]\nuser = {servers.USER}\nkeyring = no\n"
            f"[account certificate]\ntls-cert = {directory}/ca/client.pem\n"
            f"tls-key = {directory}/ca/client-key.pem\n")


def report(n, case, problem, logs):
    print("%sok %d - %s" % ("not " if problem else "", n, case.name), flush=True)
    if problem:
        process = getattr(case, "process", None)
        for text in [problem] + ([process.stdout[-3000:].decode(errors="replace"),
                                  process.stderr[-3000:].decode(errors="replace")]
                                 if process else []):
            for line in text.splitlines():
                print("#   " + line)
        if logs:
            print("#   -- the server's log:")
            for line in logs:
                print("#   " + line)


def attempt(case, setup):
    try:
        case.run(setup)
    except Wrong as wrong:
        return str(wrong)
    except Exception as other:  # whatever it is, the case failed
        return repr(other)
    return None


def main():
    directory = pathlib.Path(sys.argv[1])
    running, failures = servers.start_all(directory)
    setup = Setup(directory)
    setup.lmtp = running["lmtp"]
    (directory / "other.pem").write_bytes(
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null",
                        "-days", "3", "-subj", "/CN=Another Root"],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
    cases = [*mechanism_cases(), *content_cases(), *opensmtpd_cases(), *envelope_cases(),
             *lmtp_cases(), *composed_cases(directory), *later_cases(), *refusal_cases(directory),
             *certificate_cases(directory), *wrong_certificates(directory),
             *login_refusals(directory), *doctor.cases(directory)]
    wanted = os.environ.get("INTEROP_CASES", "").split(",")
    chosen = [c for c in cases if any(fnmatch.fnmatch(c.name, w or "*") for w in wanted)]
    print("1..%d" % (len(chosen) + len(running) + 1), flush=True)
    n, failed = 0, 0
    for server in running:
        n += 1
        bad = server in failures
        failed += bad
        print("%sok %d - %s is up" % ("not " if bad else "", n, server))
        for line in failures.get(server, []):
            print("#   " + line)
    n += 1
    short = len(cases) < PLANNED
    failed += short
    print("%sok %d - %d cases, at least %d" % ("not " if short else "", n, len(cases), PLANNED))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for case, problem in zip(chosen, pool.map(lambda c: attempt(c, setup), chosen)):
            n += 1
            failed += problem is not None
            report(n, case, problem, problem and running["opensmtpd" if
                case.host == "127.0.1.7" else case.host.split(".")[-2]].log())
    sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
