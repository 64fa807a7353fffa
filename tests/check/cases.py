"""The doctor's findings, each good and each bad, and that each remedy is true."""

import ctypes
import fnmatch
import os
import pathlib
import re
import select
import shutil
import socket
import stat
import struct
import sys
import time
import traceback

from place import (SANITIZED, SENDOFF, Place, Report, Script, Skip, Smarthost, Wrong, examine,
                   expect)

CASES = []


def case(title):
    def add(function):
        CASES.append((title, function))
        return function
    return add


@case("all is well")
def well():
    with Place() as p, Smarthost("--certificate", "lasting") as s:
        r = examine(p, s.account(), "--to", "bob@example.net", want=(
            "configuration/files=ok", "configuration/directory=ok", "configuration/environment=ok",
            "configuration/settings=ok", "configuration/named files=ok", "secrets/source=ok",
            "DNS/addresses=ok", "server/connection=ok", "TLS/settings=ok", "TLS/handshake=ok",
            "TLS/chain=ok", "TLS/name=ok", "TLS/validity=ok", "TLS/keys=ok",
            ("TLS/pin=ok", "tls-pin = sha256:[0-9a-f]{64}"),
            ("TLS/resumption=ok", "resumed the session"),
            "SMTP/greeting=ok", ("SMTP/extensions=ok", "100 MiB.*PIPELINING"),
            ("login/mechanism=ok", "SCRAM-SHA-256-PLUS is used"), "login/login=ok",
            "envelope/sender=ok", "envelope/null sender=ok", "envelope/recipient=ok",
            "queue/runner=ok", "machine/other programs=ok"))
        expect("DATA" not in s.talk() and "BDAT" not in s.talk(), "nothing is sent: %s", s.talk())
        expect("RSET" in s.talk() and "QUIT" in s.talk(), "what was asked for is taken back")
        expect(s.talk().count("AUTH SCRAM") == 1, "one login: %s", s.talk())
        f = r.has("TLS/chain=ok")["data"]["certificates"][0]
        expect(f["subject"] == "CN=localhost" and f["names"] and f["key"].startswith("EC"), "%s", f)
        secret = pathlib.Path(s.password).read_text().strip()
        expect(secret not in r.text, "the password is not told")


@case("the remedy for an unknown certificate: the pin that is told")
def pinned():
    with Place() as p, Smarthost("--certificate", "selfsigned") as s:
        r = examine(p, s.account(), status=69, lack=("login/login",), want=(
            ("TLS/chain=failure", "tls-pin"), "TLS/name=ok", "TLS/pin=ok"))
        expect("EHLO" not in s.talk(), "nothing is said to it: %s", s.talk())
        pin = re.search("tls-pin = (sha256:[0-9a-f]+)", r.has("TLS/pin=ok")["text"]).group(1)
        examine(p, s.account("tls-trust = none", "tls-pin = " + pin), want=(
            ("TLS/pin=ok", "fits"), ("TLS/chain=ok", "nobody looks"), "login/login=ok"))
        wrong = "sha256:" + "0" * 64
        examine(p, s.account("tls-trust = none", "tls-pin = " + wrong), status=69, want=(
            ("TLS/pin=failure", pin),), lack=("login/login",))
        print_ = r.has("TLS/pin=ok")["data"]["fingerprint"]
        examine(p, s.account("tls-fingerprint = " + print_), want=("TLS/pin=ok",))
        examine(p, s.account("tls-fingerprint = " + "0" * 64), status=69, want=(
            ("TLS/pin=failure", print_),))


@case("certificates that do not fit")
def certificates():
    for variant, want in {
            "expired": (("TLS/validity=failure", "expired on"), "TLS/chain=failure"),
            "future": (("TLS/validity=failure", "clock"), "TLS/chain=failure"),
            "wrongname": (("TLS/name=failure", "other.example"), "TLS/chain=ok"),
            "cnonly": ("TLS/name=failure",),
            "unknownca": ("TLS/chain=failure", "TLS/name=ok"),
            "clientauth": ("TLS/chain=failure",),
            "rsa1024": ("TLS/keys=failure",)}.items():
        with Place() as p, Smarthost("--certificate", variant) as s:
            examine(p, s.account(), status=69, want=want,
                    lack=("SMTP/greeting", "login/login", "TLS/handshake"))
            expect("EHLO" not in s.talk(), "%s: nothing is said: %s", variant, s.talk())


