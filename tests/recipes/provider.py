"""Google and Microsoft for the recipes: authorization servers and a smarthost that takes their tokens,
under their real names, with the paths that their addresses have."""

import os
import pathlib
import re
import select
import sys
import time
import urllib.parse

TESTS = pathlib.Path(__file__).resolve().parent.parent
for folder in "network", "oauth", "queue", "setup":
    sys.path.append(str(TESTS / folder))

import machine  # noqa: E402
import server  # noqa: E402
import smarthost  # noqa: E402

MAIL, WEB = "127.0.0.2", "127.0.0.3"
MAIL_HOSTS = ("smtp.office365.com",)
TENANT = "https://login.microsoftonline.com/example.com/oauth2/v2.0"
WEB_HOSTS = ("login.microsoftonline.com", "accounts.google.com", "oauth2.googleapis.com")
# what the providers call the endpoints
PATHS = {"/o/oauth2/v2/auth": "/authorize", "/revoke": "/revoke", "/token": "/token",
         **{"/example.com/oauth2/v2.0/" + name: path for name, path in (
             ("authorize", "/authorize"), ("token", "/token"),
             ("devicecode", "/device_authorization"))}}
BROWSER = """#!/usr/bin/python3
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=60).read()
"""
SECONDS = 60


class Handler(server.Handler):
    def route(self, path):
        super().route(PATHS.get(path, path))


class Providers(server.Server):
    """In FOLDER; USER grants access, CERTIFICATE (PEM, key and chain) is the smarthost's."""

    def __init__(self, folder, certificate):
        folder.mkdir()
        server.Handler, plain = Handler, server.Handler
        try:
            super().__init__(folder, WEB_HOSTS, WEB, 443)
        finally:
            server.Handler = plain
        self.browser = folder / "browser"
        self.browser.write_text(BROWSER)
        self.browser.chmod(0o755)
        self.mail = smarthost.Smarthost(MAIL, 587, certificate, user=None, tokens=self)

    def hosts(self):
        """Lines of /etc/hosts."""
        return "%s %s\n%s %s\n" % (MAIL, " ".join(MAIL_HOSTS), WEB, " ".join(WEB_HOSTS))

    def register(self, issuer, name, secret, *grants, key=None):
        """A client of the provider whose addresses begin with ISSUER; KEY is its certificate."""
        with self.lock:
            self.grants.issuer = issuer
            self.grants.clients = {name: (secret, set(grants))}
            self.grants.keys = {name: (pathlib.Path(key).read_bytes(), None)} if key else {}

    def messages(self):
        found, self.mail.contents = self.mail.contents, []
        return [machine.Message({"mail": {"address": sender, "parameters": {}}, "rcpt": [
            {"address": recipient} for recipient in recipients]}, content)
            for sender, recipients, content in found]

    def environment(self):
        """Somebody sits at a screen, and consents."""
        return {"DISPLAY": ":77", "BROWSER": str(self.browser)}

    def paste(self, process):
        """Opens the address that PROCESS prints, on another machine, and pastes where it ends."""
        text, limit = b"", time.monotonic() + SECONDS
        while not (found := re.search(rb"^(https://\S+)\n", text, re.M)):
            machine.expect(time.monotonic() < limit, "no address: %s", text.decode())
            if select.select([process.stderr], [], [], 0.2)[0]:
                part = os.read(process.stderr.fileno(), 4096)
                machine.expect(part, "it ended: %s", text.decode())
                text += part
        query = urllib.parse.urlsplit(found.group(1).decode()).query
        with self.lock:
            return self.grants.authorize(dict(urllib.parse.parse_qsl(query))).encode() + b"\n"
