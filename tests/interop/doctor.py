"""The doctor at real servers."""

import itertools
import os
import pathlib
import subprocess
import sys

import servers

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "check"))
from place import Report  # noqa: E402


class Visit:
    """One account of one server, looked at."""

    def __init__(self, name, host, port, *arguments, status=0, want=(), lack=(), account="test"):
        self.name, self.host, self.port, self.arguments = name, host, port, arguments
        self.status, self.want, self.lack, self.account = status, want, lack, account

    def run(self, setup):
        self.process = subprocess.run(
            [setup.sendoff, "check", self.account, "--config", setup.config, "--json", "-v",
             "--host", self.host, "--port", str(self.port), *self.arguments],
            capture_output=True, timeout=90, check=False,
            env={**os.environ, "HOME": str(setup.home), "XDG_CONFIG_HOME": ""})
        report = Report(subprocess.CompletedProcess([], self.process.returncode,
                                                    self.process.stdout, b""))
        for want in self.want:
            report.has(*((want,) if isinstance(want, str) else want))
        report.lacks(*self.lack)
        talk = self.process.stderr.decode(errors="replace")
        assert "-> DATA" not in talk and "-> BDAT" not in talk, "it began a message"
        assert report.status == self.status, f"status {report.status}: {report.text}"


def cases(directory):
    wrong = directory / "doctor-wrong"
    wrong.write_text("wonder wall\n")
    wrong.chmod(0o600)
    ours = ("--from", servers.USER)
    for host, port in itertools.product(("postfix.test", "exim.test", "submission.test",
                                         "sendmail.test", "chasquid.test", "aiosmtpd.test",
                                         "opensmtpd.test"),
                                        (465, 587)):
        yield Visit(f"check {host[:-5]} {port}", host, port, *ours, "--to", servers.USER, want=(
            "server/connection=ok", ("TLS/handshake=ok", "TLS1.3"), "TLS/chain=ok", "TLS/name=ok",
            "SMTP/greeting=ok", "SMTP/extensions=ok", "login/mechanism=ok", "login/login=ok",
            "envelope/sender=ok", "envelope/recipient=ok"))
    for host in "postfix.test", "exim.test", "submission.test":
        yield Visit(f"check {host[:-5]} wrong password", host, 465, *ours, "--password-file",
                    str(wrong), status=77, want=("login/login=failure",),
                    lack=("envelope/sender",))
        yield Visit(f"check {host[:-5]} unknown recipient", host, 465, *ours, "--to",
                    "unknown@sink.test", status=67, want=("envelope/recipient=failure",))
        yield Visit(f"check {host[:-5]} by CRAM-MD5", host, 465, *ours, "--auth",
                    "cram-md5" if host != "submission.test" else "plain", want=(
                        "login/mechanism=warning" if host != "submission.test"
                        else "login/mechanism=ok", "login/login=ok"))
    for host in "postfix.test", "exim.test":
        yield Visit(f"check {host[:-5]} no login", host, 465, *ours, "--auth", "none", "--to",
                    "bob@elsewhere.test", status=69, want=(
                        ("envelope/recipient=failure", "nobody was logged in|log in"),))
    yield Visit("check exim wants a certificate", "exim.test", 5465, *ours, "--auth", "none",
                "--tls", "implicit",
                status=77, want=(("TLS/handshake=failure", "tls-cert and tls-key"),))
    yield Visit("check postfix another name", "misnamed.postfix.test", 465, *ours, status=69,
                want=("TLS/name=failure", "TLS/chain=ok"), lack=("SMTP/greeting",))
    yield Visit("check postfix unknown authority", "postfix.test", 587, *ours, "--tls-trust",
                str(directory / "other.pem"), status=69, want=("TLS/chain=failure", "TLS/name=ok"))
