#!/usr/bin/env python3
"""`sendmail -bs` in front of a smarthost: what the callers of it send, and what nobody should. TAP.

SENDOFF and SMARTHOST name the programs; a word on the command line chooses cases by their names."""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SENDOFF, SMARTHOST = os.environ["SENDOFF"], os.environ["SMARTHOST"]
SANITIZED = os.environ.get("SANITIZED", "0") == "1"
LIMIT = 60
CASES = []


def case(function):
    CASES.append(function)
    return function


class Failure(Exception):
    pass


def check(good, text):
    if not good:
        raise Failure(text)


class Smarthost:
    """The recording smarthost of this tree."""

    def __init__(self, directory, *options):
        self.record = pathlib.Path(tempfile.mkdtemp(prefix="record.", dir=directory))
        self.process = subprocess.Popen(
            [SMARTHOST, "--tls", "none", "--record", str(self.record), "--until-eof", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline().split()[-1])

    def stop(self):
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self.process.stdout.close()

    def messages(self):
        """(envelope, content) in the order of arrival."""
        return [(json.loads(p.read_text()), p.with_suffix(".eml").read_bytes())
                for p in sorted(self.record.glob("[0-9]*.json"))]


class Scripted:
    """A smarthost that answers as told: a list per connection of (prefix of a line, reply); the reply
    None closes. The first entry is the greeting. What is not in the list is answered 250."""

    def __init__(self, *connections):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(5)
        self.port = self.socket.getsockname()[1]
        self.heard, self.connections = [], connections
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for script in self.connections:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer, peer.makefile("rwb") as f:
                self.talk(f, list(script))

    def talk(self, f, script):
        lines = []
        self.heard.append(lines)
        try:
            f.write(script.pop(0)[1].encode() + b"\r\n")
            f.flush()
            for line in f:
                line = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
                lines.append(line)
                reply = "250 ok"
                for i, (prefix, answer) in enumerate(script):
                    if line.startswith(prefix):
                        reply = answer
                        del script[i]
                        break
                if line.startswith("DATA") and reply == "250 ok":
                    reply = "354 go on"
                if reply is None:
                    return
                if reply:
                    f.write(reply.replace("\n", "\r\n").encode() + b"\r\n")
                    f.flush()
                if line == "DATA" and reply.startswith("354"):
                    while f.readline().rstrip(b"\r\n") != b".":
                        pass
                    answer = [a for p, a in script if p == "."] or ["250 2.0.0 taken"]
                    if answer[0] is None:
                        return
                    f.write(answer[0].encode() + b"\r\n")
                    f.flush()
                if line.startswith("QUIT"):
                    return
        except OSError:
            pass

    def stop(self):
        self.socket.close()


class Client:
    """`sendmail -bs` with a configuration of its own."""

    def __init__(self, directory, config, *argv, **how):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="client.", dir=directory))
        (self.dir / "config").write_text(config.replace("{dir}", str(self.dir)))
        (self.dir / "config").chmod(0o600)
        (self.dir / "password").write_text("wrong\n")
        (self.dir / "password").chmod(0o600)
        program = self.dir / how.pop("name", "sendmail")
        program.symlink_to(SENDOFF)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.dir), "TMPDIR": str(self.dir),
               "SENDOFF_CONFIG": str(self.dir / "config"), "LC_ALL": "C"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"):
            if name in os.environ:
                env[name] = os.environ[name]
        self.process = subprocess.Popen([program, *(argv or ["-bs"])], env=env, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **how)
        self.input = b""

    def send(self, data):
        view = memoryview(data if isinstance(data, bytes) else data.encode())
        while view:
            view = view[self.process.stdin.write(view):]

    def status(self):
        return pathlib.Path(f"/proc/{self.process.pid}/status").read_text()

    def line(self):
        end = time.monotonic() + LIMIT
        while b"\n" not in self.input:
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            block = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            check(block, f"no reply; there is {self.input!r}")
            self.input += block
        line, _, self.input = self.input.partition(b"\n")
        check(line.endswith(b"\r"), f"a reply without CRLF: {line!r}")
        return line[:-1].decode()

    def reply(self):
        """One reply as a text, lines joined by LF."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def silent(self, seconds=0.2):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        check(not ready and not self.input, "there is a reply too many")

    def say(self, command, want, end="\r\n"):
        """Says a line, waits for the reply, which must begin with WANT."""
        self.send(command + end)
        got = self.reply()
        check(got.startswith(want), f"{command!r} was answered {got!r}, not {want!r}")
        return got

    def greeting(self, want="220 "):
        got = self.reply()
        check(got.startswith(want), f"greeting {got!r}")

    def end(self, want=0, stderr=b""):
        """Closes; returns what else came."""
        try:
            out, err = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failure("it did not end") from None
        check(self.process.returncode == want,
              f"exit status {self.process.returncode}, not {want}; {err!r}")
        check(err == stderr or stderr is None, f"standard error {err!r}")
        return (self.input + out).decode()

    def piped(self, data, want=0):
        """Everything at once; returns the replies as a list of codes."""
        out = self.run(data, want)
        return [line[:3] for line in out.split("\r\n") if line[3:4] == " "]

    def run(self, data, want=0):
        data = data if isinstance(data, bytes) else data.encode()
        try:
            out, err = self.process.communicate(data, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failure("it did not end") from None
        check(self.process.returncode == want,
              f"exit status {self.process.returncode}, not {want}; {out[-300:]!r} {err!r}")
        check(err == b"", f"standard error {err!r}")
        return out.decode()

    def log(self):
        try:
            return (self.dir / "log").read_text().splitlines()
        except FileNotFoundError:
            return []


class Setup:
    """What a case gets: a directory that is gone afterwards, a smarthost made on demand."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bs.")
        self.smarthosts, self.clients = [], []

    def smarthost(self, *options):
        self.smarthosts.append(Smarthost(self.dir, *(options or ["--mechanisms", "none"])))
        return self.smarthosts[-1]

    def scripted(self, *connections):
        self.smarthosts.append(Scripted(*connections))
        return self.smarthosts[-1]

    def client(self, host, *argv, more="", **how):
        port = host if isinstance(host, int) else host.port
        config = (f"[account test]\nhost = 127.0.0.1\nport = {port}\ntls = none\nauth = none\n"
                  f"log = {{dir}}/log\ndefault-domain = box.example.net\n{more}")
        return self.configured(config, *argv, **how)

    def configured(self, config, *argv, **how):
        self.clients.append(Client(self.dir, config, *argv, **how))
        return self.clients[-1]

    def stop(self):
        for c in self.clients:
            if c.process.poll() is None:
                c.process.kill()
            c.process.wait()
            for f in (c.process.stdin, c.process.stdout, c.process.stderr):
                f.close()
        for s in self.smarthosts:
            s.stop()
        shutil.rmtree(self.dir)


