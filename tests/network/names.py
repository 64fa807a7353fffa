"""The name service: a root and zones of our own, signed by knot and served by it, and unbound, which
validates."""

import pathlib
import re
import subprocess
import time

import net

AUTHORITY, RESOLVER = "127.0.1.53", "127.0.1.54"
HEAD = "$TTL 60\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A " + AUTHORITY + "\n"
WRONG = "00" * 32


def good(digests):
    """The zone that is signed as it should be."""
    return f"""
live A {net.LIVE4}
live AAAA {net.LIVE6}
four A {net.LIVE4}
six AAAA {net.LIVE6}
resetfirst AAAA {net.RESET6}
resetfirst A {net.LIVE4}
holefirst AAAA {net.HOLE6}
holefirst A {net.LIVE4}
holes AAAA {net.HOLE6}
holes AAAA 2001:db8:dead::8
holes A {net.HOLE4}
holes A {net.LIVE4}
mixed AAAA {net.RESET6}
mixed AAAA {net.HOLE6}
mixed A {net.RESET}
mixed A 127.0.0.98
mixed A {net.LIVE4}
hole A {net.HOLE4}
noaddress TXT "no address here"
loop CNAME pool
pool CNAME loop
alias CNAME right
; by SRV records
_submissions._tcp SRV 0 1 465 live
_submissions._tcp.multi SRV 10 1 465 four
_submissions._tcp.multi SRV 0 1 465 reset
reset A {net.RESET}
_submissions._tcp.old SRV 0 0 0 .
_submission._tcp.old SRV 0 1 587 live.old
live.old A {net.LIVE4}
_submissions._tcp.none SRV 0 0 0 .
_submission._tcp.none SRV 0 0 0 .
_submissions._tcp.foreign SRV 0 1 465 mx.elsewhere.example.
; TLSA
right A {net.LIVE4}
_465._tcp.right TLSA 3 1 1 {digests['server', 'key', 256]}
_587._tcp.right TLSA 3 1 2 {digests['server', 'key', 512]}
_466._tcp.right TLSA 3 1 1 {digests['odd', 'key', 256]}
wrong A {net.LIVE4}
_465._tcp.wrong TLSA 3 1 1 {WRONG}
rollover A {net.LIVE4}
_465._tcp.rollover TLSA 3 1 1 {WRONG}
_465._tcp.rollover TLSA 3 0 1 {digests['server', 'certificate', 256]}
whole A {net.LIVE4}
_465._tcp.whole TLSA 3 1 0 {digests['server', 'key', 0]}
anchor A {net.LIVE4}
_465._tcp.anchor TLSA 2 0 1 {digests['issuing', 'certificate', 256]}
; the authority above the one that the server sends, which the client has
rootanchor A {net.LIVE4}
_465._tcp.rootanchor TLSA 2 0 1 {digests['ca', 'certificate', 256]}
_587._tcp.rootanchor TLSA 2 1 2 {digests['ca', 'key', 512]}
otheranchor A {net.LIVE4}
_465._tcp.otheranchor TLSA 2 1 1 {digests['odd', 'key', 256]}
othername A {net.LIVE4}
_465._tcp.othername TLSA 2 1 1 {digests['issuing', 'key', 256]}
unusable A {net.LIVE4}
_465._tcp.unusable TLSA 1 1 1 {WRONG}
_465._tcp.unusable TLSA 0 1 1 {WRONG}
_465._tcp.unusable TLSA 3 9 1 {WRONG}
_465._tcp.unusable TLSA 3 1 1 {WRONG[:-2]}
half A {net.LIVE4}
_tcp.half NS ns
"""


def insecure(digests):
    """A zone that nobody has signed."""
    return f"""
live A {net.LIVE4}
_465._tcp.live TLSA 3 1 1 {digests['server', 'key', 256]}
_submissions._tcp SRV 0 1 465 live
_submissions._tcp.foreign SRV 0 1 465 mx.elsewhere.example.
_submissions._tcp.domain SRV 0 1 467 mx.elsewhere.example.
_submissions._tcp.service SRV 0 1 468 mx.elsewhere.example.
"""


ZONES = ("good.example", "elsewhere.example", "bad.example", "_tcp.half.good.example")