@case("the remedy for a wrong name: tls-name")
def named():
    with Place() as p, Smarthost("--certificate", "wrongname") as s:
        examine(p, s.account("tls-name = other.example"), want=("TLS/name=ok", "login/login=ok"))


@case("a certificate that ends soon is a warning")
def soon():
    with Place() as p, Smarthost() as s:
        r = examine(p, s.account(), want=(("TLS/validity=warning", "[01] days? left"),))
        expect(r.has("TLS/validity=warning")["data"]["days"] in (0, 1), "days are a number")


@case("a weak key, where the user's priorities allow it, is a warning")
def weak():
    with Place() as p, Smarthost("--certificate", "rsa1024") as s:
        r = examine(p, s.account("tls-trust = none", "tls-pin = sha256:" + "0" * 64), status=69)
        pin = r.of("TLS/pin")[0]["data"]["pin"]
        examine(p, s.account("tls-trust = none", "tls-pin = " + pin, "tls-priority = NORMAL"),
                want=("TLS/keys=warning",))


@case("STARTTLS, TLS 1.2 only, and no TLS where it is wanted")
def versions():
    with Place() as p, Smarthost("--tls-version", "1.2", tls="starttls") as s:
        examine(p, s.account(), want=(("TLS/handshake=ok", r"TLS1\.2"), "login/login=ok"))
        examine(p, s.account("tls-min = 1.3"), status=69, want=("TLS/handshake=failure",))
        examine(p, s.account("tls = implicit"), status=76, want=(
            ("TLS/handshake=failure", "starttls"),))
    with Place() as p, Smarthost(tls="none") as s:
        config = s.account("tls = starttls", "tls-trust = system",
                           without=("allow-cleartext-auth",))
        examine(p, config, status=69, want=(("TLS/handshake=failure", "does not offer STARTTLS"),),
                lack=("login/login",))
    with Place() as p, Smarthost("--tls-version", "1.2") as s:
        examine(p, s.account("tls-priority = NORMAL:-VERS-ALL:+VERS-TLS1.1"), status=75,
                want=("TLS/handshake=failure",))


@case("settings of TLS that cannot be used")
def tls_settings():
    with Place() as p, Smarthost() as s:
        (p.home / "none.pem").write_text("no certificate\n")
        examine(p, s.account(f"tls-trust = {p.home}/none.pem"), status=78,
                want=("TLS/settings=failure",))
        examine(p, s.account("tls-priority = NONSENSE"), status=78,
                want=(("TLS/settings=failure", "tls-priority"),))


@case("the login is refused, with a hint")
def refused():
    with Place() as p, Smarthost() as s:
        (p.home / "wrong").write_text("wrong\n")
        os.chmod(p.home / "wrong", 0o600)
        r = examine(p, s.account(f"password-file = {p.home}/wrong"), status=77, want=(
            "login/mechanism=ok", ("login/login=failure", "user and password")),
            lack=("envelope/sender",))
        expect(r.has("login/login=failure")["data"]["code"] == 535, "the server's code")
        expect(s.talk().count("AUTH ") == 1, "a refused password is tried once: %s", s.talk())


@case("mechanisms: none, weak, named, before TLS")
def mechanisms():
    with Place() as p, Smarthost("--mechanisms", "none") as s:
        examine(p, s.account(), status=69, want=("login/mechanism=failure",),
                lack=("login/login",))
        examine(p, s.account("auth = none", without=("user", "password-file")), want=(
            ("secrets/source=ok", "no login"), ("login/mechanism=ok", "no login is wanted")))
    with Place() as p, Smarthost("--mechanisms", "CRAM-MD5") as s:
        examine(p, s.account(), want=(("login/mechanism=warning", "weak"), "login/login=ok"))
    with Place() as p, Smarthost("--mechanisms", "PLAIN,LOGIN") as s:
        examine(p, s.account("auth = login"), want=(("login/mechanism=ok", "auth names"),))
        examine(p, s.account("auth = scram-sha-1"), status=69, want=(
            ("login/mechanism=failure", "offered: PLAIN LOGIN"),))


