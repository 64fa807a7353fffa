"""A person logs in: browser, device, paste. Clients log in by themselves. Logging out."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import server
from cases import case
from place import expect, until
from room import Room


class Stage:
    """An authorization server, and a room whose account uses it."""

    def __init__(self, *lines, **more):
        self.directory = tempfile.TemporaryDirectory(prefix="oauth.")
        self.server = server.Server(self.directory.name)
        self.room = Room(self.server, None, *lines, **more)

    def __enter__(self):
        return self.server, self.room

    def __exit__(self, *_):
        self.room.__exit__()
        self.server.__exit__()
        self.directory.cleanup()


def link(text):
    """The address that a person is to open."""
    found = re.search(r"^\s*(https://\S+/authorize\?\S+)$", text, re.M)
    expect(found, "no address: %s", text)
    return found.group(1)


def query(address):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))


def consent(tokens, address):
    """Where the browser of somebody who consents is sent."""
    with tokens.lock:
        return tokens.grants.authorize(query(address))


class Listening:
    """A login that waits for a browser, which is us."""

    def __init__(self, room, *arguments):
        self.process = subprocess.Popen(
            room.argv("sendoff", ("login", "work", "--browser", *arguments)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=room.environment(), cwd=room.home)
        text = b""
        while not re.search(rb"https://\S+/authorize\S+\n\n", text):
            part = os.read(self.process.stderr.fileno(), 4096)
            expect(part, "it ended: %s", text.decode())
            text += part
        self.address = link(text.decode())
        self.redirect = query(self.address)["redirect_uri"]
        self.port = urllib.parse.urlsplit(self.redirect).port

    def ends(self, status=0):
        out, err = self.process.communicate(timeout=60)
        expect(self.process.returncode == status, "status %s: %s", self.process.returncode,
               err.decode())
        return err.decode()

    def get(self, address):
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def raw(self, octets, seconds=60):
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as s:
            s.sendall(octets)
            answer = b""
            while True:
                part = s.recv(4096)
                if not part:
                    return answer
                answer += part


@case("a browser on this machine: PKCE, state, loopback; the token is printed afterwards")
def browser():
    with Stage() as (tokens, room):
        done = room.login("--browser")
        page = until(lambda: (room.home / "page").exists() and (room.home / "page").read_text(),
                     "the browser has its page")
        expect("Access was granted" in page, "%s", page)
        asked = tokens.requests("/authorize")[0]["query"]
        expect(asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43 and
               len(asked["state"]) >= 22 and asked["login_hint"] == "alice@example.org" and
               re.fullmatch(r"http://127\.0\.0\.1:\d+/", asked["redirect_uri"]), "%s", asked)
        expect(room.token() == tokens.grants.issued[-1], "another token")
        for secret in tokens.grants.issued + list(tokens.grants.refresh):
            expect(secret not in done.err + done.out + page, "a token was shown")
        files = room.stored()
        expect(len(files) == 1 and files[0][0].stat().st_mode & 0o777 == 0o600 and
               files[0][0].parent.stat().st_mode & 0o777 == 0o700, "%s", files)


@case("without a screen the address is printed, and any browser of ours may bring the answer")
def printed():
    with Stage() as (tokens, room):
        login = Listening(room)
        status, page = login.get(consent(tokens, login.address))
        expect(status == 200 and "Access was granted" in page, "%s", page)
        login.ends()
        expect(room.token() == tokens.grants.issued[-1], "another token")


@case("strangers at the port change nothing: other paths, wrong state, floods, silence, no HTTP")
def strangers():
    with Stage() as (tokens, room):
        login = Listening(room)
        expect(login.get(login.redirect)[0] == 404, "a page without a query")
        expect(login.get(login.redirect + "favicon.ico")[0] == 404, "an icon")
        expect(login.get(login.redirect + "?code=x&state=guessed")[0] == 400, "a guess")
        expect(login.get(login.redirect + "?error=access_denied&state=guessed")[0] == 400, "no")
        right = query(login.address)["state"]
        for twice in ("?code=x&state=%s&state=%s" % (right, right), "?code=%%0a&state=%s" % right,
                      "?state=%s&code=%%g" % right):
            expect(login.get(login.redirect + twice)[0] == 400, "%s", twice)
        expect(b"404" in login.raw(b"POST /?code=x HTTP/1.1\r\nHost: a\r\n\r\n"), "POST")
        expect(b"400" in login.raw(b"GET /?" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n"), "too long")
        expect(b"400" in login.raw(b"\0" * 20 + b"\r\n\r\n"), "NUL")
        quiet = [socket.create_connection(("127.0.0.1", login.port)) for _ in range(40)]
        status, _ = login.get(consent(tokens, login.address))
        expect(status == 200, "the right one came too: %s", status)
        login.ends()
        for one in quiet:
            one.close()
        room.token()


@case("what others on this machine bring is not listened to, whatever they have seen")
def other_user():
    if os.geteuid():
        from place import SKIPPED
        SKIPPED.append("only root can be somebody else")
        return
    with Stage() as (tokens, room):
        # the login is that of an ordinary user: root may bring answers to anybody
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true"], check=False)
        expect(done.returncode == 0, "setpriv does not work")
        for folder, names, files in os.walk(room.home):
            os.chown(folder, 65533, 65533)
            for name in files:
                os.chown(os.path.join(folder, name), 65533, 65533, follow_symlinks=False)
        os.chmod(tokens.trust, 0o644)
        for parent in (tokens.trust, os.path.dirname(tokens.trust)):
            os.chmod(os.path.dirname(parent), 0o755)
        process = subprocess.Popen(
            ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
             *room.argv("sendoff", ("login", "work", "--browser"))], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=room.environment(), cwd="/")
        text = b""
        while not re.search(rb"https://\S+/authorize\S+\n\n", text):
            part = os.read(process.stderr.fileno(), 4096)
            expect(part, "it ended: %s", text.decode())
            text += part
        back = consent(tokens, link(text.decode()))
        get = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c",
               "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60)", back]
        expect(subprocess.run(get, stderr=subprocess.DEVNULL, check=False).returncode,
               "another user was answered")
        get[1:3] = ["--reuid=65533", "--regid=65533"]
        expect(subprocess.run(get, check=False).returncode == 0, "the user himself was not")
        out, err = process.communicate(timeout=60)
        expect(process.returncode == 0 and b"other users were turned away" in err, "%s", err)


@case("no: access_denied, another issuer, none where one was promised, no code, 503 at the exchange")
def denied():
    with Stage() as (tokens, room):
        for wish, status, words in (("denied", 77, "access_denied"), ("wrong-iss", 76, "issuer"),
                                    ("no-code", 76, "no code")):
            tokens.set(authorize=wish)
            done = room.login("--browser", status=status)
            expect(words in done.err or "comes from" in done.err, "%s: %s", wish, done)
            expect("\n\n\n" not in done.err and not room.stored(), "%s", done)
        tokens.set(authorize="extra")
        room.login("--browser")
        room.command("logout", "work")
        tokens.set(authorize="ok", next=[None, None, "503"])
        room.login("--browser", status=75)
        expect(not room.stored(), "something was kept")


@case("the device grant: pending, slower, the code on the screen; refused; expired; network fails")
def device():
    with Stage() as (tokens, room):
        tokens.set(device_pending=1, device_slow_down=0)
        done = room.login("--device", screen=False)
        polls = tokens.requests("/token")
        expect(len(polls) == 2 and polls[1]["time"] - polls[0]["time"] > 0.9, "%s", polls)
        expect(re.search(r"^ +[A-Z]{4}-[A-Z]{4}$", done.err, re.M) and
               re.search(r"/device$", done.err, re.M) and
               re.search(r"/device\?user_code=[A-Z-]+$", done.err, re.M), "%s", done)
        room.token()
        tokens.set(device_slow_down=1, device_pending=0)
        since = time.monotonic()
        room.login("--device", screen=False)
        expect(time.monotonic() - since > 6.5, "it did not ask less often")
        tokens.set(device_slow_down=0, device="deny")
        expect("not granted" in room.login("--device", screen=False, status=77).err, "denied")
        tokens.set(device="expire")
        expect("expired" in room.login("--device", screen=False, status=77).err, "expired")
        tokens.set(device="approve", device_pending=0, next=[None, None, "503", "close"])
        room.login("--device", screen=False)


@case("no way named and no screen: by a code where the provider has that")
def automatic():
    with Stage() as (tokens, room):
        tokens.set(device_pending=0)
        room.login(screen=False)
        expect(tokens.requests("/device_authorization"), "it was another way")
        room.login()
        expect(tokens.requests("/authorize"), "there was a screen")


def typed(room, arguments, answers):
    """Runs at a terminal; ANSWERS(text so far) gives what is typed, or None."""
    pid, fd = pty.fork()
    if not pid:
        os.chdir(room.home)
        os.execve(room.argv("sendoff", [])[0], room.argv("sendoff", arguments),
                  room.environment())
    text = ""
    try:
        while select.select([fd], [], [], 20)[0]:
            part = os.read(fd, 4096)
            if not part:
                break
            text += part.decode().replace("\r\n", "\n")
            answer = answers(text)
            if answer is not None:
                os.write(fd, answer.encode() + b"\n")
    except OSError:
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


@case("--paste at a terminal: wrong addresses are asked for again")
def paste():
    with Stage() as (tokens, room):
        given = []

        def answers(text):
            if text.endswith("paste it here:\n"):
                given.append(1)
                return "http://127.0.0.1:1/?code=x&state=y"
            if text.endswith("state=\n") and len(given) == 1:
                given.append(2)
                return consent(tokens, link(text))
            return None
        status, text = typed(room, ("login", "work", "--paste"), answers)
        expect(status == 0 and given == [1, 2] and "Access for account work" in text, "%s: %s",
               status, text)
        room.token()
        done = room.command("login", "work", "--paste")
        expect(done.status == 77 and "no address was pasted" in done.err, "%s", done)


@case("where there is no screen, no code and a terminal, both are waited for")
def both():
    with Stage() as (tokens, room):
        tokens.set(metadata={"device_authorization_endpoint": None})
        seen = []

        def answers(text):
            if text.endswith("paste it here:\n") and not seen:
                seen.append(1)
                return consent(tokens, link(text))
            return None
        status, text = typed(room, ("login", "work"), answers)
        expect(status == 0 and "on this machine" in text, "%s", text)


@case("clients by secret (file, command), and what is said of a wrong one")
def by_client():
    with Stage(oauth_grant="client", oauth_client_id="daemon") as (tokens, room):
        secret = room.home / "secret"
        secret.write_text("d4emon\n")
        secret.chmod(0o600)
        room.set(oauth_client_secret_file=secret)
        one = room.token()
        expect(tokens.grants.issued == [one] and not room.stored(), "%s", tokens.grants.issued)
        room.set(oauth_client_secret_file=None, oauth_client_secret_command="echo d4emon")
        expect(room.token() == tokens.grants.issued[-1], "by a command")
        done = room.command("login", "work")
        expect(done.status == 0 and "nobody needs to log in" in done.err, "%s", done)
        room.set(oauth_client_secret_command="echo wrong")
        expect("oauth-client-id and the client's secret" in room.token(78), "wrong")
        room.set(oauth_client_secret_command="false")
        expect("oauth-client-secret-command" in room.token(78), "a command that fails")


def key_pair(room, name):
    """A key with its certificate, as files of the user's."""
    key, certificate = room.home / (name + ".key"), room.home / (name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key),
                    "-out", str(certificate), "-subj", "/CN=" + name, "-days", "2"], check=True,
                   capture_output=True)
    key.chmod(0o600)
    return key, certificate


