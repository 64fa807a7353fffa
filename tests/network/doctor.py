"""What the doctor says of the network: name servers, SRV, DANE, addresses that are dead."""

import subprocess

import names
import net
from place import Report, Wrong

LOOPBACK = f"nameserver {names.RESOLVER}\noptions timeout:2 attempts:1\n"
DEAD = f"nameserver {net.HOLE4}\noptions timeout:1 attempts:1\n"
FAR = f"nameserver {net.FAR_RESOLVER}\noptions timeout:2 attempts:1\n"
TLS465 = ("--port", "465")
SRV = ("--srv",)
DANE = ("--dane", "required")
MAYBE = ("--dane", "opportunistic")


class Visit:
    """The doctor looks at DOMAIN."""

    def __init__(self, name, domain, *arguments, want, status=0, lack=(), resolver=LOOPBACK):
        self.name, self.domain, self.arguments, self.want = name, domain, arguments, want
        self.status, self.lack, self.resolver = status, lack, resolver

    def run(self, sendoff, trust, env):
        """What is wrong, a list."""
        done = subprocess.run(
            [sendoff, "check", "--json", "--host", self.domain, "--tls-trust", trust, "--auth",
             "none", "--timeout", "8", "--from", "ann@example.org", *self.arguments],
            capture_output=True, timeout=120, check=False, env=env)
        try:
            report = Report(done)
            for want in self.want:
                report.has(*((want,) if isinstance(want, str) else want))
            report.lacks(*self.lack)
        except Wrong as why:
            return str(why).splitlines()
        if report.status != self.status:
            return [f"status {report.status}, not {self.status}", report.text]
        return []


CASES = [
    Visit("check: both families", "live.good.example", *TLS465, "--ip-version", "any", want=(
        ("DNS/addresses=ok", f"{net.LIVE6}, {net.LIVE4}|{net.LIVE4}, {net.LIVE6}"),
        ("DNS/name server=ok", f"{names.RESOLVER} answers; DNSSEC vouches"),
        "server/connection=ok", "TLS/chain=ok", "envelope/sender=ok")),
    Visit("check: a name server that is not trusted", "live.good.example", *TLS465, resolver=FAR,
          want=(("DNS/name server=ok", "answers$|answers ->"),)),
    Visit("check: IPv6 that leads nowhere", "holefirst.good.example", *TLS465, want=(
        ("server/connection=warning", "ip-version = 4"), "server/connection=ok")),
    Visit("check: nothing but silence", "hole.good.example", *TLS465, status=75, want=(
        ("server/connection=failure", "firewall"),)),
    Visit("check: port 25 is silent", "hole.good.example", "--port", "25", "--tls", "starttls",
          status=75, want=(("server/connection=failure", "465 or 587"),)),
    Visit("check: no such name", "absent.good.example", *TLS465, status=68, want=(
        ("DNS/addresses=failure", "spelling"), "DNS/name server=ok"), lack=("server/connection",)),
    Visit("check: a silent name server", "live.good.example", *TLS465, status=75, resolver=DEAD,
          want=("DNS/name server=failure", "DNS/addresses=failure")),
    Visit("check: a bogus zone", "live.bad.example", *TLS465, status=75, want=(
        "DNS/addresses=failure",)),
    Visit("check: srv", "good.example", *SRV, want=(
        ("DNS/SRV=ok", "live.good.example:465.*DNSSEC vouches"), "server/connection=ok")),
    Visit("check: srv, unsigned", "open.example", *SRV, want=(
        ("DNS/SRV=ok", "does not vouch"),)),
    Visit("check: srv, one of two is down", "multi.good.example", *SRV, want=(
        "DNS/SRV=ok", "server/connection=warning", "server/connection=ok")),
    Visit("check: srv, none", "none.good.example", *SRV, status=69, want=(
        ("DNS/SRV=failure", "no server for submission"),), lack=("server/connection",)),
    Visit("check: srv, no record", "open.good.example", *SRV, status=68, want=(
        ("DNS/SRV=failure", "srv = no"),)),
    Visit("check: dane", "right.good.example", *TLS465, *DANE, want=(
        ("DNS/DANE=ok", f"3 1 1 fits; {names.RESOLVER} vouches"),)),
    Visit("check: dane instead of the chain", "right.good.example", "--port", "466", "--tls",
          "implicit", *DANE, want=("DNS/DANE=ok", ("TLS/chain=ok", "DANE decides"),
                                   "TLS/validity=warning")),
    Visit("check: dane, wrong", "wrong.good.example", *TLS465, *MAYBE, status=69, want=(
        ("DNS/DANE=failure", "TLSA"),), lack=("SMTP/greeting",)),
    Visit("check: dane, no record", "four.good.example", *TLS465, *DANE, status=69, want=(
        ("DNS/DANE=failure", "opportunistic"),)),
    Visit("check: dane, no record, opportunistic", "four.good.example", *TLS465, *MAYBE, want=(
        ("DNS/DANE=warning", "usual checks"),)),
]
