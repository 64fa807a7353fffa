"""Set-ups that a person gets wrong, our own certificate, and systemd's units."""

import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading

from cases import case
from place import Place, Report, Smarthost, examine, expect


def closed_port():
    """A port on which nothing listens, as long as the socket lives."""
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    return free, free.getsockname()[1]


@case("a fallback: there, absent, leading back")
def fallback():
    with Place() as p, Smarthost() as s:
        other = s.account(name="other", without=("fallback",))
        examine(p, s.account("fallback = other") + other, "--offline", want=(
            ("configuration/fallback=ok", "account other where"),))
        examine(p, s.account("fallback = other") +
                s.account("fallback = third", name="other") + s.account(name="third"),
                "work", "--offline", want=(("configuration/fallback=ok", "other, then third"),))
        examine(p, s.account("fallback = none"), "--offline", lack=("configuration/fallback",))
        r = examine(p, s.account("fallback = nobody"), "--offline", status=78, want=(
            ("configuration/fallback=failure", "does not exist: nobody"),))
        expect(len(r.of("configuration/settings")) == 1, "once")
        done = p.run("bob@example.net", stdin=b"Subject: x\n\nx\n")
        expect(done.returncode == 78 and b"nobody" in done.stderr, "what it says is true: %s", done)
        examine(p, s.account("fallback = other") + s.account("fallback = work", name="other"),
                "--offline", status=78, want=(("configuration/fallback=failure", "leads back"),))


@case("the remedy fits the source of the password")
def remedies():
    with Place() as p, Smarthost() as s:
        (p.home / "empty").touch(0o600)
        r = examine(p, s.account(f"password-file = {p.home}/empty"), "--offline", status=78, want=(
            ("secrets/source=failure", "the password is empty -> write the password into"),))
        (p.home / "empty").write_bytes(pathlib.Path(s.password).read_bytes())
        examine(p, None, want=("login/login=ok",))
        r = examine(p, s.account("password-command = nosuchprogram", without=("password-file",)),
                    "--offline", status=78, want=(("secrets/source=failure", "by hand"),))
        expect("stores" not in r.has("secrets/source=failure")["remedy"],
               "what is stored is not asked for while a command is set")
        r = examine(p, s.account(f"password-file = {p.home}/none"), "--offline", status=78)
        expect("brackets" not in r.has("configuration/named files=failure")["remedy"],
               "there is no command in brackets")
        examine(p, s.account("oauth = google", without=("password-file",)), "--offline", status=78,
                want=(("secrets/token=failure", "oauth-client-id.*-> set what is named"),))


@case("a proxy: dead, without a name, without its password")
def proxies():
    with Place() as p, Smarthost() as s:
        free, dead = closed_port()
        with free:
            examine(p, s.account(f"proxy = socks5://localhost:{dead}"), status=75, want=(
                ("server/connection=failure", "refused -> check proxy"),), lack=("TLS/handshake",))
        p.config.write_text(s.account("proxy = socks5://nowhere.invalid"))
        r = Report(p.run("check", "--json"))
        r.has("server/connection=failure", "nowhere.invalid.*-> check proxy")
        r.lacks("DNS/DANE")
        expect(r.status in (68, 75), "status %s", r.status)
        examine(p, s.account("proxy = socks5://u@localhost", "proxy-password-file = /nonexistent"),
                "--offline", status=78, want=(
                    ("configuration/named files=failure", "proxy-password-file"),
                    ("secrets/source=failure", "the proxy's password")))


@case("a unix socket that is not there, or not for us; LMTP and SMTP taken for each other")
def protocols():
    with Place() as p, Smarthost(tls="none") as s:
        lines = (f"[account work]\nsocket = {p.home}/none\nprotocol = lmtp\nauth = none\n"
                 "from = ann@example.org\n")
        examine(p, lines, status=75, want=(
            ("server/connection=failure", "unix:.*No such file.*-> check socket"),))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(p.home / "none"))
            examine(p, None, status=75, want=(
                ("server/connection=failure", "refused -> check socket"),))
        examine(p, s.account("protocol = lmtp"), status=69, want=(
            ("SMTP/extensions=failure", "refused LHLO.*remove protocol = lmtp"),))


