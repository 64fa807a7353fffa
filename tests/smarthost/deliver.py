#!/usr/bin/env python3
"""sendoff and smarthost together: each mechanism over each kind of TLS, the steering recipients, and
servers that offer less. Each message must arrive octet by octet as it was."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, Smarthost, Tap  # noqa: E402

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
              "SCRAM-SHA-256-PLUS", "DIGEST-MD5", "EXTERNAL")
MESSAGE = HEADER + b"Hi.\n.\n..two\n"
WIRE = MESSAGE.replace(b"\n", b"\r\n")


def mechanisms(tap):
    for tls, version in (("none", "any"), ("starttls", "1.2"), ("starttls", "1.3"),
                         ("implicit", "1.2"), ("implicit", "1.3")):
        for name in MECHANISMS:
            if tls == "none" and (name.endswith("-PLUS") or name == "EXTERNAL"):
                continue
            with Smarthost("--mechanisms", name, "--tls-version", version,
                           "--request-client-certificate", tls=tls) as host:
                more = ["--auth", name]
                if name == "EXTERNAL":
                    more += ["--tls-cert", str(host.dir / "ca/client.pem"),
                             "--tls-key", str(host.dir / "ca/client-key.pem")]
                status, complaint, contents = host.send(MESSAGE, *more)
            tap.ok(status == 0 and contents == [WIRE], "%s, TLS %s %s" % (name, tls, version),
                   "status %d" % status, complaint)


def wrong_password(tap):
    for name in MECHANISMS[:-1]:
        with Smarthost("--mechanisms", name, "--user", "alice", "--password-file", "/dev/null",
                       tls="implicit") as host:
            (host.dir / "ca/password").write_text("another\n")
            status, complaint, contents = host.send(MESSAGE, "--auth", name)
        tap.ok(status == 77 and not contents, "wrong password for %s" % name,
               "status %d" % status, complaint)


def steering(tap):
    """bob@example.net is always a recipient too."""
    for recipient, want, arrived in (("tempfail", 69, 1), ("permfail", 67, 1), ("datatemp", 75, 0),
                                     ("dataperm", 65, 0), ("drop", 75, 0), ("lost", 75, 1),
                                     ("slow", 0, 1)):
        with Smarthost() as host:
            status, complaint, contents = host.send(MESSAGE, recipient + "@example.net")
        tap.ok(status == want and contents == [WIRE] * arrived, "recipient " + recipient,
               "status %d, %d arrived" % (status, len(contents)), complaint)


def extensions(tap):
    for options, copies in ((("--extensions", "none"), 1), (("--extensions", "-PIPELINING"), 1),
                            (("--extensions", "-CHUNKING"), 1), (("--max-recipients", "1"), 3),
                            (("--extensions", "+LIMITS=RCPTMAX=2"), 2)):
        with Smarthost(*options) as host:
            status, complaint, contents = host.send(MESSAGE, "carol@example.net",
                                                    "dave@example.net")
        tap.ok(status == 0 and contents == [WIRE] * copies, " ".join(options),
               "status %d, %d arrived" % (status, len(contents)), complaint)


def main():
    tap = Tap()
    mechanisms(tap)
    wrong_password(tap)
    steering(tap)
    extensions(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
