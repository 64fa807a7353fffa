"""What arrives: line ends, dots, headers and bodies of every kind, blind copies."""

import email
import email.policy

from room import ADMIN, BOB, S, case

FULL = (b"Subject: s\nFrom: alice@example.net\nTo: bob@example.org\n"
        b"Date: Wed, 14 Oct 2026 10:11:12 +0000\nMessage-ID: <1@example.net>\n")


def text_of(message):
    """The body of a message of one part, decoded."""
    parsed = email.message_from_bytes(message.content, policy=email.policy.SMTP)
    return parsed.get_payload(decode=True)


@case(9, "dots at the start of a line")
def dots(sendmail):
    r = sendmail("-t -i", S + b"..two\n.one\n...\n")
    message = r.delivered(BOB)
    r.expect(message.body == b"body\r\n..two\r\n.one\r\n...\r\n", "body %r", message.body)


@case(10, "a lone dot in a pipe")
def lone_dot(sendmail):
    r = sendmail("-t", S + b".\nafter\n")
    message = r.delivered(BOB)
    r.expect(message.body == b"body\r\n.\r\nafter\r\n", "body %r", message.body)
    message = sendmail("-t", S + b".\n").delivered(BOB)
    r.expect(message.body == b"body\r\n", "a last dot stays: %r", message.body)
    r = sendmail("-t", S + b".\nafter\n", lines=["dot = strict"])
    message = r.delivered(BOB)
    r.expect(message.body == b"body\r\n", "strict: body %r", message.body)
    message = sendmail("-t -oi", S + b".\nafter\n", lines=["dot = strict"]).delivered(BOB)
    r.expect(message.body == b"body\r\n.\r\nafter\r\n", "strict, -oi: body %r", message.body)


@case(11, "a lone dot on a terminal")
def lone_dot_typed(sendmail):
    r = sendmail.on_terminal("-t", S + b".\n")
    message = r.delivered(BOB)
    r.expect(message.body == b"body\r\n", "body %r", message.body)


@case(47, "a folded Bcc with -t")
def folded_bcc(sendmail):
    text = (b"To: bob@example.org\nBcc: h1@example.org,\n\th2@example.org\nSubject: s\n\nx\n")
    r = sendmail("-t", text)
    message = r.delivered(BOB, "h1@example.org", "h2@example.org")
    r.expect(b"h1@" not in message.content and b"h2@" not in message.content and
             not message.all("bcc"), "Bcc can be read")


@case(48, "a folded Bcc without -t")
def bcc_without_t(sendmail):
    text = (b"To: bob@example.org\nBcc: h1@example.org,\n\th2@example.org\nSubject: s\n\nx\n")
    r = sendmail(BOB, text)
    message = r.delivered(BOB)
    r.expect(b"h1@" not in message.content and b"h2@" not in message.content and
             not message.all("bcc"), "Bcc can be read")


@case(49, "bCC with a blank before its colon")
def odd_bcc(sendmail):
    for name in b"bCC :", b"BCC\t:", b"bcc:":
        r = sendmail("-t", name + b" h@example.org\nTo: bob@example.org\n\nx\n")
        message = r.delivered(BOB, "h@example.org")
        r.expect(b"h@example" not in message.content and b"bcc" not in message.head.lower(),
                 "Bcc can be read")


@case(50, "Resent fields")
def resent(sendmail):
    r = sendmail("-t", b"Resent-From: alice@example.net\nResent-To: rt@example.org\n"
                 b"Resent-Bcc: rb@example.org\n" + FULL.replace(b"alice@", b"orig@") +
                 b"Cc: carl@example.org\nBcc: dave@example.org\n\nx\n")
    message = r.delivered("rt@example.org", "rb@example.org")
    r.expect(b"rb@" not in message.content and b"dave@" not in message.content, "Bcc can be read")
    r.expect(message["resent-date"] and message["resent-message-id"], "no Resent-Date")
    r.expect(message["message-id"] == "<1@example.net>", "another Message-ID")
    r.expect(message["date"] == "Wed, 14 Oct 2026 10:11:12 +0000", "another Date")


@case(51, "only Bcc")
def only_bcc(sendmail):
    r = sendmail("-t", b"Bcc: h@example.org\nSubject: s\n\nx\n")
    message = r.delivered("h@example.org")
    r.expect(b"h@example" not in message.content and not message.all("bcc"), "Bcc can be read")
    r.expect(message["from"] and message["date"], "no From or Date")


@case(52, "CRLF everywhere")
def crlf(sendmail):
    text = FULL + b"\nl1\n\n.\nl2\n"
    lf = sendmail("-t -i", text)
    crlf = sendmail("-t -i", text.replace(b"\n", b"\r\n"))
    lf.expect(lf.delivered(BOB).content == crlf.delivered(BOB).content, "LF and CRLF differ:\n%s",
              crlf.messages[0].content)