@case("files that are made or read when a message is sent: aliases, log, spool")
def later_files():
    with Place() as p, Smarthost() as s:
        examine(p, s.account(f"aliases = {p.home}/aliases"), "--offline", status=78, want=(
            ("configuration/named files=failure", "aliases .*No such file"),))
        (p.home / "aliases").write_text("root: ann@example.org\n")
        examine(p, None, "--offline", want=(("configuration/named files=ok", "aliases /"),))
        examine(p, s.account(f"log = {p.home}/none/log"), "--offline", want=(
            ("configuration/named files=warning", "none/log cannot be written"),))
        (p.home / "none").mkdir()
        r = examine(p, None, "--offline")
        expect(not any("log" in f["text"] for f in r.of("configuration/named files")),
               "its remedy: %s", r.text)
        if os.geteuid() == 0:
            os.chmod(p.home, 0o755)
            config = p.home / "config"
            config.write_text("[account work]\nhost = localhost\nauth = none\n"
                              f"queue-dir = {p.home}/not-yours/q\n")
            (p.home / "not-yours").mkdir(0o755)
            r = Report(p.run("check", "--json", "--offline", "--config", config, user=65534,
                             group=65534, extra_groups=()))
            r.has("queue/spool=warning", r"cannot make it below \S+/not-yours \(root, 755\)")
            os.chown(p.home / "not-yours", 65534, 65534)
            r = Report(p.run("check", "--json", "--offline", "--config", config, user=65534,
                             group=65534, extra_groups=()))
            r.has("queue/spool=ok", "is made when")


def certificate(directory, name, *, days=None, dates=None, purpose="clientAuth"):
    """A client's certificate and key, signed by the authority in DIRECTORY/ca."""
    key, request, out = (directory / f"{name}{end}" for end in ("-key.pem", ".csr", ".pem"))
    ca = directory / "ca"
    extension = directory / f"{name}.ext"
    extension.write_text("basicConstraints=CA:FALSE\n" +
                         (f"extendedKeyUsage={purpose}\n" if purpose else ""))

    def openssl(*argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, cwd=directory)
    if not ca.exists():
        ca.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", ca / "key.pem", "-out", ca / "ca.pem", "-days", "400",
                "-subj", "/CN=Clients")
        (ca / "index").touch()
        (ca / "config").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={ca}/index\nnew_certs_dir={ca}\nrand_serial=yes\n"
            f"certificate={ca}/ca.pem\nprivate_key={ca}/key.pem\ndefault_md=sha256\n"
            "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    when = ("-days", days) if days else ("-startdate", dates[0], "-enddate", dates[1])
    openssl("ca", "-batch", "-config", ca / "config", "-in", request, "-out", out, "-notext",
            "-extfile", extension, *when)
    return f"tls-cert = {out}", f"tls-key = {key}"


@case("our own certificate: good, ending, ended, too early, for servers")
def own_certificate():
    with Place() as p, Smarthost("--certificate", "lasting") as s:
        good = certificate(p.home, "good", days=100)
        r = examine(p, s.account(*good), want=(
            ("secrets/certificate=ok", "CN=good by CN=Clients, .*: (99|100) days left"),
            "login/login=ok"))
        data = r.has("secrets/certificate=ok")["data"]
        expect(data["days"] in (99, 100) and re.fullmatch("[0-9a-f]{64}", data["fingerprint"]),
               "%s", data)
        examine(p, None, "--offline", want=("secrets/certificate=ok",))
        examine(p, s.account(), "--offline", lack=("secrets/certificate",))
        for name, want, more in (
                ("soon", "expires on .*: (9|10) days left", {"days": 10}),
                ("over", "expired on 2020-02-01",
                 {"dates": ("20200101000000Z", "20200201000000Z")}),
                ("early", "is valid from 2090-01-01.*clock",
                 {"dates": ("20900101000000Z", "20910101000000Z")}),
                ("server", "not for clients", {"days": 100, "purpose": "serverAuth"})):
            lines = certificate(p.home, name, **more)
            # this server does not ask for it
            examine(p, s.account(*lines), want=(("secrets/certificate=warning", want),
                                                "login/login=ok"))
        any_purpose = certificate(p.home, "any", days=100, purpose="")
        examine(p, s.account(*any_purpose), "--offline", want=("secrets/certificate=ok",))


@case("our own certificate cannot be used: another key, no PEM, a key with a password")
def own_key():
    with Place() as p, Smarthost() as s:
        one, two = (certificate(p.home, name, days=100) for name in ("one", "two"))
        r = examine(p, s.account(one[0], two[1]), status=78, lack=("server/connection",), want=(
            ("secrets/certificate=failure", "is not the key of.*-> set tls-key to the key that"),))
        expect(len(r.of("secrets/certificate")) == 1 and not r.of("TLS/settings"), "told once")
        (p.home / "text").write_text("no key\n")
        os.chmod(p.home / "text", 0o600)
        examine(p, s.account(one[0], f"tls-key = {p.home}/text"), "--offline", status=78, want=(
            ("secrets/certificate=failure", "both as PEM"),))
        locked = p.home / "locked.pem"
        subprocess.run(["openssl", "pkey", "-in", str(p.home / "one-key.pem"), "-out", str(locked),
                        "-aes256", "-passout", "pass:x"], check=True, capture_output=True)
        os.chmod(locked, 0o600)
        examine(p, s.account(one[0], f"tls-key = {locked}"), "--offline", status=78, want=(
            ("secrets/certificate=failure", "protected by a password.*-> store the key"),))


