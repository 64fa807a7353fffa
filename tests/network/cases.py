#!/usr/bin/env python3
"""The cases: submits by SENDOFF in the network that net.py and names.py make. Prints TAP.

Called by `run` in its namespaces, with a directory that is thrown away afterwards."""

import fnmatch
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import doctor
import names
import net
from certificates import Certificates

FAST = 0.5  # seconds that a first delivery may take, whatever its first addresses do
MESSAGE = b"Subject: network\n\nOne line.\n"
LOOPBACK = f"nameserver {names.RESOLVER}\noptions timeout:2 attempts:1\n"
FAR = f"nameserver {net.FAR_RESOLVER}\noptions timeout:2 attempts:1\n"
DANE = ("--dane", "required")
MAYBE = ("--dane", "opportunistic")
TLS465 = ("--port", "465")
TLS587 = ("--port", "587")
SRV = ("--srv",)


class Case:
    """One submission to DOMAIN; WANT are members of the receipt."""

    def __init__(self, name, domain, *arguments, status=0, resolver=LOOPBACK, error="", fast=False,
                 sent=None, **want):
        self.name, self.domain, self.arguments = name, domain, arguments
        self.status, self.resolver, self.error, self.fast = status, resolver, error, fast
        self.sent = status == 0 if sent is None else sent
        self.want = want