MESSAGE = "Subject: s\r\nFrom: ann@example.org\r\nTo: bob@example.org\r\n\r\nbody\r\n"


def addresses(envelope):
    return [r["address"] for r in envelope["rcpt"]]


# What the callers send.

@case
def symfony(t):
    """HELO, a message, the next one without RSET, NOOP as a ping, QUIT; each reply is waited for."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("HELO [127.0.0.1]", "250 ")
    for n in (1, 2):
        c.say("MAIL FROM:<ann@example.org>", "250 2.1.0")
        c.say("RCPT TO:<bob@example.org>", "250 2.1.5")
        c.say(f"RCPT TO:<hidden{n}@example.org>", "250 2.1.5")
        c.say("DATA", "354 ")
        c.send(MESSAGE.replace("body", f"..body {n}\r\n..\r\n....."))
        c.silent()
        c.say("\r\n.", "250 2.0.0 accepted as 00000")
        c.say("NOOP", "250 ")
    c.say("QUIT", "221 ")
    check(c.end() == "", "more output")
    got = host.messages()
    check(len(got) == 2, f"{len(got)} messages")
    for n, (envelope, content) in enumerate(got, 1):
        check(envelope["mail"]["address"] == "ann@example.org", "sender")
        check(addresses(envelope) == ["bob@example.org", f"hidden{n}@example.org"], "recipients")
        check(b"\r\n.body %d\r\n.\r\n....\r\n" % n in content, f"dots: {content!r}")
        check(content.count(b"Message-ID:") == content.count(b"Date:") == 1, "missing fields")
        check(envelope["connection"] == got[0][0]["connection"], "one connection")
        check(envelope["bare_lf"] == envelope["bare_cr"] == 0, "line ends")
    check(len(c.log()) == 2 and all("status=EX_OK" in line for line in c.log()), c.log())


@case
def nmh(t):
    """EHLO, a probe of the addresses, RSET, the message, RSET, the blind copy apart, QUIT."""
    host = t.smarthost()
    c = t.client(host, "-bs", "-odb", "-oem", "-om")
    c.greeting()
    offers = c.say("EHLO localhost", "250-").split("\n")
    offers = {re.sub(r"^250[- ]", "", line) for line in offers[1:]}
    check(offers == {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING",
                     "ENHANCEDSTATUSCODES"}, offers)

    def transaction(*to):
        c.say("MAIL FROM:<ann@example.org>", "250 ")
        for address in to:
            c.say(f"RCPT TO:<{address}>", "250 ")

    transaction("bob@example.org", "blind@example.org")
    c.say("RSET", "250 ")
    transaction("bob@example.org")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("RSET", "250 ")
    transaction("blind@example.org")
    c.say("DATA", "354 ")
    c.say("From: ann@example.org\r\nSubject: s\r\nBCC:\r\n\r\n------- Blind-Carbon-Copy\r\n\r\n"
          + MESSAGE + "\r\n------- End of Blind-Carbon-Copy\r\n.", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    got = host.messages()
    check([addresses(e) for e, _ in got] == [["bob@example.org"], ["blind@example.org"]], got)
    check(got[0][0]["connection"] == got[1][0]["connection"], "one connection")
    check(not re.search(rb"(?im)^bcc", got[0][1]), "Bcc in the message for all")
    check(b"Blind-Carbon-Copy" in got[1][1] and b"To: bob" in got[1][1], "blind copy")
    check(len(c.log()) == 2, f"the probe is no submission: {c.log()}")


@case
def alpine(t):
    """EHLO, MAIL, RCPT with DSN, DATA, QUIT, with the options that alpine has built in."""
    host = t.smarthost()
    c = t.client(host, "-bs", "-odb", "-oem")
    c.greeting()
    c.say("EHLO box.example.net", "250-")
    c.say("MAIL FROM:<ann@example.org> RET=HDRS", "250 ")
    c.say("RCPT TO:<bob@example.org> NOTIFY=FAILURE,DELAY", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    (envelope, _), = host.messages()
    check(envelope["mail"]["parameters"] == {"BODY": "8BITMIME", "RET": "HDRS"}, envelope["mail"])
    check(envelope["rcpt"][0]["parameters"] ==
          {"NOTIFY": "FAILURE,DELAY", "ORCPT": "rfc822;bob@example.org"}, envelope["rcpt"])


@case
def everything_at_once(t):
    """Three messages piped, DATA with its content, one refused recipient, one more by BDAT."""
    host = t.smarthost()
    one = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
    c = t.client(host)
    codes = c.piped("EHLO me\r\n" + (one + "DATA\r\n" + MESSAGE + ".\r\n") * 2 + one
                    + "RCPT TO:<permfail@example.org>\r\nBDAT 12\r\nSubject: x\r\n"
                    + "BDAT 5 LAST\r\n\r\n.\r\nNOOP\r\nQUIT\r\n")
    check(codes == "220 250 250 250 354 250 250 250 354 250 250 250 550 250 250 250 221".split(),
          codes)
    got = host.messages()
    check(len(got) == 3 and len({e["connection"] for e, _ in got}) == 1, "messages")
    check(got[2][1].endswith(b"Subject: x\r\n\r\n.\r\n"), got[2][1])


@case
def with_t(t):
    """-t -bs is SMTP; so is `sendoff -bs`."""
    host = t.smarthost()
    check(t.client(host, "-t", "-bs").piped("NOOP\r\nQUIT\r\n") == ["220", "250", "221"], "-t")
    check(t.client(host, "-bs", name="sendoff").piped("") == ["220"], "sendoff")


@case
def greets_before_connecting(t):
    """Everything that needs no smarthost works without one."""
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    c = t.client(closed.getsockname()[1])
    c.greeting()
    c.say("EHLO me", "250-")
    c.say("HELP", "214 ")
    c.say("VRFY bob", "252 ")
    got = c.say("MAIL FROM:<ann@example.org>", "451")
    check("4.4.1" in got and "onnection refused" in got, got)
    c.say("RCPT TO:<bob@example.org>", "503 5.5.1")
    c.say("QUIT", "221 ")
    c.end(0)
    check(len(c.log()) == 1 and "status=EX_TEMPFAIL" in c.log()[0], c.log())
    closed.close()


@case
def verdict_per_recipient(t):
    """The smarthost's code, enhanced code and text for each; the good ones get the message."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("EHLO me", "250-")
    c.say("MAIL FROM:<ann@example.org>", "250 2.1.0 sender ok")
    check(c.say("RCPT TO:<permfail@example.org>", "550") == "550 5.1.1 no such user", "550")
    check(c.say("RCPT TO:<tempfail@example.org>", "451") == "451 4.7.1 try again later", "451")
    c.say("RCPT TO:<bob@example.org>", "250 2.1.5 recipient ok")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 2.0.0 accepted as 000001")
    c.say("MAIL FROM:<permfail@example.org>", "550 5.7.1 sender refused")
    c.say("MAIL FROM:<tempfail@example.org>", "451 4.7.1 sender refused for now")
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<dataperm@example.org>", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "554 ")
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<datatemp@example.org>", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "451 ")
    c.say("QUIT", "221 ")
    c.end(0)
    check([addresses(e) for e, _ in host.messages()] == [["bob@example.org"]], "messages")
    log = c.log()
    check(len(log) == 5, log)
    check('to="permfail@example.org" outcome=permanent code=550' in log[0], log[0])
    check([re.search(r"status=(\w+)", line).group(1) for line in log] ==
          ["EX_NOUSER", "EX_NOPERM", "EX_TEMPFAIL", "EX_DATAERR", "EX_TEMPFAIL"], log)