@case("senders and recipients that are refused")
def envelope():
    with Place() as p, Smarthost() as s:
        examine(p, s.account("from = permfail@example.org"), "--to", "bob@example.net", status=77,
                want=("envelope/sender=failure",), lack=("envelope/recipient",))
        examine(p, s.account("from = tempfail@example.org"), status=75,
                want=("envelope/sender=failure",))
        examine(p, s.account(), "--to", "permfail@example.net", status=67,
                want=("envelope/sender=ok", "envelope/recipient=failure"))
        examine(p, s.account(without=("from",)), want=(
            ("envelope/sender=warning", "set from"),))
        examine(p, s.account("user = alice", without=("from",)), lack=("envelope/recipient",))


@case("the null sender is refused; its remedy")
def null_sender():
    with Place() as p, Script({b"MAIL FROM:<>": b"550 5.7.60 no"}) as s:
        examine(p, s.account(), want=(("envelope/null sender=warning", "bounce-from"),
                                      "envelope/sender=ok"))
        examine(p, s.account("bounce-from = ann@example.org"),
                want=("envelope/null sender=ok",))


@case("greetings: refusal, silence, garbage, another protocol")
def greetings():
    for answers, status, words in (({b"": b"554 5.3.2 no"}, 69, "not available"),
                                   ({b"": b"421 4.3.2 later"}, 75, "later"),
                                   ({b"": b"SSH-2.0-OpenSSH"}, 76, "host, port and tls"),
                                   ({b"": b"\x00\xff\x1b[2J"}, 76, ""),
                                   ({b"": None}, 75, "")):
        with Place() as p, Script(answers) as s:
            examine(p, s.account("timeout = 2s"), status=status, want=(
                "server/connection=ok", ("SMTP/greeting=failure", words)),
                lack=("SMTP/extensions", "login/mechanism"))


@case("EHLO is refused, for now or for good")
def hello():
    with Place() as p, Script({b"EHLO": b"502 what"}) as s:
        examine(p, s.account(), want=("SMTP/extensions=warning",))
    with Place() as p, Script({b"EHLO": b"421 later"}) as s:
        examine(p, s.account(), status=75, want=("SMTP/extensions=failure",))
    with Place() as p, Script({b"EHLO": b"250-x\n250 SIZE \x1b[31m"}) as s:
        examine(p, s.account(), want=("SMTP/extensions=ok",))


@case("a closed port; one of two hosts is down")
def closed():
    with Place() as p, Smarthost("--certificate", "lasting") as s:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            dead = free.getsockname()[1]
            examine(p, s.account(f"host = localhost:{dead}"), status=75, want=(
                ("server/connection=failure", f"{dead}: Connection refused -> nothing listens there"),),
                lack=("TLS/chain",))
            r = examine(p, s.account(f"host = localhost:{dead} localhost:{s.port}"), want=(
                ("server/connection=warning", "nothing listens there"), "server/connection=ok",
                "login/login=ok"))
            expect(len(r.of("login/login")) == 1, "one login")
            r = examine(p, s.account(f"host = localhost:{s.port} 127.0.0.1:{s.port}"), want=(
                "server/connection=ok",))
            expect(s.talk().count("AUTH SCRAM") == 2, "one login for each run: %s", s.talk())
            expect(len(r.of("server/connection")) == 2 and len(r.of("login/login")) == 1,
                   "each is looked at, one login: %s", r.text)


@case("a host that does not exist")
def nowhere():
    with Place() as p, Smarthost() as s:
        place = examine(p, s.account("host = nowhere.invalid"), "--offline",
                        lack=("DNS/addresses", "server/connection"))
        expect(place.has("secrets/source=ok"), "secrets are looked at without the network")
        done = p.run("check", "--json")
        r = Report(done)
        r.has("DNS/addresses=failure")
        expect(r.status in (68, 75), "status %s", r.status)


@case("unix sockets and LMTP")
def sockets():
    with Place() as p:
        path = p.home / "lmtp"
        with socket.socket(socket.AF_UNIX) as listener, Script({}) as s:
            listener.bind(str(path))
            listener.listen(4)
            s.listener.close()
            s.listener = listener.dup()
            import threading
            threading.Thread(target=s.serve, daemon=True).start()
            examine(p, f"[account work]\nsocket = {path}\nprotocol = lmtp\nauth = none\n"
                    "from = ann@example.org\n", want=(
                        ("server/connection=ok", "unix:"), "SMTP/extensions=ok",
                        "envelope/sender=ok"), lack=("DNS/addresses", "TLS/chain"))
            expect(any(h.startswith(b"LHLO") for h in s.heard), "LHLO: %s", s.heard)