CASES = [
    # addresses
    Case("IPv6 and IPv4 answer", "live.good.example", *TLS465, address=net.LIVE6, fast=True),
    Case("IPv4 only, by ip-version", "live.good.example", *TLS465, "--ip-version", "4",
         address=net.LIVE4),
    Case("IPv6 only", "six.good.example", *TLS465, address=net.LIVE6, fast=True),
    Case("the first address resets", "resetfirst.good.example", *TLS465, address=net.LIVE4,
         fast=True),
    Case("the first address is silent", "holefirst.good.example", *TLS465, address=net.LIVE4,
         fast=True),
    Case("dead, silent and resetting addresses first", "mixed.good.example", *TLS465,
         address=net.LIVE4, fast=True),
    Case("silent addresses of both families", "holes.good.example", *TLS465, address=net.LIVE4),
    Case("nothing but silence", "hole.good.example", *TLS465, "--timeout", "2", status=75,
         error="no answer in time|time is up"),
    Case("a silent name server", "live.good.example", *TLS465, "--timeout", "1", status=75,
         resolver=f"nameserver {net.HOLE4}\noptions timeout:1 attempts:1\n",
         error="name server|Temporary"),
    Case("no such name", "absent.good.example", *TLS465, status=68, error="find the address"),
    Case("a name without an address", "noaddress.good.example", *TLS465, status=68),
    Case("aliases in a circle", "loop.good.example", *TLS465, status=75),
    Case("a bogus zone", "live.bad.example", *TLS465, status=75),
    Case("from an IPv6 address", "live.good.example", *TLS465, "--source-address", net.LIVE6,
         address=net.LIVE6),
    Case("from an IPv4 address", "live.good.example", *TLS465, "--source-address", net.LIVE4,
         address=net.LIVE4),
    Case("IPv4 host, IPv6 source", "four.good.example", *TLS465, "--source-address", net.LIVE6,
         status=68, error="source-address"),

    # SRV records
    Case("srv: implicit TLS", "good.example", *SRV, host="live.good.example", port=465),
    Case("srv: by priority, the next when the first is down", "multi.good.example", *SRV,
         host="four.good.example"),
    Case("srv: STARTTLS where implicit TLS is not offered", "old.good.example", *SRV,
         host="live.old.good.example", port=587),
    Case("srv: tls = implicit takes no other", "old.good.example", *SRV, "--tls", "implicit",
         status=69, error="has no server for submission"),
    Case("srv: not offered", "none.good.example", *SRV, status=69,
         error="says by its SRV record that it has no server"),
    Case("srv: no record", "open.good.example", *SRV, status=68, error="has no SRV record"),
    Case("srv: no such domain", "absent.example", *SRV, status=68, error="has no SRV record"),
    Case("srv: bogus", "bad.example", *SRV, status=75, error="bogus"),
    Case("srv: unsigned, inside of the domain", "open.example", *SRV,
         host="live.open.example"),
    Case("srv: unsigned, elsewhere", "foreign.open.example", *SRV, status=69,
         error="it is for .*, not for foreign.open.example"),
    Case("srv: unsigned, elsewhere, for the domain", "domain.open.example", *SRV,
         host="mx.elsewhere.example", port=467),
    Case("srv: unsigned, elsewhere, for the service", "service.open.example", *SRV,
         host="mx.elsewhere.example", port=468),
    Case("srv: unsigned, elsewhere, by tls-name", "foreign.open.example", *SRV, "--tls-name",
         "mx.elsewhere.example", host="mx.elsewhere.example"),
    Case("srv: signed, elsewhere", "foreign.good.example", *SRV, host="mx.elsewhere.example"),
    Case("srv: signed, elsewhere, but who says so", "foreign.good.example", *SRV, status=69,
         resolver=FAR, error="it is for .*, not for foreign.good.example"),
    Case("srv: signed, elsewhere, trust-ad", "foreign.good.example", *SRV,
         resolver=FAR + "options trust-ad\n", host="mx.elsewhere.example"),

    # DANE
    Case("dane: 3 1 1", "right.good.example", *TLS465, *DANE, dane="3 1 1",
         vouched_by=names.RESOLVER),
    Case("dane: 3 1 2 by STARTTLS", "right.good.example", *TLS587, *DANE, dane="3 1 2"),
    Case("dane: expired, self-signed, for nobody", "right.good.example", "--port", "466",
         "--tls", "implicit", *DANE, dane="3 1 1"),
    Case("dane: the same without dane", "right.good.example", "--port", "466", "--tls", "implicit",
         status=69),
    Case("dane: wrong", "wrong.good.example", *TLS465, *DANE, status=69,
         error="fits none of the TLSA records of wrong.good.example"),
    Case("dane: wrong, opportunistic", "wrong.good.example", *TLS465, *MAYBE, status=69,
         error="fits none of the TLSA records"),
    Case("dane: rollover, 3 0 1", "rollover.good.example", *TLS465, *DANE, dane="3 0 1"),
    Case("dane: 3 1 0", "whole.good.example", *TLS465, *DANE, dane="3 1 0"),
    Case("dane: 2 0 1", "anchor.good.example", *TLS465, *DANE, dane="2 0 1"),
    # RFC 7672 section 3.1.2: a digest of what the server does not send proves nothing
    Case("dane: 2 0 1 of an authority that is not sent", "rootanchor.good.example", *TLS465, *DANE,
         status=69, error="fits none of the TLSA records of rootanchor.good.example"),
    Case("dane: 2 1 2 of an authority that is not sent", "rootanchor.good.example", *TLS587,
         *MAYBE, status=69, error="fits none of the TLSA records of rootanchor.good.example"),
    Case("dane: without it that server is trusted", "rootanchor.good.example", *TLS465),
    Case("dane: 2 1 1 of another authority", "otheranchor.good.example", *TLS465, *DANE,
         status=69),
    Case("dane: 2 1 1 and another name", "othername.good.example", *TLS465, *DANE, status=69),
    Case("dane: an alias", "alias.good.example", *TLS465, *DANE, dane="3 1 1"),
    Case("dane: nothing usable, required", "unusable.good.example", *TLS465, *DANE, status=69,
         error="no usable TLSA record"),
    Case("dane: nothing usable, opportunistic", "unusable.good.example", *TLS465, *MAYBE,
         dane=None, vouched_by=None),
    Case("dane: no record, required", "four.good.example", *TLS465, *DANE, status=69,
         error="no usable TLSA record"),
    Case("dane: no record, opportunistic", "four.good.example", *TLS465, *MAYBE, dane=None),
    Case("dane: unsigned, required", "live.open.example", *TLS465, *DANE, status=69),
    Case("dane: unsigned, opportunistic", "live.open.example", *TLS465, *MAYBE, dane=None),
    Case("dane: bogus records, opportunistic", "half.good.example", *TLS465, *MAYBE, status=75,
         error="bogus"),
    Case("dane: bogus records, off", "half.good.example", *TLS465),
    Case("dane: a name server elsewhere, required", "right.good.example", *TLS465, *DANE,
         resolver=FAR, status=69, error="cannot vouch"),
    Case("dane: a name server elsewhere, opportunistic", "right.good.example", *TLS465, *MAYBE,
         resolver=FAR, dane=None),
    Case("dane: trust-ad", "right.good.example", *TLS465, *DANE,
         resolver=FAR + "options trust-ad\n", dane="3 1 1", vouched_by=net.FAR_RESOLVER),
    Case("dane: by signed SRV records", "foreign.good.example", *SRV, *MAYBE, dane=None,
         host="mx.elsewhere.example"),
    Case("dane: by unsigned SRV records", "open.example", *SRV, *DANE, status=69),
]