@case
def only_refused(t):
    """DATA after refused recipients; a record is left all the same."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<permfail@example.org>", "550 ")
    c.say("DATA", "554 5.5.1")
    c.say("RSET", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    check(host.messages() == [], "messages")
    check(len(c.log()) == 1 and "status=EX_NOUSER" in c.log()[0], c.log())


@case
def replies_of_many_lines(t):
    """A multi-line reply is passed on, one without an enhanced code gets one, controls are escaped."""
    host = t.scripted([("", "220 x"), ("EHLO", "250 x"),
                       ("RCPT", "550-5.7.1 not\n550-5.7.1 so\x1b[2J\n550 5.7.1 fast"),
                       ("RCPT", "550 no")])
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 2.0.0 ok")
    got = c.say("RCPT TO:<bob@example.org>", "550-")
    check(got == "550-5.7.1 not\n550-5.7.1 so\\x1b[2J\n550 5.7.1 fast", repr(got))
    got = c.say("RCPT TO:<bob@example.org>", "550 ")
    check(got == "550 5.0.0 no", repr(got))
    c.say("QUIT", "221 ")
    c.end()


# The account and the envelope.

@case
def accounts_by_sender(t):
    """Each sender's account, each with a connection of its own that is kept."""
    one, two = t.smarthost(), t.smarthost()
    c = t.configured("".join(
        f"[account {name}]\nhost = 127.0.0.1\nport = {h.port}\ntls = none\nauth = none\n{more}\n"
        for name, h, more in (("default", one, ""), ("work", two, "match-from = *@work.example"))))
    c.greeting()
    for sender in ("a@work.example", "a@home.example", "b@work.example", "b@home.example"):
        c.say(f"MAIL FROM:<{sender}>", "250 ")
        c.say("RCPT TO:<bob@example.org>", "250 ")
        c.say("DATA", "354 ")
        c.say(MESSAGE + ".", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    for host, domain in ((one, "home"), (two, "work")):
        got = host.messages()
        check([e["mail"]["address"] for e, _ in got] ==
              [f"a@{domain}.example", f"b@{domain}.example"], got)
        check(len({e["connection"] for e, _ in got}) == 1, "connections")


@case
def sender_policy(t):
    """from replaces host-local senders, sender = force all of them; a null sender stays null."""
    host = t.smarthost()
    for more, sender, want in (("from = me@example.net\n", "root", "me@example.net"),
                               ("from = me@example.net\n", "x@example.org", "x@example.org"),
                               ("from = me@example.net\n", "", ""),
                               ("from = me@example.net\nsender = force\n", "x@example.org",
                                "me@example.net"),
                               ("", "root", "root@box.example.net")):
        c = t.client(host, more=more)
        c.piped(f"MAIL FROM:<{sender}>\r\nRCPT TO:<root>\r\nDATA\r\n{MESSAGE}.\r\nQUIT\r\n")
        envelope, _ = host.messages()[-1]
        check(envelope["mail"]["address"] == want, f"{more!r} {sender}: {envelope['mail']}")
        check(addresses(envelope) == ["root@box.example.net"], "qualified")


@case
def header_fields(t):
    """From, Date and Message-ID are added; Bcc goes; what is there stays, in its order."""
    host = t.smarthost()
    start = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
    t.client(host).piped(start + "bCC : x@example.org,\r\n y@example.org\r\nSubject: s\r\n"
                         "Resent-Bcc: z@example.org\r\nDate: now\r\nMessage-ID: <i@d>\r\n\r\nx\r\n"
                         ".\r\n" + start + "no header at all\r\n.\r\n" + start + ".\r\nQUIT\r\n")
    (_, one), (_, two), (_, empty) = host.messages()
    check(one == b"From: ann@example.org\r\nSubject: s\r\nDate: now\r\nMessage-ID: <i@d>\r\n\r\nx\r\n",
          one)
    check(two.endswith(b"\r\n\r\nno header at all\r\n") and b"Date: " in two, two)
    check(empty.endswith(b"\r\n\r\n") and b"From: ann@example.org\r\n" in empty, empty)


@case
def parameters(t):
    """SIZE, ENVID, ORCPT, SMTPUTF8 arrive; AUTH= does not; unknown ones are refused."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org> AUTH=<> SIZE=1000 BODY=7BIT RET=FULL ENVID=a+20b", "250 ")
    c.say("RCPT TO:<bob@example.org> NOTIFY=NEVER", "250 ")
    c.say("RCPT TO:<eve@example.org> ORCPT=rfc822;e+2Bve@example.org NOTIFY=SUCCESS", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("MAIL FROM:<\u00e4@example.org> SMTPUTF8", "250 ")
    c.say("RCPT TO:<\u00f6@b\u00fccher.example>", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<\u00f6@example.org>", "553 5.6.7")
    c.say("RSET", "250 ")
    c.say("MAIL FROM:<ann@example.org> HOLDFOR=9", "555 5.5.4")
    c.say("MAIL FROM:<ann@example.org> SIZE=x", "501 5.5.4")
    c.say("MAIL FROM:<ann@example.org> SIZE=200000000", "552 5.3.4")
    c.say("QUIT", "221 ")
    c.end()
    (one, _), (two, _) = host.messages()
    check(one["mail"]["parameters"] == {"SIZE": "1000", "BODY": "8BITMIME", "RET": "FULL",
                                        "ENVID": "a+20b"}, one["mail"])
    check([r["parameters"] for r in one["rcpt"]] ==
          [{"NOTIFY": "NEVER", "ORCPT": "rfc822;bob@example.org"},
           {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;e+2Bve@example.org"}], one["rcpt"])
    check("SMTPUTF8" in two["mail"]["parameters"] and
          addresses(two) == ["\u00f6@b\u00fccher.example"], two)


@case
def plain_smarthost(t):
    """A smarthost without extensions: nothing is declared, the content fits all the same."""
    host = t.smarthost("--mechanisms", "none", "--extensions", "none")
    c = t.client(host)
    c.greeting()
    c.say("EHLO me", "250-")
    c.say("MAIL FROM:<ann@example.org> BODY=8BITMIME SIZE=9 SMTPUTF8 RET=FULL", "250 ")
    c.say("RCPT TO:<bob@b\u00fccher.example> NOTIFY=SUCCESS", "250 ")
    c.say("RCPT TO:<\u00f6@example.org>", "553 5.6.7")
    c.say("DATA", "354 ")
    c.say("Subject: gr\u00fc\u00dfe\r\n\r\nb\u00f6se\r\n.", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    (envelope, content), = host.messages()
    check(envelope["mail"]["parameters"] == {} and envelope["via"] == "DATA", envelope)
    check(addresses(envelope) == ["bob@xn--bcher-kva.example"], addresses(envelope))
    check(not envelope["eight_bit"] and b"b=C3=B6se" in content and b"=?utf-8?" in content.lower(),
          content)


# Failures on the way.

@case
def lost_at_recipient(t):
    """The smarthost goes away in the transaction: 421, and 75."""
    host = t.scripted([("", "220 x"), ("EHLO", "250 x"), ("RCPT", None)])
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    got = c.say("RCPT TO:<bob@example.org>", "421 4.4.2")
    check("closed" in got, got)
    c.end(75)
    check(len(c.log()) == 1 and "status=EX_TEMPFAIL" in c.log()[0], c.log())


@case
def closes_at_recipient(t):
    """... and so with a 421 of its own."""
    host = t.scripted([("", "220 x"), ("EHLO", "250 x"), ("RCPT", "421 4.3.2 going down")])
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    got = c.say("RCPT TO:<bob@example.org>", "421 4.3.2")
    check("going down" in got, got)
    c.end(75)


@case
def in_doubt(t):
    """No answer to the content: that is said, the dialogue goes on, and the status tells."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<lost@example.org>", "250 ")
    c.say("DATA", "354 ")
    got = c.say(MESSAGE + ".", "451 4.4.2")
    check("may have been delivered" in got, got)
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<bob@example.org>", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("QUIT", "221 ")
    c.end(75)
    check("outcome=in-doubt" in c.log()[0] and "status=EX_OK" in c.log()[1], c.log())