@case("the configuration: absent, wrong, writable, in an open directory")
def configuration():
    with Place() as p, Smarthost() as s:
        examine(p, None, status=78, want=(("configuration/files=failure", "sendoff setup"),))
        examine(p, "[account x]\nhots = a\n", status=78, want=(
            ("configuration/files=failure", "config:2: hots"),))
        p.config.write_text(s.account())
        os.chmod(p.config, 0o666)
        r = examine(p, None, status=78, want=("configuration/files=failure",))
        os.chmod(p.config, 0o644)
        expect("chmod go-w" in r.has("configuration/files=failure")["text"], "the remedy")
        os.chmod(p.config.parent, 0o777)
        r = examine(p, None, "--offline", want=("configuration/directory=warning",
                                                "configuration/files=ok"))
        remedy = r.has("configuration/directory=warning")["remedy"]
        expect(os.system(remedy) == 0, "%s", remedy)
        examine(p, None, "--offline", want=("configuration/directory=ok",))


@case("settings that do not go together; one account hides nothing of another")
def settings():
    with Place() as p, Smarthost() as s:
        r = examine(p, "[account bad]\nhost = localhost\nauth = plain\n" + s.account(), status=78,
                    want=(("configuration/settings=failure", "needs user"), "login/login=ok"))
        expect(r.findings[-1]["account"] is None, "the machine comes last")
        examine(p, None, "work", want=("configuration/settings=ok",))
        examine(p, "[account bad]\nhost = localhost\nauth = plain\n" +
                s.account("from = permfail@example.org"), status=78,
                want=("configuration/settings=failure", "envelope/sender=failure"))
        done = p.run("check", "nobody")
        expect(done.returncode == 78 and b"no account nobody" in done.stderr and not done.stdout,
               "an account that is not there: %s", done)
        done = p.run("check", "bad", "work")
        expect(done.returncode == 64, "two accounts: %s", done)
        done = p.run("check", "work", "--to", "a@b\nc")
        expect(done.returncode in (64, 65), "--to: %s", done)
        done = p.run("check", "work", "--to", "")
        expect(done.returncode == 64 and b"--to" in done.stderr, "no recipient: %s", done)
        done = p.run("check", "-")
        expect(done.returncode == 64 and b"recipient" not in done.stderr, "-: %s", done)


@case("variables: in use, unknown, in vain")
def variables():
    with Place() as p, Smarthost() as s:
        env = {"SENDOFF_HOST": f"localhost:{s.port}", "SENDOFF_TLS": "implicit",
               "SENDOFF_TLS_TRUST": s.ca}
        examine(p, "", "--offline", env=env, want=(
            ("configuration/environment=ok", "SENDOFF_TLS_TRUST"),))
        examine(p, "", "--offline", env=dict(env, SENDOFF_NONSENSE_XYZ="x"), want=(
            ("configuration/environment=warning", "SENDOFF_NONSENSE_XYZ"),))
        examine(p, s.account(), "--offline", env={"SENDOFF_TLS": "none"}, want=(
            ("configuration/environment=warning", "SENDOFF_HOST"),))


@case("files that are named: readable by others, missing, mounted")
def named_files():
    with Place() as p, Smarthost() as s:
        secret = p.home / "secret"
        shutil.copy(s.password, secret)
        os.chmod(secret, 0o644)
        config = s.account(f"password-file = {secret}")
        r = examine(p, config, "--offline", status=78, want=("configuration/named files=failure",
                                                             "secrets/source=failure"))
        command = re.search(r"\((chmod .*?)\)", r.has("configuration/named files=failure")["text"])
        expect(command and os.system(command.group(1)) == 0, "the command in brackets")
        examine(p, None, "--offline", want=("configuration/named files=ok", "secrets/source=ok"))
        secret.unlink()
        examine(p, None, "--offline", status=78, want=("configuration/named files=failure",))
        shutil.copy(s.password, secret)
        os.chmod(secret, 0o644)
        env = {"SENDOFF_HOST": f"localhost:{s.port}", "SENDOFF_TLS_TRUST": s.ca,
               "SENDOFF_USER": "alice", "SENDOFF_PASSWORD_FILE": str(secret)}
        examine(p, "", "--offline", env=env, want=(("configuration/named files=warning", "400"),
                                                   "secrets/source=ok"))


