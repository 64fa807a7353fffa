#!/usr/bin/env python3
"""The cases: submits to the servers by SENDOFF and compares what arrives at the sink. Prints TAP.

Called by `run` in its namespaces, with a directory that is thrown away afterwards."""

import concurrent.futures
import fnmatch
import itertools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import doctor
import logins
import messages
import salted
import servers
from delivery import Case, Later, Wrong, composed, dsn, expect, no_dsn, reencoded, utf8
from logins import CHUNKING, MODES, PIPELINING, nobody
from sink import Sink

PLANNED = 821


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
                                ("revoked", [], None), ("ocsprevoked", [], None),
                                ("stapled", [], None),
                                ("stapled", crl, None)):
        for port, version in itertools.product(MODES, ("1.2", "1.3")):
            yield Case(f"exim certificate {name}{' with CRL' * bool(options)} {MODES[port]}, "
                       f"TLS {version}", name + ".exim.test", port, *options, "--tls-priority",
                       f"NORMAL:-VERS-ALL:+VERS-TLS{version}", says=says or "",
                       status=69 if says else 0, stage="tls" if says else None)
    for version in "1.2", "1.3":  # Exim, above, does not staple what is said of this one
        yield Case(f"a staple that says revoked, TLS {version}", "ocsprevoked.exim.test", 6465,
                   "--tls", "implicit", "--tls-priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}",
                   status=69, stage="tls", says="it has been revoked")