@case
def idle_connection_gone(t):
    """A connection that was closed between two messages is replaced without a word."""
    good = [("", "220 x"), ("EHLO", "250 x")]
    host = t.scripted(good + [("MAIL", "250 ok"), ("MAIL", None)], good,
                      good + [("RSET", "421 too idle")], good)
    c = t.client(host)
    c.greeting()
    for _ in range(3):
        c.say("MAIL FROM:<ann@example.org>", "250 ")
        c.say("RCPT TO:<bob@example.org>", "250 ")
        c.say("DATA", "354 ")
        c.say(MESSAGE + ".", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    check(len(host.heard) == 2, host.heard)


@case
def connection_used_up(t):
    """MAILMAX of RFC 9422: another connection after so many messages."""
    host = t.smarthost("--mechanisms", "none", "--extensions", "+LIMITS=MAILMAX=2")
    c = t.client(host)
    c.piped((f"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n{MESSAGE}.\r\n")
            * 5 + "QUIT\r\n")
    got = [e["connection"] for e, _ in host.messages()]
    check(got == [got[0], got[0], got[0] + 1, got[0] + 1, got[0] + 2], got)


@case
def wrong_password(t):
    """A refused login is told, and the password is not tried again."""
    host = t.smarthost("--mechanisms", "PLAIN")
    c = t.configured(f"[account test]\nhost = 127.0.0.1\nport = {host.port}\ntls = none\n"
                     "user = alice\npassword-file = {dir}/password\nallow-cleartext-auth = yes\n")
    c.greeting()
    got = c.say("MAIL FROM:<ann@example.org>", "550-5.7.8")
    check("alice" in got and "password" in got and "wrong" not in got, got)
    again = c.say("MAIL FROM:<ann@example.org>", "550-5.7.8")
    check(got == again, again)
    c.say("QUIT", "221 ")
    c.end()


@case
def logs_in_once(t):
    """One login for many messages."""
    host = t.smarthost("--mechanisms", "PLAIN,SCRAM-SHA-256")
    c = t.configured(f"[account test]\nhost = 127.0.0.1\nport = {host.port}\ntls = none\n"
                     "user = alice\npassword-command = printf 'wonderland'\n"
                     "allow-cleartext-auth = yes\n")
    c.piped((f"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n{MESSAGE}.\r\n")
            * 3 + "QUIT\r\n")
    got = host.messages()
    check(len(got) == 3 and {(e["user"], e["connection"]) for e, _ in got} ==
          {("alice", got[0][0]["connection"])}, got)


@case
def over_tls(t):
    """A login under TLS, two messages, one connection."""
    host = t.smarthost("--tls", "implicit", "--ca-dir", t.dir)
    c = t.configured(f"[account test]\nhost = 127.0.0.1:{host.port}\ntls = implicit\nuser = alice\n"
                     f"tls-trust = {t.dir}/ca.pem\npassword-file = {t.dir}/password\n"
                     "tls-name = localhost\n")
    c.piped((f"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n{MESSAGE}.\r\n")
            * 2 + "QUIT\r\n")
    got = host.messages()
    check(len(got) == 2 and got[0][0]["tls"] == "TLS1.3" and
          got[0][0]["connection"] == got[1][0]["connection"], got)


@case
def wrong_certificate(t):
    """A certificate that is refused is no 4yz: the same would happen again."""
    host = t.smarthost("--tls", "implicit", "--certificate", "expired", "--ca-dir", t.dir)
    c = t.client(host.port, more=f"tls-trust = {t.dir}/ca.pem\n")
    c = t.configured((c.dir / "config").read_text().replace("tls = none", "tls = implicit"))
    c.greeting()
    got = c.say("MAIL FROM:<ann@example.org>", "554")
    check("5.7.5" in got and "expired" in got, got)
    c.say("QUIT", "221 ")
    c.end()


@case
def broken_configuration(t):
    """421 instead of the greeting, and 78."""
    c = t.configured("[account x]\nhost = \nnonsense = 1\n")
    c.greeting("421 4.3.5")
    c.end(78, None)
    c = t.configured("")
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "451 4.3.5")
    c.say("QUIT", "221 ")
    c.end()


