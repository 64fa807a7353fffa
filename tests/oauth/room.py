"""A user with an account that logs in with tokens, the server that gives them out, and one that takes
mail for them."""

import base64
import os
import pathlib
import pty
import re
import select
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "queue")]

import server  # noqa: E402
from place import Place, expect, until  # noqa: E402

# Stands in for a browser: goes where it is sent, as a person who consents at once.
BROWSER = """#!/usr/bin/env python3
import os, ssl, sys, urllib.request
context = ssl.create_default_context(cafile=os.environ["TRUST"])
handler = urllib.request.HTTPSHandler(context=context)
opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))
try:
    page = opener.open(sys.argv[1], timeout=60).read()
except OSError as error:
    page = getattr(error, "fp", None) and error.fp.read() or str(error).encode()
with open(os.environ["HOME"] + "/page", "wb") as file:
    file.write(page)
"""


class Mail(socketserver.ThreadingTCPServer):
    """Takes mail for a token that TOKENS (a server.Server) knows; or that `allowed` holds."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, tokens, mechanisms="XOAUTH2 OAUTHBEARER"):
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.tokens, self.mechanisms = tokens, mechanisms
        self.port = self.server_address[1]
        self.open = False     # mail is taken without a login
        self.refuse = 0       # logins that are refused whatever the token
        self.logins, self.messages, self.connections = [], [], 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def check(self, token):
        if self.refuse:
            self.refuse -= 1
            return False
        with self.tokens.lock:
            return self.tokens.grants.introspect(token)["active"]


class Dialogue(socketserver.StreamRequestHandler):
    timeout = 30

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.server.connections += 1
        self.known = self.server.open
        try:
            self.say("220 mail")
            while True:
                line = self.rfile.readline().decode().rstrip("\r\n")
                if not line or not self.take(line):
                    return
        except OSError:
            return

    def take(self, line):
        verb = line.split(" ")[0].split(":")[0].upper()
        if verb == "EHLO":
            self.say("250-mail\r\n250-PIPELINING\r\n250 AUTH " + self.server.mechanisms)
        elif verb == "AUTH":
            self.authenticate(*line.split(" ")[1:])
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        elif verb != "RSET" and not self.known:
            self.say("530 5.7.0 log in")
        elif verb == "DATA":
            self.say("354 go")
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                part = self.rfile.readline()
                if not part:
                    return False
                body += part
            self.server.messages.append(body)
            self.say("250 2.0.0 taken")
        else:
            self.say("250 2.0.0 ok")
        return True

    def authenticate(self, mechanism, response):
        text = base64.b64decode(response).decode()
        user = re.match(r"user=([^\x01]*)\x01|n,a=([^,\x01]*),\x01", text)
        token = re.search(r"auth=Bearer ([^\x01]*)\x01\x01$", text)
        good = bool(user and token and self.server.check(token.group(1)))
        self.server.logins.append((mechanism, user and (user.group(1) or user.group(2)),
                                   token and token.group(1), good))
        if good:
            self.known = True
            self.say("235 2.7.0 welcome")
            return
        self.say("334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode())
        self.rfile.readline()
        self.say("535 5.7.8 this token is not taken")


class Room(Place):
    """HOME with the account `work`."""

    def __init__(self, tokens=None, mail=None, *lines, **more):
        self.tokens, self.mail, self.lines, self.more = tokens, mail, lines, more
        super().__init__()
        (self.home / "browser").write_text(BROWSER)
        (self.home / "browser").chmod(0o755)
        (self.home / "run").mkdir(mode=0o700)

    def configure(self, port=1, *lines, account="work"):
        folder = self.home / ".config/sendoff"
        folder.mkdir(parents=True, exist_ok=True)
        keys = {"host": "127.0.0.1", "port": self.mail.port if self.mail else 1, "tls": "none",
                "allow-cleartext-auth": "yes", "from": "alice@example.org",
                "user": "alice@example.org", "oauth": self.tokens.issuer,
                "oauth-client-id": "public", "oauth-trust": self.tokens.trust,
                "oauth-scope": "mail", "token-store": "file", "secret-cache": "none"}
        keys.update({key.replace("_", "-"): value for key, value in self.more.items()})
        text = "[account %s]\n" % account
        text += "".join("%s = %s\n" % (key, value) for key, value in keys.items()
                        if value is not None)
        (folder / "config").write_text(text + "\n".join((*self.lines, *lines)) + "\n")
        (folder / "config").chmod(0o600)

    def environment(self, **more):
        return super().environment(XDG_DATA_HOME=str(self.home / "data"),
                                   XDG_RUNTIME_DIR=str(self.home / "run"),
                                   TRUST=self.tokens.trust, BROWSER=str(self.home / "browser"),
                                   **more)

    def set(self, **more):
        self.more.update(more)
        self.configure()

    def login(self, *arguments, status=0, account="work", screen=True, **more):
        if screen:
            more["env"] = {**self.environment(), "DISPLAY": ":77"}
        done = self.command("login", account, *arguments, **more)
        expect(done.status == status, "login: %s was expected: %s", status, done)
        return done

    def command(self, *arguments, stdin=b"", env=None, timeout=60, **more):
        since = time.monotonic()
        done = subprocess.run(self.argv("sendoff", arguments), input=stdin, capture_output=True,
                              timeout=timeout, env=env or self.environment(), cwd=self.home,
                              check=False, **more)
        from place import Result
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"), time.monotonic() - since)

    def token(self, status=0, account="work"):
        done = self.command("token", account)
        expect(done.status == status, "token: %s was expected: %s", status, done)
        if not status:
            expect(re.fullmatch(r"[!-~]+\n", done.out) and not done.err, "%s", done)
        return done.out.strip() if not status else done.err

    def stored(self):
        """What is kept, as (path, text)."""
        return [(path, path.read_text()) for path in sorted([*self.home.glob("data/sendoff/*"), *self.home.glob(".local/share/sendoff/*")])
                if path.is_file() and path.name[0] != "."]