@case("secrets: a command that fails, a credential that is not there, nobody to ask")
def secrets():
    with Place() as p, Smarthost() as s:
        examine(p, s.account("password-command = sh -c 'echo locked >&2; exit 75'",
                             without=("password-file",)), "--offline", status=75,
                want=(("secrets/source=failure", "locked"),))
        examine(p, s.account("password-command = cat " + s.password, without=("password-file",)),
                want=(("secrets/source=ok", "password-command"), "login/login=ok"))
        examine(p, s.account("password-credential = mail", without=("password-file",)),
                "--offline", status=78, want=(("secrets/source=failure", "LoadCredential"),))
        examine(p, s.account("keyring = no", without=("password-file",)), "--offline", status=77,
                want=(("secrets/source=failure", "sendoff password work"),),
                start_new_session=True)
        r = examine(p, s.account("keyring = no", without=("password-file",)), status=77,
                    want=("SMTP/extensions=ok", "login/mechanism=ok"), start_new_session=True)
        expect(not r.of("login/login"), "without a secret the way is looked at up to the login")


@case("a key on a token without its PIN")
def token():
    with Place() as p, Smarthost() as s:
        examine(p, s.account("tls-cert = pkcs11:token=none", "tls-key = pkcs11:token=none"),
                status=75, want=(("secrets/certificate=failure", "no token that fits.*plug"),),
                start_new_session=True)


@case("the queue: absent, waiting, late, held, failed, damaged")
def queue():
    with Place() as p, Smarthost() as s:
        examine(p, s.account(), "--offline", want=(
            ("queue/spool=ok", "is made when"), ("queue/runner=ok", "nothing is kept")))
        examine(p, s.account("queue = on-failure"), "--offline", want=(
            ("queue/runner=warning", "queue run"),))
        p.tool(p.spool, "make")
        examine(p, s.account(), "--offline", want=(
            "queue/spool=ok", "queue/space=ok", ("queue/waiting=ok", "^0 waiting"),
            "queue/held=ok", "queue/failed=ok", "queue/damaged=ok", "queue/account=ok"))
        id_ = p.tool(p.spool, "commit")
        examine(p, None, "--offline", want=(("queue/waiting=ok", "^1 waiting"),
                                            ("queue/runner=warning", "messages are waiting")))
        p.tool("--ago=20000", p.spool, "commit")
        examine(p, None, "--offline", want=(("queue/waiting=warning", "1 of them"),))
        p.tool(p.spool, "hold", id_)
        r = examine(p, None, "--offline", want=("queue/held=warning",))
        expect("sendoff queue release ID" in r.has("queue/held=warning")["remedy"], "remedy")
        expect(p.run("queue", "release", id_).returncode == 0, "the remedy works")
        examine(p, None, "--offline", want=("queue/held=ok",))
        p.tool(p.spool, "fail", id_)
        examine(p, None, "--offline", want=("queue/failed=warning",))
        expect(p.run("queue", "remove", id_).returncode == 0, "the remedy works")
        examine(p, None, "--offline", want=("queue/failed=ok",))
        other = p.tool(p.spool, "commit")
        path = p.spool / "queue" / other
        mode, data = path.stat().st_mode, path.read_bytes()
        path.write_bytes(b"x" + data[1:])
        os.chmod(path, stat.S_IMODE(mode))
        examine(p, None, "--offline", want=("queue/damaged=warning",))
        path.unlink()
        examine(p, None, "--offline", want=("queue/damaged=ok",))


@case("the spool can be written by others")
def spool_mode():
    with Place() as p, Smarthost() as s:
        p.tool(p.spool, "make")
        os.chmod(p.spool / "queue", 0o777)
        examine(p, s.account(), "--offline", status=78, want=(("queue/spool=failure", "chmod"),))