@case
def too_large(t):
    """More than the smarthost takes is passed over and refused; the dialogue stays in step."""
    host = t.smarthost("--mechanisms", "none", "--extensions", "SIZE=20000,PIPELINING")
    start = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
    codes = t.client(host).piped(
        start + "DATA\r\n" + "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 10000 + ".\r\n" + start
        + f"BDAT 1000000\r\n{'z' * 1000000}BDAT 0 LAST\r\n" + start + f"DATA\r\n{MESSAGE}.\r\n"
        + "QUIT\r\n")
    check(codes == "220 250 250 354 552 250 250 552 552 250 250 354 250 221".split(), codes)
    check(len(host.messages()) == 1, "messages")


@case
def large(t):
    """Twenty megabytes arrive as they are, and memory does not grow with them."""
    host = t.smarthost("--mechanisms", "none")
    body = b"".join(b"%07d %s\r\n" % (i, b"." * (i % 70)) for i in range(400000))
    stuffed = body.replace(b"\r\n.", b"\r\n..")
    for how in ("DATA", "BDAT"):
        head = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
        text = b"DATA\r\nSubject: s\r\n\r\n" + stuffed + b".\r\n" if how == "DATA" else \
            b"BDAT 14 \r\nSubject: s\r\n\r\nBDAT %d LAST\r\n%s" % (len(body), body)
        c = t.client(host)
        c.greeting()
        c.send(head + text)
        while not c.reply().startswith("250 2.0.0 accepted"):
            pass
        peak = int(re.search(r"VmHWM:\s*(\d+) kB", c.status()).group(1))
        c.say("QUIT", "221 ")
        c.end()
        _, content = host.messages()[-1]
        check(content.endswith(b"Subject: s\r\n\r\n" + body), f"{how}: changed")
        check(peak < (32 if SANITIZED else 16) << 10, f"{peak} KiB")


