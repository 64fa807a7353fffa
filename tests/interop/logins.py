"""Logins: every mechanism that a server has, and what is refused although it is no password."""

import itertools
import shutil
import socket

import messages
from delivery import Case, counted

CHUNKING = ("postfix.test", "exim.test", "submission.test")
MODES = {465: "implicit", 587: "starttls"}
PIPELINING = ("auto", "full", "off")
# of Dovecot's, of Cyrus SASL's, and, of NTLM, Exim's making
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5",
                       "NTLM")
DOVECOT_PASSWORD_MECHANISMS = PASSWORD_MECHANISMS[:-1]  # Debian 12's Dovecot knows no NTLM
POSTFIX_MECHANISMS = (*DOVECOT_PASSWORD_MECHANISMS, "GSSAPI", "OAUTHBEARER", "XOAUTH2")
DOVECOT_MECHANISMS = (*POSTFIX_MECHANISMS, "EXTERNAL")
EXIM_MECHANISMS = (*DOVECOT_MECHANISMS, "NTLM")
# where Postfix asks Cyrus SASL
CYRUS = {6465: "implicit", 6587: "starttls"}
CHASQUID_MECHANISMS = ("PLAIN",)
# the accounts of those that take no password
ACCOUNTS = {"GSSAPI": "ticket", "OAUTHBEARER": "token", "XOAUTH2": "token",
            "EXTERNAL": "certificate"}
# what PLAIN costs a server with PIPELINING and CHUNKING, TCP and TLS handshakes included
ROUND_TRIPS = {(465, "auto"): 6, (465, "full"): 5, (587, "auto"): 8, (587, "full"): 7}


def mechanism_cases():
    """Every mechanism, both ways to TLS, every way to pipeline."""
    for host, mechanisms in (("postfix.test", POSTFIX_MECHANISMS), ("exim.test", EXIM_MECHANISMS),
                             ("submission.test", DOVECOT_MECHANISMS),
                             ("aiosmtpd.test", ("PLAIN", "LOGIN")),
                             ("opensmtpd.test", ("PLAIN", "LOGIN")),
                             ("chasquid.test", CHASQUID_MECHANISMS)):
        for mechanism, port, how in itertools.product(mechanisms, MODES, PIPELINING):
            yield Case(f"{host[:-5]} {mechanism} {MODES[port]} {how}", host, port,
                       "--auth", mechanism.lower(), "--pipelining", how, mechanism=mechanism,
                       account=ACCOUNTS.get(mechanism, "test"),
                       body=messages.BODIES["dots"] + messages.BODIES["octets"],
                       check=counted(ROUND_TRIPS.get((port, how), 99)
                                     if mechanism == "PLAIN" and host in CHUNKING else 99))
    for name, host, ports in (("cyrus", "postfix.test", CYRUS),
                              ("sendmail", "sendmail.test", MODES)):
        for mechanism, port in itertools.product(PASSWORD_MECHANISMS, ports):
            for how in PIPELINING if mechanism == "PLAIN" else ("auto",):
                yield Case(f"{name} {mechanism} {ports[port]} {how}", host, port, "--tls",
                           ports[port], "--auth", mechanism.lower(), "--pipelining", how,
                           mechanism=mechanism, body=messages.BODIES["dots"])
        yield Case(f"{name} the strongest mechanism", host, min(ports), "--tls", "implicit",
                   mechanism="SCRAM-SHA-256")
    for host, account, strongest in (("postfix.test", "test", "SCRAM-SHA-256"),
                                     ("exim.test", "test", "SCRAM-SHA-256"),
                                     ("chasquid.test", "test", "PLAIN"),
                                     ("opensmtpd.test", "test", "PLAIN"),
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


def wrong_passwords(directory):
    """Of every mechanism, which has a way of its own to say so."""
    wrong = directory / "wrong"
    wrong.write_text("wonder wall\n")
    wrong.chmod(0o600)
    login = ["--password-file", str(wrong)]
    for host in *CHUNKING, "chasquid.test", "aiosmtpd.test", "opensmtpd.test":
        for mechanism, how in itertools.product(("auto", "plain"), PIPELINING):
            yield Case(f"{host[:-5]} wrong password {mechanism} {how}", host, 465, *login,
                       "--auth", mechanism, "--pipelining", how, status=77, stage="auth")
    for name, host, port, mechanisms in (
            ("cyrus", "postfix.test", 6465, PASSWORD_MECHANISMS),
            ("sendmail", "sendmail.test", 465, PASSWORD_MECHANISMS),
            ("exim", "exim.test", 465, PASSWORD_MECHANISMS),
            ("postfix", "postfix.test", 465, DOVECOT_PASSWORD_MECHANISMS),
            ("submission", "submission.test", 465, DOVECOT_PASSWORD_MECHANISMS)):
        for mechanism in mechanisms:
            by = ["--tls", "implicit", "--auth", mechanism.lower()]
            yield Case(f"{name} wrong password by {mechanism}", host, port, *login, *by,
                       status=77, stage="auth")
            yield Case(f"{name} nobody's name by {mechanism}", host, port, *by, "--user",
                       "nobody@sink.test", status=77, stage="auth")


def refusals(directory):
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