class Setup:
    """Everything that runs."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.sendoff = os.environ["SENDOFF"]
        self.instrumented = b"__asan_init" in pathlib.Path(self.sendoff).read_bytes()
        (self.dir / "hosts").write_text("127.0.0.1 localhost\n")
        (self.dir / "nsswitch.conf").write_text("hosts: files dns\n")
        self.resolve_by(LOOPBACK)
        net.build()
        self.certificates = Certificates(self.dir)
        self.names = names.Names(self.dir, self.certificates.digests)
        self.sinks = [net.Sink(address, port, self.certificates.path(name))
                      for address, port, name in (
                          (net.LIVE4, 465, "server"), (net.LIVE6, 465, "server"),
                          (net.LIVE4, 587, "server"), (net.LIVE4, 466, "odd"),
                          (net.LIVE4, 467, "domain"), (net.LIVE4, 468, "service"))]

    def resolve_by(self, text):
        # in place: the file is mounted
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(text)

    def named(self):
        try:
            socket.getaddrinfo("live.good.example", 25)
            socket.getaddrinfo("live.open.example", 25)
            return True
        except OSError:
            return False

    def messages(self):
        return sum(sink.messages for sink in self.sinks)

    def run(self, case):
        """What is wrong, a list."""
        self.resolve_by(case.resolver)
        if isinstance(case, doctor.Visit):
            return case.run(self.sendoff, self.certificates.path("ca"),
                            {"PATH": "/usr/bin:/bin", "HOME": str(self.dir), "LC_ALL": "C"})
        argv = [self.sendoff, "--json", "--host", case.domain, "--tls-trust",
                self.certificates.path("ca"), "--auth", "none", "--remember=no", *case.arguments,
                "-f", "ann@example.org", "bob@example.net"]
        before, since = self.messages(), time.monotonic()
        done = subprocess.run(argv, input=MESSAGE, capture_output=True, timeout=60, check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(self.dir), "LC_ALL": "C"})
        seconds = time.monotonic() - since
        problems = []
        try:
            receipt = json.loads(done.stdout)
        except ValueError:
            return [f"no receipt; status {done.returncode}", done.stderr.decode()]
        if done.returncode != case.status:
            problems.append(f"status {done.returncode}, not {case.status}")
        if case.fast:
            print(f"# {seconds * 1000:.0f} ms")
            # a program with sanitizers takes that long to start
            if self.instrumented:
                seconds = (receipt["ms"]["resolve"] + receipt["ms"]["connect"]) / 1000
        if case.fast and seconds >= FAST:
            problems.append(f"it took {seconds:.3f} s")
        if (self.messages() > before) != case.sent:
            problems.append("the message was sent" if not case.sent else "nothing was sent")
        for key, value in case.want.items():
            if receipt.get(key) != value:
                problems.append(f"{key} is {receipt.get(key)!r}, not {value!r}")
        if case.error and not re.search(case.error, receipt["error"] or ""):
            problems.append("another error")
        if problems:
            problems.append(f"error: {receipt['error']}")
        return problems


def main():
    wanted = os.environ.get("NETWORK_CASES", "*").split(",")
    cases = [c for c in CASES + doctor.CASES if any(fnmatch.fnmatch(c.name, w) for w in wanted)]
    setup = Setup(sys.argv[1])
    if not setup.names.start(setup.named):
        print("1..1\nnot ok 1 - the name servers start")
        for line in setup.names.log():
            print("# " + line)
        return 1
    failed = 0
    print(f"1..{len(cases)}", flush=True)
    for number, case in enumerate(cases, 1):
        problems = setup.run(case)
        print(f"{'not ' if problems else ''}ok {number} - {case.name}", flush=True)
        for line in problems:
            print("# " + line)
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
