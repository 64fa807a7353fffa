"""Case files: their syntax, placeholders and escapes. See README."""

import base64
import re
import shlex

BUNDLES = {
    "plain": "--host 127.0.0.1 --port {port} --tls none --auth none",
    "cleartext": "--host 127.0.0.1 --port {port} --tls none --allow-cleartext-auth"
                 " --user alice --password-file {password}",
    "starttls": "--host 127.0.0.1 --port {port} --tls starttls --tls-trust {ca}/ca.pem",
    "implicit": "--host 127.0.0.1 --port {port} --tls implicit --tls-trust {ca}/ca.pem",
    "login": "--user alice --password-file {password}",
}

PATTERNS = {
    "any": rb".*",
    "word": rb"[^ ]+",
    "number": rb"[0-9]+",
    "base64": rb"[A-Za-z0-9+/]+=*",
}

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "e": b"\x1b", "\\": b"\\", "c": b""}
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.S)
PLACEHOLDER = re.compile(r"\{\{|\{\*(\d+) ([^}]*)\}|\{([a-z][a-z0-9_]*)(?::([^}]*))?\}")


class CaseError(Exception):
    """The case file is wrong, not the program."""


def unescape(text):
    """Octets for TEXT with its \\r, \\n, \\t, \\0, \\e, \\xNN and \\uNNNN."""
    out, at = b"", 0
    for m in ESCAPE.finditer(text):
        out += text[at:m.start()].encode()
        word = m.group(1)
        if len(word) == 3:
            out += bytes([int(word[1:], 16)])
        elif len(word) == 5:
            out += chr(int(word[1:], 16)).encode()
        elif word in ESCAPES:
            out += ESCAPES[word]
        else:
            raise CaseError("unknown escape \\%s" % word)
        at = m.end()
    return out + text[at:].encode()


def pieces(text, variables):
    """Splits TEXT: yields (octets, None) for literal parts and (None, regex) for patterns."""
    at = 0
    for m in PLACEHOLDER.finditer(text):
        yield unescape(text[at:m.start()]), None
        at = m.end()
        count, repeated, name, argument = m.groups()
        if m.group() == "{{":
            yield b"{", None
        elif count:
            yield unescape(repeated) * int(count), None
        elif name == "base64" and argument is not None:
            yield base64.b64encode(unescape(argument)), None
        elif name in variables and argument is None:
            yield str(variables[name]).encode(), None
        elif name in PATTERNS and argument is None:
            yield None, PATTERNS[name]
        else:
            raise CaseError("unknown placeholder %s" % m.group())
    yield unescape(text[at:]), None


def octets(text, variables):
    """TEXT as it is sent."""
    out = b""
    for literal, regex in pieces(text, variables):
        if regex:
            raise CaseError("a pattern cannot be sent: %s" % text)
        out += literal
    return out


def pattern(text, variables):
    """A regular expression for what TEXT expects."""
    out = b"".join(regex or re.escape(literal) for literal, regex in pieces(text, variables))
    return re.compile(out, re.S)


class Step:
    """One line of a server's script."""

    def __init__(self, number, kind, text):
        self.number, self.kind, self.text = number, kind, text

    def __str__(self):
        return "line %d (%s)" % (self.number, ("%s %s" % (self.kind, self.text)).strip()[:70])


class Check:
    """One expectation: SUBJECT ("stdout", "file NAME", ...), HOW ("is", "has", ...), and text."""

    def __init__(self, number, subject, how, text):
        self.number, self.subject, self.how, self.text = number, subject, how, text
        self.lines = []


class Case:
    """A parsed case file."""

    KEYS = ("argv", "as", "env", "stdin", "file", "exit", "max", "connections", "json", "stdout",
            "stderr", "content", "needs", "remember", "again")

    def __init__(self, name, text):
        self.name = name
        self.argv, self.program, self.environment = [], "sendoff", []
        self.stdin, self.files = [], []  # lists of (text, end)
        self.exit, self.limit, self.connections = None, 10.0, None
        self.servers, self.checks, self.needs = {}, [], None
        self.remember, self.again = False, []
        self.server, self.block = 1, None
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self.take(number, line)
            except (CaseError, ValueError) as e:
                raise CaseError("%s: line %d: %s" % (name, number, e)) from None
        if self.exit is None:
            raise CaseError("%s: no exit:" % name)

    def take(self, number, line):
        if line.startswith("|"):
            if self.block is None:
                raise CaseError("a | line belongs to nothing")
            body = line[2:] if line.startswith("| ") else line[1:]
            self.block.append((body, b"" if body.endswith("\\c") else b"\n"))
        elif not line.strip() or line.startswith("#"):
            self.block = None
        elif line[:2] in ("S:", "C:", "C~"):
            self.step(number, line[:2], line[3:])
        elif line.startswith("*"):
            word, _, rest = line[1:].partition(" ")
            if word == "server":
                self.server = int(rest)
                self.servers.setdefault(self.server, [])
            else:
                self.step(number, "*" + word, rest)
        else:
            self.key(number, *line.partition(":")[::2])

    def step(self, number, kind, text):
        self.block = None
        self.servers.setdefault(self.server, []).append(Step(number, kind, text))

    def key(self, number, key, value):
        value = value[1:] if value.startswith(" ") else value
        words = key.split(" ")
        if words[0] not in self.KEYS:
            raise CaseError("unknown key %s" % words[0])
        self.block = None
        if key == "argv":
            self.argv.append(value)
        elif key == "as":
            self.program = value
        elif key == "env":
            self.environment.append(value)
        elif key == "stdin":
            if value:
                self.stdin.append((value, b""))
            self.block = self.stdin
        elif key == "file":
            self.files.append((value, []))
            self.block = self.files[-1][1]
        elif key == "exit":
            self.exit = [int(word) for word in value.split()]
        elif key == "max":
            self.limit = float(value)
        elif key == "connections":
            self.connections = int(value)
        elif key == "remember":
            self.remember = True
        elif key == "again":
            self.again.append(value)
        elif key == "needs":
            self.needs = value
        else:
            self.expectation(number, words, value)

    def expectation(self, number, words, value):
        """stdout [has|lacks|like], stderr, content [N], json [has|lacks|like], file NAME [...]."""
        how = words[-1] if words[-1] in ("has", "lacks", "like", "absent") else "is"
        subject = " ".join(words if how == "is" else words[:-1])
        check = Check(number, subject, how, value)
        self.checks.append(check)
        if how == "is":
            self.block = check.lines

    def runs(self, variables):
        """The arguments of each run, placeholders filled in."""
        return [self.words(self.argv + ([more] if more else []), variables)
                for more in [None] + self.again]

    @staticmethod
    def words(lines, variables):
        out = []
        for line in lines:
            for name, bundle in BUNDLES.items():
                line = line.replace("{%s}" % name, bundle)
            out += [octets(word, variables) for word in shlex.split(line)]
        return out
