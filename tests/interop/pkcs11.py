#!/usr/bin/env python3
"""A client key on a token (SoftHSM): where its PIN may come from, and what may be wrong with it.

usage: pkcs11.py DIRECTORY (with SOFTHSM2_CONF, SENDOFF, SMARTHOST and WEB_PROBE set; see pkcs11)"""

import json
import os
import pathlib
import pty
import subprocess
import sys
import time

for room in ("oauth", "support"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", room))

import assertion  # noqa: E402
from submission import HEADER, SENDOFF, Smarthost, Tap  # noqa: E402

PIN = "12 34%"
WRONG = "not-this-pin"   # which no port or time looks like
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
MESSAGE = HEADER + b"Hi.\n"
WIRE = MESSAGE.replace(b"\n", b"\r\n")
KEY, CERT = "pkcs11:token=lab;object=me;type=private", "pkcs11:token=lab;object=me;type=cert"


def quiet(*argv, **environment):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, **environment})


def make_token(directory, ca):
    """The client's key and certificate on a token called lab."""
    der = str(directory / "key.p8")
    quiet("softhsm2-util", "--init-token", "--free", "--label", "lab", "--pin", PIN,
          "--so-pin", "0000abcd")
    quiet("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", str(ca / "client-key.pem"), "-out", der)
    quiet("softhsm2-util", "--import", der, "--token", "lab", "--label", "me", "--id", "A1",
          "--pin", PIN)
    quiet("p11tool", "--login", "--write", "--load-certificate", str(ca / "client.pem"),
          "--label", "me", "--id", "A1", "pkcs11:token=lab", GNUTLS_PIN=PIN)