# Line ends.

@case
def bare_lf_client(t):
    """The first line decides: a client that ends it in LF may end all so."""
    host = t.smarthost()
    start = "MAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\nDATA\n"
    codes = t.client(host).piped("EHLO me\n" + start + "Subject: s\n\n..one\ntwo\r\n.\n" + start
                                 + "Subject: t\n\nthree\r\n.\r\nQUIT\r\n")
    check(codes == "220 250 250 250 354 250 250 250 354 250 221".split(), codes)
    (_, one), (_, two) = host.messages()
    check(one.endswith(b"Subject: s\r\n\r\n.one\r\ntwo\r\n"), one)
    check(two.endswith(b"Subject: t\r\n\r\nthree\r\n"), two)


@case
def smuggling(t):
    """Only CRLF.CRLF ends the content of a client that ends its lines in CRLF; what else looks like it
    is content, and leaves with its dots doubled."""
    evil = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nevil\r\n"
    for shape in ("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r.\r", "\n.\r", "\r.\n",
                  "\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n. \r\n", "\r\n..\r\n"):
        host = t.smarthost()
        codes = t.client(host).piped(
            "EHLO me\r\nMAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
            f"Subject: s\r\n\r\none{shape}{evil}.\r\nQUIT\r\n")
        check(codes == "220 250 250 250 354 250 221".split(), f"{shape!r}: {codes}")
        (envelope, content), = host.messages()
        check(addresses(envelope) == ["bob@example.org"] and b"RCPT TO:<victim" in content,
              f"{shape!r}: {content!r}")
        check(envelope["bare_lf"] == envelope["bare_cr"] == envelope["nul"] == 0, f"{shape!r}")