@case("clients by a certificate's key: the assertion is checked by openssl; a wrong key is named")
def by_assertion():
    with Stage(oauth_grant="client", oauth_client_id="signed") as (tokens, room):
        key, certificate = key_pair(room, "client")
        room.set(oauth_key=key, oauth_cert=certificate)
        tokens.set(keys={"signed": [str(certificate), None]})
        for _ in range(2):
            expect(room.token() == tokens.grants.issued[-1], "no token")
        form = tokens.requests("/token")[-1]["form"]
        expect("client_secret" not in form and form["client_id"] == "signed", "%s", form)
        other, _ = key_pair(room, "other")
        room.set(oauth_key=other, oauth_cert=None)
        expect("oauth-key" in room.token(78), "a wrong key")
        room.set(oauth_key=room.home / "absent")
        expect("oauth-key" in room.token(78), "no key")
        key.chmod(0o644)
        room.set(oauth_key=key)
        expect("oauth-key" in room.token(78), "others can read it")


@case("a service account of Google's acts for the user; other files are refused")
def service_account():
    with Stage(oauth="google", oauth_client_id=None, oauth_scope=None) as (tokens, room):
        key, _ = key_pair(room, "account")
        public = room.home / "account.pub"
        subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public)],
                       check=True)
        name, path = "robot@project.iam.gserviceaccount.com", room.home / "account.json"
        content = {"type": "service_account", "client_email": name, "private_key_id": "k1",
                   "private_key": key.read_text(), "token_uri": tokens.issuer + "/token"}
        tokens.set(keys={name: [str(public), "k1"]})
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        room.set(oauth_service_account=path)
        expect(room.token() == tokens.grants.issued[-1] and not room.stored(), "no token")
        told = tokens.grants.introspect(tokens.grants.issued[-1])
        expect(told["username"] == "alice@example.org" and
               told["scope"] == "https://mail.google.com/", "%s", told)
        for broken in ({"client_email": None}, {"private_key": "x"},
                       {"token_uri": "http://localhost/"}):
            path.write_text(json.dumps({**content, **broken}))
            room.token(78)
        path.write_text("{")
        expect("oauth-service-account" in room.token(78), "no JSON")