class Bench:
    def __init__(self, tap, host, directory):
        self.tap, self.host, self.dir = tap, host, directory
        self.pin = self.file("pin", PIN + "\n")
        self.wrong = self.file("wrong", WRONG + "\n")

    def file(self, name, text, mode=0o600):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def case(self, name, *arguments, key=KEY, cert=CERT, status=0, says=""):
        got, complaint, contents = self.host.send(
            MESSAGE, "--auth", "external", "--tls-key", key, "--tls-cert", cert, *arguments,
            SOFTHSM2_CONF=os.environ["SOFTHSM2_CONF"])
        good = got == status and contents == ([] if status else [WIRE]) and says in complaint
        self.tap.ok(good and PIN not in complaint and WRONG not in complaint, name,
                    "status %d" % got, complaint)

    def config(self, name, mode, key):
        """An account with a PIN in its file; returns its arguments."""
        return self.file(name, f"[account a]\nhost = 127.0.0.1:{self.host.port}\ntls = implicit\n"
                         f"auth = EXTERNAL\ntls-trust = {self.host.dir}/ca/ca.pem\n"
                         f"tls-key = {key}\ntls-cert = {CERT}\n", mode)

    def run(self, *argv):
        done = subprocess.run([SENDOFF, *argv], input=MESSAGE, capture_output=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def sources(bench):
    bench.case("the PIN from a file", "--tls-key-pin-file", bench.pin)
    bench.case("TLS 1.2", "--tls-key-pin-file", bench.pin, "--tls-priority",
               "NORMAL:-VERS-ALL:+VERS-TLS1.2")
    bench.case("the PIN from a command", "--tls-key-pin-command", "cat " + bench.pin)
    bench.case("the PIN by pin-source", key=KEY + "?pin-source=file:" + bench.pin)
    bench.case("the certificate in a file", "--tls-key-pin-file", bench.pin,
               cert=str(bench.host.dir / "ca/client.pem"))
    bench.case("the PIN on the command line", key=KEY + "?pin-value=12%2034%25", status=78,
               says="others can see the PIN there")
    bench.case("a PIN that others can read", "--tls-key-pin-file",
               bench.file("open", PIN + "\n", 0o644), status=78, says="chmod")
    bench.case("a PIN by pin-source that others can read",
               key=KEY + "?pin-source=" + bench.file("open", PIN + "\n", 0o644), status=78,
               says="chmod")
    bench.case("a command that fails", "--tls-key-pin-command", "false", status=78,
               says="tls-key-pin-command")
    bench.case("no PIN, and nobody to ask", status=77, says="set tls-key-pin-file")


def shows(text):
    """Whether there is any part of the PIN as the URI has it."""
    return "%2034" in text or "2034%" in text


def configured(bench):
    """pin-value in a file: as secret as the file."""
    key = KEY + "?pin-value=12%2034%25"
    words = ("-i", "-f", "ann@example.org", "bob@example.net")
    status, _, complaint = bench.run("--config", bench.config("private", 0o600, key), *words)
    bench.tap.ok(status == 0 and bench.host.take() == [WIRE], "the PIN in a private configuration",
                 complaint)
    public = bench.config("public", 0o644, key)
    status, _, complaint = bench.run("--config", public, *words)
    bench.tap.ok(status == 78 and "chmod" in complaint and not bench.host.take(),
                 "the PIN in a configuration that others can read", status, complaint)
    _, shown, _ = bench.run("accounts", "--config", public)
    bench.tap.ok("pin-value=***" in shown and not shows(shown), "accounts shows no PIN", shown)
    _, shown, _ = bench.run("accounts", "--json", "--config", public)
    bench.tap.ok(not shows(shown) and json.loads(shown), "nor does its JSON", shown)


def refusals(bench):
    pin = ("--tls-key-pin-file", bench.pin)
    for _ in range(2):
        bench.case("a wrong PIN", "--tls-key-pin-file", bench.wrong, status=77,
                   says='token "lab": the PIN is wrong; it was tried once')
    bench.case("the right one behind wrong ones", *pin)
    bench.case("no such token", *pin, key="pkcs11:token=none;object=me", status=75,
               says="there is no token that fits pkcs11:token=none")
    bench.case("no such key", *pin, key="pkcs11:token=lab;object=none;type=private", status=78,
               says="the token holds no such object")
    bench.case("no such certificate", *pin, cert="pkcs11:token=lab;object=none;type=cert",
               status=78, says="the token holds no such object")
    bench.case("no URI", *pin, key="pkcs11:nonsense", status=78, says="tls-key pkcs11:nonsense")
    bench.case("a certificate for another key", *pin, cert=str(bench.host.dir / "ca/server.pem"),
               status=78, says="is not the key of")


def doctor(bench):
    """What `sendoff check` says of the token, with and without the server."""
    def visit(name, state, words, key=KEY, cert=CERT, pin=bench.pin, status=0, offline=True):
        config = bench.file("doctor", f"[account a]\nhost = 127.0.0.1:{bench.host.port}\n"
                            f"tls = implicit\nauth = EXTERNAL\nfrom = ann@example.org\n"
                            f"tls-trust = {bench.host.dir}/ca/ca.pem\ntls-key = {key}\n"
                            f"tls-cert = {cert}\ntls-key-pin-file = {pin}\n")
        got, out, complaint = bench.run("check", "--json", "--config", config,
                                        *["--offline"] * offline)
        all_ = json.loads(out)["findings"] if out else []
        found = [f for f in all_ if f["name"] == "certificate"]
        bench.tap.ok(got == status and len(found) == 1 and found[0]["state"] == state and
                     words in f"{found[0]['text']} -> {found[0]['remedy']}" and PIN not in out and
                     WRONG not in out, "doctor: " + name, got, out, complaint)
        return out

    visit("all is well, though it ends soon", "warning", "expires on")
    out = visit("all is well, and so at the server", "warning", "expires on", offline=False)
    bench.tap.ok("logged in by EXTERNAL" in out, "doctor: the login by the token", out)
    out = visit("a wrong PIN", "failure", "tried once", pin=bench.wrong, status=77, offline=False)
    bench.tap.ok('"connection"' not in out, "doctor: a wrong PIN is not tried at each address", out)
    visit("the right one behind it", "warning", "expires on")
    visit("no such token", "failure", "plug the token in", status=75,
          key="pkcs11:token=none;object=me")
    visit("no such key", "failure", "p11tool --login --list-all", status=78,
          key="pkcs11:token=lab;object=none;type=private")
    visit("a certificate for another key", "failure", "set tls-key to the key", status=78,
          cert=str(bench.host.dir / "ca/server.pem"))


def assertions(bench):
    """Signed by a key that does not leave the token."""
    probe, certificate = os.environ["WEB_PROBE"], bench.host.dir / "ca/client.pem"

    def sign(*words):
        done = subprocess.run([probe, "jwt", *words], capture_output=True, check=False)
        return done.returncode, done.stdout.decode().strip()
    claims = json.dumps({"aud": "x", "exp": int(time.time()) + 60})
    status, text = sign("key=" + KEY, "pin=" + PIN, "cert=%s" % certificate, "claims=" + claims)
    try:
        bench.tap.ok(assertion.check(text, certificate.read_bytes(), ("x",))["aud"] == "x",
                     "an assertion signed by the token")
    except assertion.Refused as refused:
        bench.tap.ok(False, "an assertion signed by the token", refused, status, text)
    for name, words, wanted, says in (
            ("without a PIN", [], 77, "a PIN is wanted"),
            ("with a wrong PIN", ["pin=" + WRONG], 77, "tried once, and not again"),
            ("with the right one behind it", ["pin=" + PIN], 0, "."),
            ("by no key", ["pin=" + PIN, "key=pkcs11:token=lab;object=none;type=private"], 78,
             "no such key"),
            ("of another certificate", ["pin=" + PIN, "cert=%s" % (bench.host.dir / "ca/ca.pem")], 78,
             "is not the key of")):
        status, text = sign("key=" + KEY, *words)
        bench.tap.ok(status == wanted and says in text, "an assertion " + name, status, text)


def prompt(bench):
    """The PIN is asked for on the terminal, and is not shown."""
    pid, fd = pty.fork()
    if not pid:
        message = str(bench.dir / "message")
        os.dup2(os.open(message, os.O_RDONLY), 0)
        argv = bench.host.arguments("--auth", "external", "--tls-key", KEY, "--tls-cert", CERT)
        os.execv(argv[0], argv)
    shown = b""
    while b"PIN of token lab: " not in shown:
        shown += os.read(fd, 1000)
    os.write(fd, PIN.encode() + b"\n")
    try:
        while part := os.read(fd, 1000):
            shown += part
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    bench.tap.ok(status == 0 and bench.host.take() == [WIRE] and PIN.encode() not in shown,
                 "the PIN from the terminal", shown)


def main():
    directory, tap = pathlib.Path(sys.argv[1]), Tap()
    (directory / "message").write_bytes(MESSAGE)
    with Smarthost("--mechanisms", "EXTERNAL", "--request-client-certificate",
                   tls="implicit") as host:
        make_token(directory, host.dir / "ca")
        bench = Bench(tap, host, directory)
        sources(bench)
        configured(bench)
        refusals(bench)
        doctor(bench)
        assertions(bench)
        prompt(bench)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