@case
def bare_lf_command(t):
    """A command that ends in a bare LF is refused by name once CRLF was the custom."""
    host = t.smarthost()
    out = t.client(host).run("EHLO me\r\nMAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\r\n"
                             "QUIT\r\n")
    check("500 5.5.2" in out and "503 5.5.1" in out, out)
    check(host.messages() == [], "messages")


@case
def content_after_refusal(t):
    """Content that was piped behind a DATA that is refused is no source of commands."""
    host = t.smarthost()
    codes = t.client(host).piped(
        "EHLO me\r\nMAIL FROM:<ann@example.org>\r\nRCPT TO:<permfail@example.org>\r\nDATA\r\n"
        "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nevil\r\n.\r\n"
        "NOOP\r\nQUIT\r\n")
    check(codes == "220 250 250 550 354 554 250 221".split(), codes)
    check(host.messages() == [], "messages")
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<permfail@example.org>", "550 ")
    c.say("DATA", "554 ")
    c.say("Subject: too late", "421 ")
    c.end(76)


# Clients that nobody wants.

@case
def nothing_is_sent(t):
    """QUIT, the end of the input, and RSET before the content is whole."""
    host = t.smarthost()
    start = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
    for rest, status in ((start + "QUIT\r\n", 0), (start, 65), (start + "DATA\r\n", 65),
                         (start + f"DATA\r\n{MESSAGE}", 65), (start + f"DATA\r\n{MESSAGE}.", 65),
                         (start + f"DATA\r\n{MESSAGE}.\r", 65),
                         (start + "BDAT 10 LAST\r\n123456789", 65),
                         (start + "BDAT 3\r\nabcQUIT\r\n", 0), (start + "BDAT 3\r\nabc", 65),
                         (start + "BDAT 3\r\nabcRSET\r\nDATA\r\nQUIT\r\n", 0), ("", 0), ("NOOP", 0)):
        t.client(host).run(rest, status)
    check(host.messages() == [], host.messages())


@case
def signals(t):
    """A client that gives up by a signal: nothing is sent, and the signal is what ended us."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("RCPT TO:<bob@example.org>", "250 ")
    c.say("DATA", "354 ")
    c.send(MESSAGE)
    c.silent()
    c.process.terminate()
    check(c.process.wait(LIMIT) == -signal.SIGTERM, c.process.returncode)
    check(host.messages() == [], "messages")


@case
def order(t):
    """Commands in the wrong place."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("RCPT TO:<bob@example.org>", "503 5.5.1")
    c.say("DATA", "503 5.5.1")
    c.say("BDAT 0 LAST", "503 5.5.1")
    c.send("BDAT 6\r\nQUIT\r\n")
    check(c.reply().startswith("503 5.5.1"), "octets of a refused BDAT")
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    c.say("MAIL FROM:<ann@example.org>", "503 5.5.1")
    c.say("DATA", "554 5.5.1")
    c.say("RCPT TO:<bob@example.org>", "250 ")
    c.send("BDAT 3\r\nabc")
    check(c.reply().startswith("250 "), "BDAT")
    c.say("DATA", "503 5.5.1")
    c.say("RCPT TO:<bob@example.org>", "503 5.5.1")
    c.say("EHLO me", "250-")
    c.say("RCPT TO:<bob@example.org>", "503 5.5.1")
    c.say("STARTTLS", "502 5.5.1")
    c.say("AUTH PLAIN AGEAYg==", "502 5.5.1")
    c.say("", "500 5.5.2")
    c.say("MAIL", "501 5.5.4")
    c.say("MAIL FROM:<ann@example.org", "501 5.1.7")
    c.say("MAIL FROM:<a b@example.org>", "501 5.1.7")
    c.say("QUIT now", "501 5.5.4")
    c.say("quit", "221 ")
    c.end()