@case("the kernel's keyring keeps the access token, also for a session without anything else")
def kernel():
    with Stage(secret_cache="tokens") as (tokens, room):
        probe = subprocess.run(
            ["python3", "-c", "import ctypes; c = ctypes.CDLL(None, use_errno=True); "
             "print(c.syscall(248, b'user', b'sendoff:probe', b'x', 1, -4))"],
            capture_output=True, check=False)
        if os.uname().machine != "x86_64" or int(probe.stdout or b"-1") < 0:
            from place import SKIPPED
            SKIPPED.append("the kernel's keyring cannot be used here")
            return
        room.set(user="cached%d@example.org" % os.getpid(), oauth_grant="client",
                 oauth_client_id="daemon", oauth_client_secret_command="echo d4emon")
        one = room.token()
        expect(room.token() == one and len(tokens.requests("/token")) == 1, "it was not kept")
        # as cron has it
        done = room.command("token", "work", env={"HOME": str(room.home), "PATH": "/usr/bin:/bin",
                            "XDG_STATE_HOME": str(room.home / "state")}, start_new_session=True)
        expect(done.out.strip() == one, "%s", done)
        # what was got for another client is another
        room.set(oauth_scope="other")
        expect(room.token() != one, "a token of another scope")
        for scope in ("other", "mail"):
            room.set(oauth_scope=scope)
            room.command("logout", "work")
        expect(room.token() != one, "a logout has not taken it away")
        room.command("logout", "work")