class Strict(threading.Thread):
    """A server that takes nobody without a certificate that it can verify."""

    def __init__(self, ours, clients):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(ours / "server.pem", ours / "server-key.pem")
        self.context.load_verify_locations(clients)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(60)

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            try:
                connection.settimeout(60)
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    tls.sendall(b"421 4.3.2 later\r\n")
            except OSError:
                connection.close()


@case("a server that refuses our certificate, which has ended")
def own_refused():
    with Place() as p, Smarthost("--certificate", "lasting") as s:
        over = certificate(p.home, "over", dates=("20200101000000Z", "20200201000000Z"))
        good = certificate(p.home, "good", days=100)
        with Strict(pathlib.Path(s.ca).parent, p.home / "ca/ca.pem") as server:
            place = f"host = localhost:{server.port}"
            r = examine(p, s.account(place, *over), status=77, want=(
                ("TLS/handshake=failure", "refused our client certificate"),
                ("secrets/certificate=failure", "expired on 2020-02-01.*the server refused it")))
            expect(r.all["failure"] == 2, "%s", r.text)
            examine(p, s.account(place, *good), status=75, want=(
                "secrets/certificate=ok", ("SMTP/greeting=failure", "later")))


SYSTEMCTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$HOME/asked"
cat "$HOME/units"
exit $(cat "$HOME/status")
"""


def unit(name, load="loaded", active="active", file="enabled", **more):
    lines = {"Result": "success", "Id": name, "LoadState": load, "ActiveState": active,
             "UnitFileState": file, **more}
    return "".join(f"{key}={value}\n" for key, value in lines.items())


@case("units of systemd: enabled, not started, failed, absent; nothing is started")
def units():
    with Place() as p, Smarthost() as s:
        program = p.home / "bin/systemctl"
        program.parent.mkdir()
        program.write_text(SYSTEMCTL)
        program.chmod(0o755)
        path = {"PATH": f"{program.parent}:/usr/bin:/bin"}
        absent = unit("sendoff.socket", "not-found", "inactive", "")

        def ask(*all_, status=0, **more):
            (p.home / "units").write_text("\n".join(all_))
            (p.home / "status").write_text(str(status))
            return examine(p, s.account(), "--offline", env=path, **more)
        r = ask(unit("sendoff-queue.timer", LastTriggerUSec="Mon 2026-11-30 10:00:00 UTC"), absent,
                unit("sendoff-login.timer", active="inactive", file="disabled"), want=(
                    ("queue/units=ok", "sendoff-queue.timer is enabled, last run: Mon 2026-11-30 "
                     "10:00:00 UTC; sendoff-login.timer is disabled"),))
        data = r.has("queue/units=ok")["data"]["units"]
        expect(set(data) == {"sendoff-queue.timer", "sendoff-login.timer"}, "%s", data)
        ask(unit("sendoff-queue.timer", LastTriggerUSec=""), want=(
            ("queue/units=ok", "last run: none yet"),))
        ask(unit("sendoff-queue.timer", active="inactive"), want=(
            ("queue/units=warning", "not started -> systemctl --user start sendoff-queue.timer"),))
        r = ask(unit("sendoff-queue.timer"),
                unit("sendoff-queue.service", active="failed", file="static", Result="exit-code"),
                want=(("queue/units=warning", "service has failed .exit-code. -> journalctl --user "
                       "-u sendoff-queue.service"), "queue/units=ok"))
        ask(absent, lack=("queue/units",))
        ask("Result=\nId", "garbage", lack=("queue/units",))
        ask("System has not been booted with systemd", status=1, lack=("queue/units",))
        asked = (p.home / "asked").read_text().splitlines()
        expect(len(asked) == 7 and all(" show --property=" in a and a.startswith("--user ")
                                       for a in asked), "%s", asked)
        program.unlink()
        examine(p, None, "--offline", env={"PATH": str(p.home)}, lack=("queue/units",))


@case("systemd does not answer")
def silent_systemd():
    with Place() as p, Smarthost() as s:
        program = p.home / "bin/systemctl"
        program.parent.mkdir()
        # a process of its own, which must not be left
        program.write_text("#!/bin/sh\necho $$ >\"$HOME/pid\"\nexec sleep 600\n")
        program.chmod(0o755)
        examine(p, s.account(), "--offline", env={"PATH": f"{program.parent}:/usr/bin:/bin"},
                lack=("queue/units",), want=("machine/sandbox=ok",) if os.environ.get(
                    "SANITIZED", "0") != "1" else ())
        pid = int((p.home / "pid").read_text())
        expect(not pathlib.Path(f"/proc/{pid}").exists(), "it is ended")