@case(53, "CRLF in the header, LF in the body")
def mixed(sendmail):
    text = (FULL + b"Bcc: h@example.org\n\n").replace(b"\n", b"\r\n")
    r = sendmail("-t -i", text + b"l1\nl2\r\nl3\r\n")
    message = r.delivered(BOB, "h@example.org")
    r.expect(message.body == b"l1\r\nl2\r\nl3\r\n", "body %r", message.body)
    r.expect(not message.all("bcc"), "Bcc can be read")


@case(54, "CRCRLF")
def crcrlf(sendmail):
    r = sendmail("-t", (FULL + b"\nl1\nl2\n").replace(b"\n", b"\r\r\n"))
    message = r.delivered(BOB)
    r.expect(message.body == b"l1\r\nl2\r\n", "body %r", message.body)
    r.expect(message["subject"] == "s", "Subject: %s", message["subject"])


@case(55, "bare CR in the body")
def bare_cr(sendmail):
    r = sendmail("-t -i", FULL + b"\na\rb\n")
    message = r.delivered(BOB)
    r.expect(message.body == b"a\r\nb\r\n", "body %r", message.body)
    r = sendmail("-t -i", FULL + b"\na\r.\rMAIL FROM:<e@example.com>\r")
    message = r.delivered(BOB)
    r.expect(message.body == b"a\r\n.\r\nMAIL FROM:<e@example.com>\r\n", "body %r", message.body)


@case(56, "a header without a line end")
def unfinished_header(sendmail):
    sendmail("-t", b"To: bob@example.org").delivered(BOB)


@case(57, "a body without a line end")
def unfinished_body(sendmail):
    r = sendmail("-t", S[:-1])
    message = r.delivered(BOB)
    r.expect(message.body == b"body\r\n", "body %r", message.body)


@case(58, "text without a header")
def headerless(sendmail):
    r = sendmail("root", b"hello world\nsecond\n")
    message = r.delivered(ADMIN)
    r.expect(message.body == b"hello world\r\nsecond\r\n", "body %r", message.body)
    r.expect(message["from"] and message["date"], "no From or Date")


@case(59, "a header that turns into text")
def half_a_header(sendmail):
    r = sendmail(BOB, b"Note: this\nis not a header\n\nx\n")
    message = r.delivered(BOB)
    r.expect(message["note"] == "this", "Note: %s", message["note"])
    r.expect(message.body == b"is not a header\r\n\r\nx\r\n", "body %r", message.body)


@case(60, "an empty first line")
def empty_first_line(sendmail):
    r = sendmail(BOB, b"\nSubject: no\nx\n")
    message = r.delivered(BOB)
    r.expect(not message.all("subject"), "a Subject")
    r.expect(message.body == b"Subject: no\r\nx\r\n", "body %r", message.body)


@case(61, "nothing at all")
def nothing(sendmail):
    r = sendmail(BOB, b"")
    message = r.delivered(BOB)
    for name in "from", "date", "message-id":
        r.expect(message[name], "no %s", name)
    r.expect(not message.body.strip(), "body %r", message.body)


@case(62, "mbox's From line")
def from_line(sendmail):
    for line in b"From alice Mon Nov 23 14:00:00 2026\n", b">From alice Mon Nov 23 14:00:00 2026\n":
        r = sendmail("-t", line + S)
        message = r.delivered(BOB)
        r.expect(b"Nov 23" not in message.content, "it is still there")
        r.expect(message["subject"] == "s" and message.body == b"body\r\n", "the rest has changed")


@case(69, "8-bit text without MIME")
def eight_bit(sendmail):
    body = "caf\u00e9\n".encode()
    r = sendmail(BOB, b"Subject: s\n\n" + body)
    message = r.delivered(BOB)
    r.expect(message.parameters.get("BODY") == "8BITMIME", "MAIL %s", message.parameters)
    r.expect(message.body == "caf\u00e9\r\n".encode(), "body %r", message.body)
    r = sendmail(BOB, b"Subject: s\n\n" + body, extensions="no-8bit")
    message = r.delivered(BOB)
    r.expect(message.content.isascii(), "8-bit without 8BITMIME")
    r.expect(text_of(message) == "caf\u00e9\r\n".encode(), "body %r", message.body)


@case(70, "a line of 3000 octets")
def long_line(sendmail):
    line = b"0123456789" * 300
    r = sendmail("-t", S + line + b"\n")
    message = r.delivered(BOB)
    r.expect(text_of(message).replace(b"\r\n", b"\n") == b"body\n" + line + b"\n", "body %r",
             message.body[:200])
