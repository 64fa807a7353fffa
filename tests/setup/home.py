"""A network with servers, and a home for each case: what the cases of setup share."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
for folder in "support", "network", "oauth":
    sys.path.append(str(TESTS / folder))

import machine  # noqa: E402
import names  # noqa: E402
import net  # noqa: E402
import server  # noqa: E402
from certificates import Certificates  # noqa: E402
from discovery import (Autoconfig, MORE, NAMES, OPEN, OTHERS, PLAIN, STARTTLS,  # noqa: E402
                       STRICT, TOKENS, UNFIT, WEB)
from machine import Wrong, expect  # noqa: E402, F401
from proxy import Proxy  # noqa: E402
from smarthost import PASSWORD, USER, Mailbox, Smarthost  # noqa: E402
from terminal import Terminal  # noqa: E402

PERSON = 61001
RESOLVER = f"nameserver {names.RESOLVER}\noptions timeout:2 attempts:1\n"
SCRIPT = ("--test-to", "none", "--timer=no")
CASES = []

# Stands in for a browser: goes where it is sent, as a person who consents at once.
BROWSER = """#!/usr/bin/python3
import os, ssl, sys, urllib.request
context = ssl.create_default_context(cafile=os.environ["TRUST"])
handler = urllib.request.HTTPSHandler(context=context)
opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))
opener.open(sys.argv[1], timeout=60).read()
"""


def case(title):
    def register(function):
        CASES.append((title, function))
        return function
    return register


class Room:
    """A home of its own for each case."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.sendoff = self.dir / "sendoff"
        shutil.copy(os.environ["SENDOFF"], self.sendoff)
        (self.dir / "hosts").write_text("127.0.0.1 localhost\n")
        (self.dir / "nsswitch.conf").write_text("hosts: files dns\n")
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(RESOLVER)
        net.build()
        for address in (PLAIN, STRICT, UNFIT, STARTTLS, OPEN, WEB, TOKENS):
            net.ip("address", "add", address + "/32", "dev", "lo")
        self.certificates = Certificates(self.dir)
        self.certificates.leaf("setup", "subjectAltName=" + ",".join("DNS:" + n for n in NAMES))
        self.ca = self.certificates.path("ca")
        self.names = names.Names(self.dir, self.certificates.digests, MORE, OTHERS)
        good = self.certificates.path("setup")
        self.servers = {}
        for place in PLAIN, net.LIVE4:
            self.servers[place] = [Smarthost(place, port, good) for port in (465, 587)]
        self.servers[STRICT] = [Smarthost(STRICT, 465, good, user="ann@strict.good.example",
                                          own="ann@strict.good.example", null=False)]
        self.servers[UNFIT] = [Smarthost(UNFIT, 465, self.certificates.path("odd"))]
        self.servers[STARTTLS] = [Smarthost(STARTTLS, 587, good)]
        self.servers[OPEN] = [Smarthost(OPEN, 465, good, auth=False)]
        (self.dir / "tokens").mkdir()
        self.tokens = server.Server(self.dir / "tokens")
        (self.dir / "browser").write_text(BROWSER)
        (self.dir / "browser").chmod(0o755)
        self.servers[TOKENS] = [Smarthost(TOKENS, 465, good, user="ann@tokens.open.example",
                                          own="ann@tokens.open.example", tokens=self.tokens)]
        self.web = Autoconfig(WEB, good, {"tokens": self.tokens.issuer})
        self.mailboxes = {
            "socket": Mailbox(path=self.dir / "lmtp"),
            "here": Mailbox("127.0.0.1"),
            "there": Mailbox(PLAIN, cert=good),
        }
        self.proxies = [Proxy("127.0.0.1", 1080, {"smtp.hidden.example": PLAIN}),
                        Proxy("127.0.0.1", 1081, {"smtp.hidden.example": PLAIN},
                              ("ann", "way out"))]
        self.number = 0

    def fresh(self):
        self.number += 1
        self.home = self.dir / f"home-{self.number}"
        self.home.mkdir(mode=0o700)
        os.chown(self.home, PERSON, PERSON)
        self.config = self.home / ".config/sendoff/config"
        self.store = self.home / ".local/share/sendoff"
        self.password = self.put("password", PASSWORD + "\n")
        for server in (*sum(self.servers.values(), []), *self.mailboxes.values()):
            server.log, server.messages = [], 0
        for proxy in self.proxies:
            proxy.asked.clear()

    def put(self, name, text):
        path = self.home / name
        for directory in reversed(path.relative_to(self.home).parents):
            (self.home / directory).mkdir(exist_ok=True)
            os.chown(self.home / directory, PERSON, PERSON)
        path.write_text(text)
        path.chmod(0o600)
        os.chown(path, PERSON, PERSON)
        return str(path)

    def environment(self, **more):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "TERM": "dumb", "XDG_RUNTIME_DIR": str(self.home), **machine.passed_on(), **more}

    def argv(self, *words, trust=True):
        return [str(self.sendoff), "setup", *words, *(["--tls-trust", self.ca] if trust else [])]

    def run(self, *words, status=0, stdin=subprocess.DEVNULL, trust=True, **more):
        done = subprocess.run(self.argv(*words, trust=trust), capture_output=True, text=True,
                              timeout=90, check=False, env=self.environment(**more), cwd=self.home,
                              user=PERSON, group=PERSON, extra_groups=[], stdin=stdin,
                              start_new_session=True)
        expect(done.returncode == status, "status %d, not %d: %s", done.returncode, status,
               done.stderr)
        done.stderr = re.sub(r"\s+", " ", done.stderr)  # as it was before it was folded
        return done

    def terminal(self, *words, trust=True):
        return Terminal(self.argv(*words, trust=trust), self.environment(), PERSON, self.home)

    def talk(self, argv, *steps, status=0):
        """STEPS: what is asked for, and what is typed."""
        return self.terminal(*argv).talk(*steps, status=status)

    def settings(self):
        return dict(line.split(" = ", 1) for line in self.config.read_text().splitlines()
                    if " = " in line)

    def stored(self):
        files = [p for p in self.store.glob("*") if p.is_file()] if self.store.exists() else []
        return [p for p in files if PASSWORD in p.read_text(errors="replace")]

    def nothing(self):
        expect(not self.config.exists(), "a configuration was written")
        expect(not self.stored(), "the password was stored")
        left = [str(p) for p in self.home.rglob("*") if ".new" in p.name or ".bak" in p.name]
        expect(not left, "left behind: %s", left)

    def named(self):
        try:
            for name in "smtp.plain.good.example", "smtp.gmail.com", "live.open.example":
                socket.getaddrinfo(name, 25)
            return True
        except OSError:
            return False