@case("a runner has had its turn")
def runner():
    with Place() as p, Smarthost() as s:
        p.config.write_text(s.account())
        done = p.run("queue", "run", "--once", "--quiet")
        expect(done.returncode == 0, "%s", done)
        examine(p, None, "--offline", want=(("queue/runner=ok", "at work"),))


@case("what is known against the account; its remedy")
def breaker():
    with Place() as p, Smarthost() as s:
        (p.home / "wrong").write_text("wrong\n")
        os.chmod(p.home / "wrong", 0o600)
        p.config.write_text(s.account(f"password-file = {p.home}/wrong"))
        p.run("--queue", "bob@example.net", stdin=b"Subject: x\n\nx\n")
        examine(p, None, "--offline", want=(("queue/account=warning", "credentials.*flush"),))
        p.config.write_text(s.account())
        done = p.run("queue", "flush", "--account", "work")
        expect(done.returncode == 0, "%s", done)
        examine(p, None, "--offline", want=("queue/account=ok", "queue/waiting=ok"))


def in_namespace(script):
    if os.geteuid() != 0:
        raise Skip("a mount wants root")
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script + '; exec "$@"',
            "sh")


@case("a spool that is short of space")
def space():
    with Place() as p, Smarthost() as s:
        p.config.write_text(s.account(f"queue-dir = {p.home}/small/q"))
        (p.home / "small").mkdir()
        for size, want, status in (("50m", "queue/space=warning", 0),
                                   ("200k", "queue/space=failure", 75)):
            script = (f"mount -t tmpfs -o size={size} none {p.home}/small && "
                      f"'{os.environ['SPOOL_TOOL']}' {p.home}/small/q make")
            done = p.run("check", "--json", "--offline", before=in_namespace(script))
            r = Report(done)
            r.has(want)
            expect(r.status == status, "%s", r.text)
        script = (f"mount -t tmpfs none {p.home}/small && "
                  f"'{os.environ['SPOOL_TOOL']}' {p.home}/small/q make && "
                  f"mount -o remount,ro {p.home}/small")
        r = Report(p.run("check", "--json", "--offline", before=in_namespace(script)))
        expect(r.status == 75 and "read-only" in r.has("queue/space=failure")["text"], r.text)


@case("who is sendmail")
def sendmail():
    with Place() as p, Smarthost() as s:
        p.config.write_text(s.account())
        mount = "mount -t tmpfs none /usr/sbin"
        r = Report(p.run("check", "--json", "--offline", before=in_namespace(mount)))
        r.has("machine/sendmail=warning", "cannot send")
        mount += f" && ln -s '{SENDOFF}' /usr/sbin/sendmail"
        r = Report(p.run("check", "--json", "--offline", before=in_namespace(mount)))
        r.has("machine/sendmail=ok", "is sendoff")
        mount = ("mount -t tmpfs none /usr/sbin && cp /bin/true /usr/sbin/postfix && "
                 "ln -s postfix /usr/sbin/sendmail")
        r = Report(p.run("check", "--json", "--offline", before=in_namespace(mount)))
        r.has("machine/sendmail=ok", "not sent by sendoff")
        r.has("machine/other programs=ok", "Postfix")