@case("what does not go together, or is missing, is told with the key")
def settings():
    for more, words in (({"user": None}, "needs user"), ({"oauth_client_id": None},
                        "oauth-client-id"), ({"password_file": "/x"}, "keep one"),
                        ({"oauth": "http://localhost"}, "https"),
                        ({"oauth_token_url": "http://localhost/"}, "https"),
                        ({"oauth": "nobody"}, "nobody"), ({"oauth_cert": "/x"}, "oauth-key"),
                        ({"oauth_grant": "client"}, "oauth-client-secret-file")):
        with Stage(**more) as (_, room):
            for command in (("token", "work"), ("login", "work", "--device")):
                done = room.command(*command)
                expect(done.status == 78 and words in done.err, "%s: %s", more, done)
    with Stage() as (_, room):
        done = room.command("login", "work", "--device", "--paste")
        expect(done.status == 64, "%s", done)
        expect(room.command("token", "nobody").status == 78, "no such account")
        done = room.command("token", "work")
        expect(done.status == 77 and "sendoff login work" in done.err and not done.out, "%s", done)


@case("google: no mail by a code; the id is the user's own")
def google():
    with Stage(oauth="google", oauth_scope=None) as (_, room):
        done = room.command("login", "work")
        expect(done.status == 78 and "oauth-client-secret-file" in done.err, "%s", done)
        room.set(oauth_client_secret_command="echo secret")
        done = room.command("login", "work", "--device")
        expect(done.status == 78 and "--paste" in done.err, "%s", done)
        room.set(oauth_client_id=None)
        done = room.command("login", "work")
        expect(done.status == 78 and "oauth-client-id" in done.err, "%s", done)


