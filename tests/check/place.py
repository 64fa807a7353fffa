"""A user with a configuration of his own, servers that behave as they are told, and the doctor."""

import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

SENDOFF = os.environ.get("SENDOFF", "")
SMARTHOST = os.environ.get("SMARTHOST", "")
SPOOL_TOOL = os.environ.get("SPOOL_TOOL", "")
SANITIZED = os.environ.get("SANITIZED", "0") == "1"
STATES = ("ok", "warning", "failure")
KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE")


class Wrong(Exception):
    """What a case found."""


class Skip(Exception):
    """Why a case cannot be run here."""


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values if values else text)


class Smarthost:
    """The embedded server, which asks for a login."""

    def __init__(self, *options, tls="implicit"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="check."))
        self.tls = tls
        self.process = subprocess.Popen(
            [SMARTHOST, "--until-eof", "--discard", "--ca-dir", str(self.dir / "ca"), "--tls", tls,
             "--verbose", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(self.dir / "talk", "wb"))
        self.port = int(self.process.stdout.readline().split()[1])
        self.ca, self.password = str(self.dir / "ca/ca.pem"), str(self.dir / "ca/password")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def talk(self):
        return (self.dir / "talk").read_text(errors="replace")

    def account(self, *more, name="work", without=()):
        lines = {"host": f"localhost:{self.port}", "tls": self.tls, "tls-trust": self.ca,
                 "user": "alice", "password-file": self.password, "from": "alice@example.org",
                 "timeout": "10s"}
        if self.tls == "none":
            lines.pop("tls-trust")
            lines["allow-cleartext-auth"] = "yes"
        lines.update(dict(m.split(" = ", 1) for m in more))
        return "\n".join([f"[account {name}]", *(f"{k} = {v}" for k, v in lines.items()
                                                 if k not in without)]) + "\n"


class Script:
    """A server in clear that answers by ANSWERS: {b"EHLO": b"250 x"}; b"" is the greeting, None is
    silence. HEARD is what it was told."""

    def __init__(self, answers):
        self.answers, self.heard = answers, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def say(self, connection, word):
        answer = self.answers.get(word, b"250 ok")
        if answer is not None:
            connection.sendall(answer.replace(b"\n", b"\r\n") + b"\r\n")

    def talk(self, connection):
        try:
            self.say(connection, b"")
            for line in connection.makefile("rb"):
                self.heard.append(line.rstrip())
                self.say(connection, line.rstrip() if line.rstrip() in self.answers
                         else line.split()[0].upper())
        except OSError:
            pass

    def account(self, *more):
        lines = {"host": f"127.0.0.1:{self.port}", "tls": "none", "auth": "none",
                 "from": "ann@example.org", "timeout": "10s"}
        lines.update(dict(m.split(" = ", 1) for m in more))
        return "\n".join(["[account work]", *(f"{k} = {v}" for k, v in lines.items())]) + "\n"


class Place:
    """HOME with a configuration and a state directory."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="check."))
        self.spool = self.home / "state/sendoff"
        self.config = self.home / ".config/sendoff/config"
        self.config.parent.mkdir(parents=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def environment(self, **more):
        env = {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(self.home), "TMPDIR": str(self.home),
               "XDG_STATE_HOME": str(self.home / "state"), "LC_ALL": "C", "TZ": "UTC"}
        env.update({name: os.environ[name] for name in KEPT if name in os.environ})
        env.update(more)
        return env

    def run(self, *arguments, stdin=b"", timeout=90, before=(), env=None, **more):
        return subprocess.run([*map(str, before), SENDOFF, *map(str, arguments)], input=stdin,
                              capture_output=True, timeout=timeout, cwd=self.home,
                              env=self.environment(**(env or {})), check=False, **more)

    def tool(self, *arguments, stdin=b"Subject: x\n\nx\n"):
        done = subprocess.run([SPOOL_TOOL, *map(str, arguments)], input=stdin,
                              capture_output=True, check=False, timeout=60,
                              env=self.environment())
        expect(done.returncode == 0, "spool-tool %s: %s", arguments, done.stderr)
        return done.stdout.decode().split()[-1] if done.stdout else ""


class Report:
    """What the doctor said in JSON."""

    def __init__(self, done):
        text = done.stdout.decode()
        self.text = text + done.stderr.decode()
        try:
            self.all = json.loads(text)
        except ValueError as error:
            raise Wrong("no JSON: %s\n%s" % (error, self.text)) from error
        expect(text.count("\n") == 1, "JSON is one line")
        self.status, self.findings = done.returncode, self.all["findings"]
        self.validate()

    def validate(self):
        all_ = self.all
        expect(set(all_) == {"status", "ok", "warning", "failure", "findings"}, "members: %s",
               sorted(all_))
        expect(all_["status"] == self.status, "status %s, exit status %s", all_["status"],
               self.status)
        for f in self.findings:
            expect(list(f) == ["account", "section", "name", "state", "text", "remedy", "data"],
                   "members of a finding: %s", f)
            expect(f["state"] in STATES and f["section"] and f["name"] and f["text"], "%s", f)
            expect((f["state"] == "ok") == (f["remedy"] is None), "a remedy where one is needed: %s",
                   f)
            expect(isinstance(f["data"], dict), "%s", f)
            expect(not re.search("[\x00-\x1f\x7f]", f["text"] + (f["remedy"] or "")), "%s", f)
        for state in STATES:
            expect(all_[state] == sum(f["state"] == state for f in self.findings), "count of %s",
                   state)
        expect((self.status == 0) == (all_["failure"] == 0), "status and failures: %s", self.text)

    def of(self, name, account=None):
        return [f for f in self.findings if f"{f['section']}/{f['name']}" == name and
                (account is None or f["account"] == account)]

    def has(self, wanted, words=""):
        """WANTED: "TLS/name=failure"; WORDS: a pattern in text and remedy."""
        name, state = wanted.rsplit("=", 1)
        found = self.of(name)
        expect(any(f["state"] == state and
                   re.search(words, f"{f['text']} -> {f['remedy']}") for f in found),
               "%s (%s) was expected; there is %s\n%s", wanted, words, found, self.text)
        return next(f for f in found if f["state"] == state)

    def lacks(self, *names):
        for name in names:
            expect(not self.of(name), "%s was not expected: %s", name, self.of(name))


def examine(place, config, *arguments, status=0, want=(), lack=(), env=None, **more):
    """Runs the doctor over CONFIG (text). WANT: "section/name=state", or with words behind it."""
    if config is not None:
        place.config.write_text(config)
    done = place.run("check", "--json", *arguments, env=env, **more)
    report = Report(done)
    for w in want:
        report.has(*((w,) if isinstance(w, str) else w))
    report.lacks(*lack)
    expect(report.status == status, "status %s, %s was expected: %s", report.status, status,
           report.text)
    return report