KNOT = """
server:
    rundir: "{dir}"
    listen: {address}@53
    pidfile: "{dir}/knot.pid"
    background-workers: 1
    udp-workers: 1
    tcp-workers: 1
log:
  - target: "{dir}/knot.log"
    any: info
database:
    storage: "{dir}/db"
policy:
  - id: p
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{dir}"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
  - domain: open.example
    file: open.example.zone
"""
SIGNED = """  - domain: {zone}
    file: {file}.zone
    dnssec-signing: on
    dnssec-policy: p
"""
UNBOUND = """
server:
    directory: "{dir}"
    chroot: ""
    username: ""
    pidfile: "{dir}/unbound.pid"
    use-syslog: no
    logfile: "{dir}/unbound.log"
    interface: {address}@53
    interface: {far}@53
    access-control: 127.0.0.0/8 allow
    access-control: 198.51.100.0/24 allow
    do-not-query-localhost: no
    do-ip6: no
    num-threads: 1
    module-config: "validator iterator"
    trust-anchor-file: "{dir}/anchor"
    root-hints: "{dir}/hints"
    qname-minimisation: no
remote-control:
    control-enable: no
"""


class Names:
    """Both servers, in DIR. MORE is added to zones by their names; OTHERS are zones of their own that
    nobody has signed."""

    def __init__(self, directory, digests, more=None, others=None):
        self.more, self.others = more or {}, others or {}
        self.dir = pathlib.Path(directory) / "names"
        self.dir.mkdir(mode=0o755)
        self.digests = digests
        self.processes = []

    def keymgr(self, *words):
        return subprocess.run(["keymgr", "-c", str(self.dir / "knot.conf"), *words], check=True,
                              capture_output=True, text=True).stdout

    def zone(self, name, text):
        (self.dir / f"{name}.zone").write_text(f"$ORIGIN {name}.\n{HEAD}{text}"
                                                + self.more.get(name, ""))

    def delegation(self, zone):
        """DS of a zone's key, as DNSKEY's parent has it."""
        for line in self.keymgr(zone, "ds").splitlines():
            m = re.search(r"\bDS (\d+) 13 2 ([0-9a-fA-F]+)", line)
            if m:
                return f"{m[1]} 13 2 {m[2]}"
        raise RuntimeError("no DS for " + zone)

    def write(self):
        conf = KNOT.format(dir=self.dir, address=AUTHORITY)
        for zone in ZONES + (".",):
            conf += SIGNED.format(zone=zone, file="root" if zone == "." else zone)
        for zone, text in self.others.items():
            conf += f"  - domain: {zone}\n    file: {zone}.zone\n"
            self.zone(zone, text)
        (self.dir / "knot.conf").write_text(conf)
        (self.dir / "db").mkdir()
        for zone in ZONES + (".",):
            self.keymgr(zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        bogus = "12345 13 2 " + WRONG
        self.zone("good.example", good(self.digests) + f"_tcp.half DS {bogus}\n")
        self.zone("_tcp.half.good.example",
                  f"_465 TLSA 3 1 1 {self.digests['server', 'key', 256]}\n")
        self.zone("bad.example", f"live A {net.LIVE4}\n_submissions._tcp SRV 0 1 465 live\n")
        self.zone("elsewhere.example", f"mx A {net.LIVE4}\n")
        self.zone("open.example", insecure(self.digests))
        root = f". 60 SOA ns.good.example. r. 1 3600 600 86400 60\n. 60 NS ns.good.example.\n"
        root += f"ns.good.example. 60 A {AUTHORITY}\n"
        for zone in "good.example", "elsewhere.example", "bad.example", "open.example", *self.others:
            root += f"{zone}. 60 NS ns.good.example.\n"
        for zone in "good.example", "elsewhere.example":
            root += f"{zone}. 60 DS {self.delegation(zone)}\n"
        root += f"bad.example. 60 DS {bogus}\n"
        (self.dir / "root.zone").write_text(root)
        (self.dir / "anchor").write_text(f". IN DS {self.delegation('.')}\n")
        (self.dir / "hints").write_text(f". 60 NS ns.good.example.\nns.good.example. 60 A "
                                        f"{AUTHORITY}\n")
        (self.dir / "unbound.conf").write_text(
            UNBOUND.format(dir=self.dir, address=RESOLVER, far=net.FAR_RESOLVER))

    def spawn(self, *argv):
        with open(self.dir / "output", "ab") as output:
            self.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output,
                                                   stderr=output))

    def start(self, ready):
        """Starts both; READY tells when the names are there."""
        self.write()
        self.spawn("knotd", "-c", str(self.dir / "knot.conf"))
        time.sleep(0.3)
        self.spawn("unbound", "-d", "-c", str(self.dir / "unbound.conf"))
        limit = time.monotonic() + 20
        while time.monotonic() < limit and all(p.poll() is None for p in self.processes):
            if ready():
                return True
            time.sleep(0.2)
        return False

    def log(self):
        lines = []
        for name in "output", "knot.log", "unbound.log":
            file = self.dir / name
            if file.exists():
                lines += file.read_text(errors="replace").splitlines()[-30:]
        return lines