@case
def injection(t):
    """Nothing in an address becomes a command."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.say("MAIL FROM:<ann@example.org>", "250 ")
    for bad in ("<bob@example.org>\rRCPT TO:<evil@example.org>", "<bob\0@example.org>",
                "<bob@example.org> <evil@example.org>", "<bob@example.org>evil@example.org",
                "<bob@example.org,evil@example.org>", "<b\x1b[2J@example.org>", "<>", "<@>", "<bob@>",
                "<" + "b" * 256 + "@example.org>", "\"Bob\" <bob@example.org>"):
        got = c.say("RCPT TO:" + bad, "5")
        check("\x1b" not in got, repr(got))
    c.say('RCPT TO:<"bob> RCPT TO:<evil"@example.org>', "250 ")
    c.say("RCPT TO: <bob@example.org> ", "250 ")
    c.say("RCPT TO:<@relay.example,@other.example:eve@example.org>", "250 ")
    c.say("DATA", "354 ")
    c.say(MESSAGE + ".", "250 ")
    c.say("QUIT", "221 ")
    c.end()
    (envelope, _), = host.messages()
    check(addresses(envelope) == ['"bob> RCPT TO:<evil"@example.org', "bob@example.org",
                                  "eve@example.org"], addresses(envelope))


@case
def garbage(t):
    """Long and endless lines, octets of any kind, endless mistakes, endless commands."""
    host = t.smarthost()
    out = t.client(host).run("NOOP " + "x" * 100000 + "\r\nNOOP\r\nQUIT\r\n")
    check([line[:9] for line in out.split("\r\n")[1:-1]] == ["500 5.5.2", "250 2.0.0", "221 2.0.0"],
          out)
    out = t.client(host).run(b"x" * 1200000, 76)
    check("421 5.5.0" in out or "421 5.0.0" in out or "421 4." in out, out)
    out = t.client(host).run(bytes(range(256)) * 2 + b"\r\nQUIT\r\n")
    check("500 5.5.2" in out and "221 " in out, out)
    out = t.client(host).run("GET / HTTP/1.1\r\n" * 5000, 76)
    check(out.count("500 5.5.2") < 200 and "421 4.7.0" in out, out[-200:])
    out = t.client(host).run("NOOP\r\n" * 250000, 76)
    check(out.count("250 2.0.0") > 100000 and out.endswith("\r\n"), out[-200:])


@case
def many_recipients(t):
    """Thousands of recipients: those that the smarthost takes, and a limit of our own."""
    host = t.smarthost()
    c = t.client(host)
    rcpt = "".join(f"RCPT TO:<r{i}@example.org>\r\n" for i in range(6000))
    codes = c.piped(f"MAIL FROM:<ann@example.org>\r\n{rcpt}DATA\r\n{MESSAGE}.\r\nQUIT\r\n")
    check(codes.count("452") == 4000 and codes.count("250") == 2002 and codes[-3:] ==
          ["354", "250", "221"], (codes.count("452"), codes.count("250"), codes[-3:]))
    (envelope, _), = host.messages()
    check(len(envelope["rcpt"]) == 2000, len(envelope["rcpt"]))


@case
def nobody_reads(t):
    """A client that writes everything before it reads anything does not lock up."""
    host = t.smarthost()
    c = t.client(host)
    c.send("HELP\r\n" * 10000)
    c.send("QUIT\r\n")
    out = c.end()
    check(out.count("214 ") == 10000, out.count("214 "))


@case
def output_closed(t):
    """Nobody takes the replies any more: nothing is sent, 74."""
    host = t.smarthost()
    c = t.client(host)
    c.greeting()
    c.process.stdout.close()
    c.send("MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
    c.process.stdin.close()
    check(c.process.wait(LIMIT) == 74, c.process.returncode)
    check(host.messages() == [], "messages")


def main():
    wanted = sys.argv[1:]
    cases = [f for f in CASES if not wanted or f.__name__ in wanted]
    failed = False
    print(f"1..{len(cases)}")
    for number, function in enumerate(cases, 1):
        t = Setup()
        problem = None
        try:
            function(t)
        except (Failure, OSError, ValueError, IndexError, KeyError) as e:
            problem = f"{type(e).__name__}: {e}"
        finally:
            t.stop()
        print(f"{'not ok' if problem else 'ok'} {number} - {function.__name__}")
        if problem:
            failed = True
            print("# " + problem.replace("\n", "\n# ")[:2000])
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
