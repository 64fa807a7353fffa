#!/usr/bin/env python3
"""The same message, sent by msmtp and by sendoff, from one msmtprc: the smarthost must get equal envelopes
and equal contents.

usage: msmtp.py ROOT (where msmtp is unpacked; with SENDOFF and SMARTHOST set; see msmtp)"""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import SENDOFF, Smarthost, Tap  # noqa: E402

ROOT = pathlib.Path(sys.argv[1])
HEADER = (b"From: Ann <ann@example.org>\nTo: bob@example.net\nCc: carl@example.net,\n dave@example.com\n"
          b"Subject: two ways\nDate: Tue, 24 Nov 2026 11:05:09 +0000\nMessage-ID: <two@example.org>\n")
MESSAGES = {
    "plain": HEADER + b"\nHello.\n",
    "dots": HEADER + b"\n.\n..\n.x\nfrom here\n",
    "blind": HEADER + b"Bcc: eve@example.net\n\nHello.\n",
    "8bit": HEADER + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                     "Content-Transfer-Encoding: 8bit\n\nGrüße\n".encode(),
    "lines": HEADER + b"\n" + b"A line of text that comes again.\n" * 3000,
}
COMMON = """defaults
host localhost
port {port}
tls {tls}
tls_starttls {starttls}
tls_trust_file {ca}
auth plain
user alice
account plain
from ann@example.org
passwordeval "cat {password}"
account clear : plain
from ann+clear@example.org
password wonderland
account notify : plain
dsn_notify failure,delay
dsn_return headers
account forced : plain
from forced@example.org
allow_from_override off
account default : plain
"""
CASES = [
    ("plain", ["bob@example.net"]),
    ("plain", ["-t"]),
    ("plain", ["-f", "other@example.org", "bob@example.net", "carl@example.net"]),
    ("plain", ["-a", "notify", "bob@example.net"]),
    ("plain", ["-a", "forced", "-f", "other@example.org", "bob@example.net"]),
    ("plain", ["-f", "ann+clear@example.org", "bob@example.net"]),
    ("plain", ["-t", "--read-envelope-from"]),
    ("dots", ["bob@example.net"]),
    ("blind", ["-t"]),
    ("8bit", ["bob@example.net"]),
    ("lines", ["bob@example.net"]),
    ("plain", ["-C", "{config}", "--host=localhost", "--port={port}", "--auth=plain", "--user=alice",
               "--passwordeval=cat {password}", "--tls=on", "--tls-starttls={starttls}",
               "--tls-trust-file={ca}", "--from=ann@example.org", "bob@example.net"]),
]


def take(host):
    """Envelope and content of what came."""
    found = []
    for path in sorted(host.record.glob("*.json")):
        record = json.loads(path.read_bytes())
        eml = path.with_suffix(".eml")
        # what only tells the server more about the same; msmtp says none of them
        for parameter in ("SIZE", "BODY"):
            record["mail"]["parameters"].pop(parameter, None)
        for recipient in record["rcpt"]:
            recipient["parameters"].pop("ORCPT", None)
        envelope = {key: record[key] for key in ("mail", "rcpt", "mechanism", "user")}
        found.append((json.dumps(envelope, sort_keys=True), eml.read_bytes()))
        eml.unlink()
        path.unlink()
    return found


def main():
    tap = Tap()
    libraries = ":".join(sorted({str(p.parent) for p in ROOT.rglob("*.so*")}))
    for tls in ("implicit", "starttls"):
        with Smarthost(tls=tls) as host:
            words = {"port": host.port, "tls": "on", "starttls": "on" if tls == "starttls" else "off",
                     "ca": host.dir / "ca/ca.pem", "password": host.dir / "ca/password"}
            config = host.dir / "msmtprc"
            config.write_text(COMMON.format(**words))
            config.chmod(0o600)
            for name, arguments in CASES:
                argv = [word.format(config=config, **words) for word in arguments]
                if "-C" not in argv:
                    argv = ["-C", str(config), *argv]
                both = []
                for program in (str(ROOT / "usr/bin/msmtp"), SENDOFF):
                    done = subprocess.run(
                        [program, *argv], input=MESSAGES[name], capture_output=True, check=False, timeout=60,
                        env={"PATH": "/usr/bin:/bin", "HOME": str(host.dir), "LC_ALL": "C", "TZ": "UTC",
                             **({"LD_LIBRARY_PATH": libraries} if program != SENDOFF else {})})
                    both.append((done.returncode, take(host), done.stderr))
                theirs, ours = both
                what = "%s: %s %s" % (tls, name, " ".join(arguments[:4]))
                tap.ok(theirs[0] == 0 and ours[0] == 0 and len(theirs[1]) == 1, what, *both)
                tap.ok([m[0] for m in theirs[1]] == [m[0] for m in ours[1]], what + ": envelope",
                       *[m[0] for m in theirs[1] + ours[1]])
                tap.ok([m[1] for m in theirs[1]] == [m[1] for m in ours[1]], what + ": content",
                       *[m[1][:600] for m in theirs[1] + ours[1]])
    return tap.done()


sys.exit(main())
