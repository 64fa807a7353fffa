#!/usr/bin/env python3
"""The notifications that senders get: each case is composed, compared with notices/NAME.eml, and read
by Python's email as RFC 3464 has it. With --update the files are written anew. TAP."""

import email
import email.policy
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = os.environ["RUNNER_TOOL"]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notices")
ID = "0000000000abcdef"
T0 = 1795514400

LUNCH = """From: Alice <alice@example.org>
To: bob@example.net
Subject: Lunch on Friday?
Date: Tue, 24 Nov 2026 10:00:00 +0000
Message-ID: <lunch@example.org>

Are you coming?
"""
UMLAUT = """From: Ärger <alice@example.org>
To: bob@example.net
Subject: Grüße
Message-ID: <gruss@example.org>

Schöne Grüße
"""
CODED = """From: alice@example.org
To: bob@example.net
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from a very long way away, where subjects are longer than
 anywhere else
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

""".encode() + b"Sch\xf6ne Gr\xfc\xdfe\n.\n--a line like the end of something--\n"
LARGE = LUNCH + "a line of a message that is too large to be returned\n" * 40000
BARE = "no header at all\n"


class Case:
    def __init__(self, name, message=LUNCH, to="perm@example.net", days=(0,), kind="failed", **queue):
        self.name, self.message, self.to, self.days = name, message, to, days
        self.kind, self.queue = kind, queue
        self.part = "message/rfc822"


def case(name, part="message/rfc822", **facts):
    made = Case(name, **facts)
    made.part = part
    return made


CASES = [
    case("failed"),
    case("failed-several", to="perm@example.net, long@example.com, ok@example.net",
         orcpt="team@example.net", envid="QQ314159"),
    case("failed-headers", part="text/rfc822-headers", **{"return": "hdrs"}),
    case("failed-large", part="text/rfc822-headers", message=LARGE),
    case("failed-utf8", part="message/global", message=UMLAUT, to="permü=+@example.net",
         orcpt="grüße@example.net"),
    case("failed-utf8-headers", part="message/global-headers", message=UMLAUT,
         **{"return": "hdrs"}),
    case("failed-8bit", message=CODED),
    case("failed-bare", message=BARE),
    case("failed-quoted", to='"perm and quoted"@example.net'),
    case("expired", to="temp@example.net",
         days=(0, .01, .02, .04, .1, .2, .5, 1, 1.5, 2, 3, 4, 6)),
    case("delayed", part="text/rfc822-headers", to="temp@example.net, perm@example.net",
         kind="delayed", days=(0, .3)),
]


def tool(room, command, stdin=b"", **options):
    run = subprocess.run([TOOL, room, command, *(f"{k}={v}" for k, v in options.items())],
                         input=stdin, capture_output=True, check=False, timeout=60)
    if run.returncode:
        raise RuntimeError(f"{command}: {run.stderr.decode()}")
    return run.stdout


def compose(room, one):
    text = one.message if isinstance(one.message, bytes) else one.message.encode()
    tool(room, "queue", text, id=ID, to=one.to, when=T0, **one.queue)
    for day in one.days:
        tool(room, "run", when=T0 + int(day * 86400), flush=1, only=ID)
    return tool(room, "notice", id=ID, kind=one.kind, when=T0 + 7 * 86400)


def with_fixed_boundary(text):
    boundary = re.search(rb'boundary="([^"]*)"', text).group(1)
    return text.replace(boundary, b"=_boundary")


FIELDS_OF_MESSAGE = {"original-envelope-id", "reporting-mta", "arrival-date", "x-sendoff-queue-id"}
FIELDS_OF_RECIPIENT = {"original-recipient", "final-recipient", "action", "status", "remote-mta",
                       "diagnostic-code", "last-attempt-date", "will-retry-until"}
STATUS = re.compile(r"[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})")


def complaints_about_report(part, one):
    groups = part.get_payload()
    if groups[0]["Reporting-MTA"] != "dns; mail.example.org":
        yield f"Reporting-MTA is {groups[0]['Reporting-MTA']}"
    if set(map(str.lower, groups[0].keys())) - FIELDS_OF_MESSAGE:
        yield f"fields of the message: {groups[0].keys()}"
    if len(groups) < 2:
        yield "no recipient"
    for group in groups[1:]:
        names = [name.lower() for name in group.keys()]
        if set(names) - FIELDS_OF_RECIPIENT or len(set(names)) != len(names):
            yield f"fields of a recipient: {names}"
        if group["Action"] != one.kind:
            yield f"Action is {group['Action']}"
        if not STATUS.fullmatch(group["Status"] or ""):
            yield f"Status is {group['Status']}"
        if (group["Status"] or " ")[0] != ("5" if one.kind == "failed" else "4") and \
                group["Status"] != "4.4.7":
            yield f"Status {group['Status']} does not go with {one.kind}"
        if not re.fullmatch(r"(rfc822|utf-8); [ -~]+", group["Final-Recipient"] or ""):
            yield f"Final-Recipient is {group['Final-Recipient']}"
        if not re.fullmatch(r"(smtp|X-sendoff); [ -~]+", group["Diagnostic-Code"] or "smtp; -"):
            yield f"Diagnostic-Code is {group['Diagnostic-Code']}"


def complaints_about(text, one):
    message = email.message_from_bytes(text, policy=email.policy.default)
    original = one.message if isinstance(one.message, bytes) else one.message.encode()
    if message.get_content_type() != "multipart/report" or \
            message.get_param("report-type") != "delivery-status":
        yield f"it is {message['Content-Type']}"
    if message["Auto-Submitted"] != "auto-replied":
        yield f"Auto-Submitted is {message['Auto-Submitted']}"
    if message.defects or any(part.defects for part in message.walk()):
        yield "it is malformed: " + str([d for part in message.walk() for d in part.defects])
    parts = list(message.iter_parts())
    if [part.get_content_type() for part in parts] != \
            ["text/plain", "message/delivery-status", one.part]:
        yield f"its parts are {[part.get_content_type() for part in parts]}"
        return
    human = parts[0].get_content()
    if any(len(line) > 78 and " " in line.strip() for line in human.splitlines()):
        yield "a line is too long to be read"
    yield from complaints_about_report(parts[1], one)
    if b"\n" in text.replace(b"\r\n", b"") or any(len(line) > 998 for line in text.split(b"\r\n")):
        yield "its lines are not those of mail"
    if one.part == "message/rfc822" and original.replace(b"\n", b"\r\n") not in text and \
            one.message is not BARE:
        yield "the message is not returned as it was"
    if not (message["Content-Transfer-Encoding"] == "8bit" or text.isascii()):
        yield "8-bit octets are not declared"


def main():
    update = "--update" in sys.argv
    print(f"1..{2 * len(CASES)}")
    for number, one in enumerate(CASES, 1):
        room = tempfile.mkdtemp(prefix="sendoff-test-", dir="/var/tmp")
        try:
            text = with_fixed_boundary(compose(room, one))
        finally:
            shutil.rmtree(room)
        path = os.path.join(HERE, one.name + ".eml")
        if update:
            with open(path, "wb") as f:
                f.write(text)
        with open(path, "rb") as f:
            golden = f.read()
        good = text == golden
        print(f"{'ok' if good else 'not ok'} {2 * number - 1} - {one.name}: as it was")
        if not good:
            print("".join(f"# {line}\n" for line in text.decode(errors="replace").splitlines()))
        complaints = list(complaints_about(text, one))
        print(f"{'not ok' if complaints else 'ok'} {2 * number} - {one.name}: as RFC 3464 has it")
        for complaint in complaints:
            print(f"# {complaint}")


main()
