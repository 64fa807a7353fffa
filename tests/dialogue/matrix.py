"""Expands matrix.table into cases: each reply to each command, pipelined and in lockstep."""

import pathlib

TABLE = pathlib.Path(__file__).resolve().parent / "matrix.table"
MODES = ("pipelined", "lockstep")

# Stage, what the client sends (in the language of cases), a good reply.
GREETING = ("greeting", [], ["220 mx.example ESMTP"])
MAIL = ("mail", ["C: MAIL FROM:<ann@example.org>"], ["250 2.1.0 ok"])
RCPT = ("rcpt", ["C: RCPT TO:<bob@example.net>"], ["250 2.1.5 ok"])
DATA = ("data", ["C: DATA"], ["354 go on"])
END = ("end", ["*data"], ["250 2.0.0 queued as ABC"])
BDAT = ("bdat", ["*bdat LAST"], ["250 2.0.0 queued as ABC"])
QUIT = ("quit", ["C: QUIT"], ["221 2.0.0 bye"])
AUTH = ("auth", [r"C: AUTH PLAIN {base64:\0alice\0wonderland}"], ["235 2.7.0 welcome"])
STARTTLS = ("starttls", ["C: STARTTLS"], ["220 2.0.0 go on"])

REFUSALS = {
    "greeting": ("450 4.3.2 not now", "554 5.3.2 no service"),
    "ehlo": ("450 4.3.2 not now", "502 5.5.1 what?"),
    "starttls": ("454 4.3.0 TLS is not available", "502 5.5.1 what?"),
    "auth": ("454 4.7.0 directory is down", "535 5.7.8 wrong"),
    "mail": ("451 4.3.0 not now", "550 5.7.1 sender refused"),
    "rcpt": ("450 4.2.0 not now", "550 no such user"),
    "data": ("451 4.3.0 not now", "554 5.0.0 no"),
    "end": ("451 4.3.0 not now", "554 5.7.1 no"),
    "bdat": ("451 4.3.0 not now", "554 5.7.1 no"),
    "quit": ("450 4.0.0 what?", "500 5.5.1 what?"),
}
# What a server answers to commands that hang on a refused one.
AFTERWARDS = {"mail": "503 5.5.1 MAIL first", "rcpt": "503 5.5.1 MAIL first",
              "data": "503 5.5.1 no valid recipients"}


def ehlo(extensions):
    lines = ["mx.example"] + extensions
    return ("ehlo", ["C: EHLO {word}"],
            ["250%s%s" % (" " if i == len(lines) - 1 else "-", line)
             for i, line in enumerate(lines)])


def dialogue(stage, mode):
    """The whole good session for a cell: a list of flights, each a list of exchanges."""
    extensions = ["ENHANCEDSTATUSCODES"]
    extensions += ["PIPELINING"] if mode == "pipelined" else []
    extensions += ["CHUNKING"] if stage == "bdat" else []
    extensions += ["AUTH PLAIN"] if stage == "auth" else []
    flights = [[GREETING], [ehlo(extensions)]]
    if stage == "starttls":
        flights[1] = [ehlo(extensions + ["STARTTLS"])]
        flights += [[STARTTLS], [ehlo(extensions)]]
    envelope = [AUTH] if stage == "auth" else []
    envelope += [MAIL, RCPT] + ([] if stage == "bdat" else [DATA])
    flights += [envelope] if mode == "pipelined" else [[e] for e in envelope]
    flights += [[BDAT if stage == "bdat" else END], [QUIT]]
    return flights


def say(lines):
    return ["S: " + line for line in lines]


def failure(stage, column, rest):
    """The server's steps instead of a good reply; REST are the commands that came with it."""
    if column in ("4yz", "5yz"):
        if stage == "quit":
            return say([REFUSALS[stage][column == "5yz"]]) + ["*close"]
        more = [AFTERWARDS[name] for name, _, _ in rest]
        if stage == "auth":
            more = ["530 5.7.0 log in first"] + more[1:]
        return say([REFUSALS[stage][column == "5yz"]] + more) + ["*gone"]
    return {"421": ["S: 421 4.3.2 closing", "*close"],
            "close": ["*close"],
            "stall": ["*stall"],
            "garbage": ["S: this is no SMTP at all", "*gone"],
            "long": ["S: 250 {*70000 x}", "*gone"]}[column]


def helo():
    """After a 5yz to EHLO: HELO, and a session without extensions (RFC 5321 section 3.2)."""
    out = ["S: " + REFUSALS["ehlo"][1], "C: HELO {word}", "S: 250 mx.example"]
    for _, client, reply in (MAIL, RCPT, DATA, END):
        out += client + say(reply)
    return out


def script(stage, column, mode):
    out = []
    for flight in dialogue(stage, mode):
        for _, client, _ in flight:
            out += client
        for index, (name, _, reply) in enumerate(flight):
            if name != stage:
                out += say(reply)
            elif column == "split":
                for line in reply:
                    out += ["*split"] + say([line])
            elif stage == "ehlo" and column == "5yz":
                return out + helo()
            else:
                return out + failure(stage, column, flight[index + 1:])
            if name == "starttls":
                out.append("*tls")
            if name == stage and stage == "quit":
                return out + ["*close"]
    return out


def cell(stage, column, want, mode):
    bundle = {"auth": "{cleartext}", "starttls": "{starttls} --auth none"}.get(stage, "{plain}")
    doubt = want.endswith("?")
    lines = [
        "argv: %s --timeout %s -f ann@example.org bob@example.net" % (
            bundle, "1" if column == "stall" else "5"),
        "stdin: Subject: hello\\n\\nHi.\\n",
        "exit: %s" % want.rstrip("?").replace("|", " "),
        "connections: 1",
        "max: 10",
    ]
    if want == "0":
        lines += ["stdout has: bob@example.net", "stderr lacks: unable", "content has: Hi."]
    else:
        lines += ["stdout:", "stderr like: ^sendoff: unable to "]
        lines += ["stderr %s: may have been delivered" % ("has" if doubt else "lacks")]
    return "\n".join(lines + script(stage, column, mode)) + "\n"


def cases():
    columns = None
    for line in TABLE.read_text().splitlines():
        words = line.lstrip("#").split()
        if line.startswith("#") and words[:2] == ["4yz", "5yz"]:
            columns = words
        if not words or line.startswith("#"):
            continue
        for column, want in zip(columns, words[1:], strict=True):
            for mode in MODES:
                yield "matrix-%s-%s-%s" % (words[0], column, mode), \
                    cell(words[0], column, want, mode)