def content_cases():
    """Octets that could come to harm, by BDAT and by DATA."""
    for host, port, how in (("postfix.test", 465, "auto"), ("postfix.test", 587, "full"),
                            ("postfix.test", 465, "off"), ("exim.test", 465, "auto"),
                            ("exim.test", 465, "full"), ("submission.test", 465, "auto"),
                            ("submission.test", 587, "full"),
                            ("submission.test", 465, "off"), ("aiosmtpd.test", 465, "full"),
                            ("sendmail.test", 465, "auto"), ("sendmail.test", 587, "full"),
                            ("opensmtpd.test", 465, "auto"), ("opensmtpd.test", 587, "full"),
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
    """Without TLS, and so without a login, on this machine: every message in every way, none of it
    ahead; and by TLS and a login."""
    def case(name, how, body=b"One line.\n", **more):
        return Case(f"opensmtpd {name} {how}", "127.0.1.7", 2587, "--tls", "none", "--auth",
                    "none", "--pipelining", how, body=body, **more)

    for how in PIPELINING:
        for name, body in messages.BODIES.items():
            yield case("message " + name, how, body)
        several = case("50 recipients", how)
        several.recipients = [f"case-{several.n}-{i}@sink.test" for i in range(50)]
        yield several
    yield SentAhead("opensmtpd drops who sends ahead", "127.0.1.7", 2587)
    yield case("5 MB", "full", messages.large(5 << 20))
    yield case("lines too long", "full", messages.LONG_LINE, check=reencoded)
    notified = case("DSN", "full", check=dsn)
    notified.arguments += ["--dsn-notify", "success,delay", "--dsn-return", "hdrs",
                           "--envid", "case+1"]
    yield notified
    refused = case("UTF-8 address", "full", status=65)
    refused.recipients = [f"käse-{refused.n}@sink.test"]
    yield refused
    for port in MODES:
        several = Case(f"opensmtpd 50 recipients {MODES[port]}", "opensmtpd.test", port)
        several.recipients = [f"case-{several.n}-{i}@sink.test" for i in range(50)]
        yield several
        yield Case(f"opensmtpd 5 MB {MODES[port]}", "opensmtpd.test", port,
                   body=messages.large(5 << 20))
        yield Case(f"opensmtpd DSN {MODES[port]}", "opensmtpd.test", port, "--dsn-notify",
                   "success,delay", "--dsn-return", "hdrs", "--envid", "case+1", check=dsn)


def time_limit(seconds, mode):
    """RFC 2852: what the next server is told is left of SECONDS."""
    def check(case, arrived):
        limits = [re.fullmatch(r"BY=(-?\d+);([RN]T?)", p) for p in arrived[0].parameters]
        limits = [limit for limit in limits if limit]
        expect(len(limits) == 1 and limits[0][2] == mode, "MAIL had %s", arrived[0].parameters)
        expect(seconds - 300 < int(limits[0][1]) <= seconds, "%s of %d s are left", limits[0][1],
               seconds)
        case.compare(arrived)
    return check


def sendmail_cases():
    """The only server here that has DELIVERBY; it has no CHUNKING and no SMTPUTF8."""
    def case(name, *arguments, port=465, **more):
        return Case(f"sendmail {name}", "sendmail.test", port, *arguments, **more)

    for how in PIPELINING:
        several = case(f"50 recipients {how}", "--pipelining", how)
        several.recipients = [f"case-{several.n}-{i}@sink.test" for i in range(50)]
        yield several
        one = case(f"one recipient unknown {how}", "--pipelining", how, status=67)
        one.refused = ["unknown@sink.test"]
        yield one
        for port in MODES:
            yield case(f"returned when late {MODES[port]} {how}", "--deliver-by", "2h,return",
                       "--pipelining", how, port=port, check=time_limit(7200, "R"))
    none = case("nobody known", status=67)
    none.recipients = ["unknown@sink.test"]
    yield none
    yield case("told when late", "--deliver-by", "1d,notify", check=time_limit(86400, "N"))
    yield case("a time limit that is too near", "--deliver-by", "30s,return", status=69,
               says="returns messages after 60 seconds at the soonest")
    yield case("DSN", "--dsn-notify", "success,delay", "--dsn-return", "hdrs", "--envid", "case+1",
               check=dsn)
    yield case("5 MB", body=messages.large(5 << 20))
    yield case("lines too long", body=messages.LONG_LINE, check=reencoded)
    refused = case("UTF-8 address", status=65)
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
    for host in ("postfix.test", "exim.test", "submission.test", "sendmail.test", "chasquid.test",
                 "aiosmtpd.test", "opensmtpd.test"):
        case = Case(f"{host[:-5]} attachments", host, 465, check=composed(files))
        case.arguments = ["--to", case.recipients[0], "--from", servers.USER, "--subject",
                          "Grüße", "--body", "Anbei.", "--header", f"X-Case: {case.n}"]
        for file in files:
            case.arguments += ["--attach", str(file)]
        yield case


def later_cases():
    for host, trips in (("postfix.test", 5), ("exim.test", 5), ("submission.test", 5),
                        ("sendmail.test", None), ("chasquid.test", None), ("aiosmtpd.test", None),
                        ("opensmtpd.test", None)):
        for port in MODES:
            yield Later(f"{host[:-5]} a server that is known {MODES[port]}", host, port,
                        resumed={"submission.test": None, "opensmtpd.test": False}.get(host, True),
                        round_trips=trips and trips + (2 if port == 587 else 0))
    yield Later("exim PIPECONNECT", "exim.test", 465, "--pipeconnect", round_trips=4,
                trace=b"going ahead of the greeting")
    yield Later("exim PIPECONNECT full", "exim.test", 465, "--pipeconnect", "--pipelining",
                "full", round_trips=4, trace=b"going ahead of the greeting")
    yield Later("postfix offers no PIPECONNECT", "postfix.test", 465, "--pipeconnect",
                round_trips=5)


def refusal_cases(directory):
    # Postfix and Exim refuse recipients (5.7.1), chasquid refuses the sender (5.7.9)
    for host, status, stage in (("postfix.test", 69, "rcpt"), ("exim.test", 69, "rcpt"),
                                ("submission.test", 77, "mail"), ("aiosmtpd.test", 77, "mail"),
                                ("sendmail.test", 77, "mail"), ("chasquid.test", 77, "mail"),
                                ("opensmtpd.test", 77, "mail")):
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
                                      stderr=subprocess.PIPE, timeout=60,
                                      env=self.surroundings(setup))
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
    cases = [*logins.mechanism_cases(), *content_cases(), *opensmtpd_cases(),
             *sendmail_cases(), *envelope_cases(),
             *lmtp_cases(), *composed_cases(directory), *later_cases(), *refusal_cases(directory),
             *certificate_cases(directory), *wrong_certificates(directory),
             *logins.wrong_passwords(directory), *logins.refusals(directory),
             *salted.cases(directory), *doctor.cases(directory)]
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