def forbid_sandboxes():
    """A filter in front of ours: neither Landlock nor seccomp, as an old kernel has it."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    program = [(0x20, 0, 0, 0), (0x15, 2, 0, 444), (0x15, 1, 0, 317), (0x06, 0, 0, 0x7fff0000),
               (0x06, 0, 0, 0x00050000 | 38)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in program))
    filter_ = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, filter_):
        os._exit(99)


@case("the sandbox that the kernel gives")
def sandbox():
    with Place() as p, Smarthost() as s:
        if not SANITIZED:
            r = examine(p, s.account(), "--offline", want=("machine/sandbox=ok",))
            version = p.run("--version").stdout.decode()
            text = r.has("machine/sandbox=ok")["text"]
            expect(f"sandbox: {text}\n" in version, "as --version says: %s %s", text, version)
        examine(p, s.account(), "--offline", want=("machine/sandbox=warning",),
                preexec_fn=forbid_sandboxes)


@case("the service: absent, there, for whom")
def service():
    with Place() as p, Smarthost() as s:
        path = p.home / "socket"
        lines = ("submit = service", f"service-socket = {path}")
        examine(p, s.account(*lines), "--offline", status=75, want=(
            ("service/socket=failure", "sendoff serve"),))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(8)
            examine(p, s.account(*lines), "--offline", want=("service/socket=ok",
                                                             "service/permission=ok"))
            if os.geteuid() != 0:
                raise Skip("another user wants root")
            os.chmod(p.home, 0o755)
            os.chmod(path, 0o777)
            config = p.home / "system"
            for more, want, status in ((("allow-senders = *@example.org",),
                                        "service/permission=ok", 0),
                                       (("allow-senders = other@example.org",),
                                        "service/permission=failure", 77),
                                       (("users = daemon",), "service/permission=failure", 77)):
                config.write_text(s.account(*lines, *more))
                r = Report(p.run("check", "--json", "--config", config, user=65534, group=65534,
                                 extra_groups=()))
                r.has(want)
                expect(r.status == status, "%s", r.text)
                r.lacks("secrets/source", "server/connection")


def in_terminal(place, *arguments, **env):
    """What the doctor writes to a terminal."""
    import pty
    master, slave = pty.openpty()
    pid = os.fork()
    if not pid:
        os.close(master)
        os.setsid()
        for fd in 0, 1, 2:
            os.dup2(slave, fd)
        os.chdir(place.home)
        os.execve(SENDOFF, [SENDOFF, *arguments], place.environment(**{"TERM": "xterm", **env}))
    os.close(slave)
    out = b""
    while select.select([master], [], [], 60)[0]:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    os.close(master)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), out.decode().replace("\r\n", "\n")


@case("on a terminal: colours, aligned, one line each and one for the remedy")
def terminal():
    with Place() as p, Smarthost() as s:
        p.config.write_text(s.account())
        status, out = in_terminal(p, "check", "work")
        expect(status == 0 and "\033[32mok" in out and "\033[33mwarning" in out, "%s", out)
        for env in {"NO_COLOR": "1"}, {"TERM": ""}, {"TERM": "dumb"}:
            status, plain = in_terminal(p, "check", "work", **env)
            expect("warning " in plain and "\033" not in plain, "%s: %s", env, plain)
        piped = p.run("check", "work").stdout.decode()
        expect("\033" not in piped, "no colours into a pipe")
        lines = piped.splitlines()
        expect(re.fullmatch(r"\d+ failures?, \d+ warnings?, \d+ ok", lines[-1]), "%s", lines[-1])
        for line in lines[:-1]:
            expect(not line or re.match(r"(account work|this machine):$", line) or
                   re.match(r"  (ok     |warning|failure)  \S.{13}\S.{14}\S", line) or
                   re.match(r" {40}-> \S", line), "%r", line)
        status, out = in_terminal(p, "check", "--json")
        expect(out.startswith("{") and "\033" not in out, "JSON is JSON")


@case("the trace shows the dialogue, without the password")
def trace():
    with Place() as p, Smarthost("--mechanisms", "PLAIN") as s:
        p.config.write_text(s.account())
        done = p.run("check", "-v")
        expect(b"-> AUTH PLAIN ***" in done.stderr and b"-> RSET" in done.stderr, "%s", done.stderr)


@case("flags alone make an account")
def flags():
    with Place() as p, Smarthost("--certificate", "lasting") as s:
        examine(p, None, "--host", f"localhost:{s.port}", "--tls", "implicit", "--tls-trust", s.ca,
                "--user", "alice", "--password-file", s.password, "--from", "alice@example.org",
                want=("login/login=ok", "envelope/sender=ok"), lack=("configuration/files",))


def run():
    patterns = sys.argv[1:] or ["*"]
    chosen = [c for c in CASES if any(fnmatch.fnmatch(c[1].__name__, p) for p in patterns)]
    failed = 0
    print("1..%d" % len(chosen))
    for number, (title, function) in enumerate(chosen, 1):
        since = time.monotonic()
        try:
            function()
            print("ok %d - %s # %.1f s" % (number, title, time.monotonic() - since), flush=True)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, title, why), flush=True)
        except Exception as why:  # what a case found, or a mistake in it
            failed += 1
            print("not ok %d - %s" % (number, title))
            text = str(why) if isinstance(why, Wrong) else traceback.format_exc()
            for line in text.splitlines():
                print("# " + line, flush=True)
    return failed != 0