@case("logout gives the access back, and forgets it; also when nobody is there to take it")
def logout():
    with Stage() as (tokens, room):
        room.login("--browser")
        done = room.command("logout", "work")
        expect(done.status == 0 and not room.stored(), "%s", done)
        expect(not tokens.set()["refresh"], "the refresh token lives on: %s", tokens.set())
        expect("sendoff login work" in room.token(77), "it works on")
        room.login("--browser")
        tokens.set(outage="503")
        done = room.command("logout", "work")
        expect(done.status == 75 and not room.stored() and "lives on" in done.err, "%s", done)
        done = room.command("logout", "work")
        expect(done.status == 0 and "No access was kept" in done.err, "%s", done)


@case("logout where the addresses are set by keys: the issuer is asked, if the tokens are its own")
def logout_by_keys():
    with Stage() as (tokens, room):
        room.set(oauth_token_url=tokens.issuer + "/token",
                 oauth_authorize_url=tokens.issuer + "/authorize")
        room.login("--browser")
        expect(not any("well-known" in entry["path"] for entry in tokens.log), "it was asked")
        done = room.command("logout", "work")
        expect(done.status == 0 and not room.stored() and "lives on" not in done.err, "%s", done)
        expect(tokens.requests("/revoke") and not tokens.set()["refresh"], "%s", tokens.set())
        # what another server has given out is none of the issuer's business
        room.login("--browser")
        tokens.set(metadata={"token_endpoint": tokens.issuer + "/elsewhere"})
        before = len(tokens.requests("/revoke"))
        done = room.command("logout", "work")
        expect(done.status == 0 and not room.stored(), "%s", done)
        expect("lives on at the provider: end it at " + tokens.issuer in done.err, "%s", done)
        expect(len(tokens.requests("/revoke")) == before, "the issuer was told the token")
        room.login("--browser")
        tokens.set(missing=["oauth-authorization-server", "openid-configuration"])
        done = room.command("logout", "work")
        expect(done.status == 0 and not room.stored() and "lives on" in done.err, "%s", done)


@case("logout from a provider that takes nothing back says where a person ends it")
def logout_by_hand():
    with Stage(oauth="microsoft") as (tokens, room):
        room.set(oauth_token_url=tokens.issuer + "/token", oauth_scope="mail",
                 oauth_authorize_url=tokens.issuer + "/authorize")
        tokens.set(authorize="no-iss")
        room.login("--browser")
        done = room.command("logout", "work")
        expect(done.status == 0 and not room.stored(), "%s", done)
        expect("account.live.com/consent/Manage" in done.err, "%s", done)


@case("--status in words and as JSON; exit statuses")
def status():
    with Stage() as (tokens, room):
        done = room.command("login", "--status")
        expect(done.status == 77 and "run sendoff login work" in done.out, "%s", done)
        room.login("--browser")
        done = room.command("login", "--status")
        expect(done.status == 0 and re.search(r"access +\w+, \d", done.out) and
               "alice@example.org" in done.out and not done.err, "%s", done)
        told = json.loads(room.command("login", "--status", "work", "--json").out)[0]
        expect(told["access"] and told["refresh"] and told["account"] == "work" and
               told["scope"] == "mail" and not told["problem"], "%s", told)
        for secret in tokens.grants.issued + list(tokens.grants.refresh):
            expect(secret not in done.out, "a token is shown")
        expect(room.command("login", "--status", "other").status == 78, "another account")


@case("an end that is near is told, and written down once a day")
def near():
    with Stage("log = syslog") as (tokens, room):
        log = room.home / "log"
        room.lines = ("log = %s" % log,)
        room.configure()
        room.login("--browser")
        path, text = room.stored()[0]
        record = json.loads(text)
        record["refresh_expires"] = int(time.time()) + 86400 * 3
        path.write_text(json.dumps(record))
        done = room.command("login", "--status")
        expect("warning" in done.out and "somebody logs in again" in done.out, "%s", done)
        for _ in range(3):
            room.token()
        expect(log.read_text().count("sendoff login work") == 1, "%s", log.read_text())
        tokens.set(rotate=False)
        done = room.command("login", "--refresh-all")
        expect("sendoff login work" in done.err and done.status == 0, "%s", done)
