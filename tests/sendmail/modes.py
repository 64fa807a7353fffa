"""Modes beside sending, failures and their statuses, and what the environment may do."""

import os
import pathlib
import signal

from room import ADMIN, A, BIG, BOB, CARL, S, case, expect

R550, R450 = "permfail@example.org", "tempfail@example.org"
D554, D451 = "dataperm@example.org", "datatemp@example.org"
M550, DROP = "permfail@example.net", "drop@example.org"
TEXT = "Subject: s\r\nFrom: alice@example.net\r\n\r\n{}\r\n."


def message(talk, recipients=(BOB,), body="body", sender="x@example.net"):
    talk.say("MAIL FROM:<%s>" % sender, "250")
    for recipient in recipients:
        talk.say("RCPT TO:<%s>" % recipient, "250")
    talk.say("DATA", "354")
    talk.say(TEXT.format(body), "250")


def simple(sendmail, arguments, hello):
    talk = sendmail.talk(arguments)
    talk.reply("220")
    talk.say(hello, "250")
    message(talk)
    talk.say("QUIT", "221")
    r = talk.end()
    r.delivered(BOB, sender="x@example.net")


@case(31, "-bs")
def smtp(sendmail):
    simple(sendmail, "-bs", "EHLO me.example")
    simple(sendmail, "-bs", "HELO [127.0.0.1]")


@case(32, "-bs -odb -oem -om")
def smtp_of_nmh(sendmail):
    simple(sendmail, "-bs -odb -oem -om", "EHLO box")


@case(33, "-bs: the smarthost's refusal of a recipient")
def smtp_refused(sendmail):
    talk = sendmail.talk()
    talk.reply("220")
    talk.say("EHLO me", "250")
    talk.say("MAIL FROM:<x@example.net>", "250")
    reply = talk.say("RCPT TO:<%s>" % R550, "550")
    expect(reply[-1].startswith("550 5.1.1 "), "reply %s", reply)
    talk.say("RCPT TO:<%s>" % BOB, "250")
    talk.say("DATA", "354")
    talk.say(TEXT.format("x"), "250")
    talk.say("QUIT", "221")
    talk.end().delivered(BOB, sender="x@example.net")


@case(34, "-bs: several messages, probes, and all at once")
def smtp_many(sendmail):
    talk = sendmail.talk()
    talk.reply("220")
    talk.say("HELO me", "250")
    message(talk, body="one")
    message(talk, [CARL], body="two")
    talk.say("MAIL FROM:<x@example.net>", "250")
    talk.say("RCPT TO:<probe@example.org>", "250")
    talk.say("RSET", "250")
    talk.say("NOOP", "250")
    talk.say("QUIT", "221")
    check_many(talk.end())
    lines = ["EHLO me"]
    for recipient, body in (BOB, "one"), (CARL, "two"):
        lines += ["MAIL FROM:<x@example.net>", "RCPT TO:<%s>" % recipient, "DATA",
                  TEXT.format(body)]
    lines += ["MAIL FROM:<x@example.net>", "RCPT TO:<probe@example.org>", "RSET", "NOOP", "QUIT"]
    r = sendmail("-bs", "".join(line + "\r\n" for line in lines).encode())
    codes = [line[:3] for line in r.out.splitlines() if line[3:4] == " "]
    r.expect(codes == "220 250 250 250 354 250 250 250 354 250 250 250 250 250 221".split(),
             "replies %s", codes)
    check_many(r)


def check_many(r):
    r.expect(r.status == 0, "status %s", r.status)
    got = [(m.recipients, m.body) for m in r.messages]
    r.expect(got == [([BOB], b"one\r\n"), ([CARL], b"two\r\n")], "came: %s", got)
    r.expect(len({m.envelope["connection"] for m in r.messages}) == 1, "several connections")


@case(35, "-t -bs is -bs")
def smtp_with_t(sendmail):
    simple(sendmail, "-t -bs", "EHLO me")


@case(36, "-bp and mailq")
def queue_listing(sendmail):
    for arguments, name in (("-bp", "/usr/sbin/sendmail"), ("", "/usr/bin/mailq"),
                            ("-v", "/usr/bin/mailq"), ("-bp -v", "/usr/lib/sendmail")):
        r = sendmail(arguments, b"", name=name).unsent()
        r.expect("queue is empty" in r.out and not r.err, "no listing")


@case(37, "-bi, -I and newaliases")
def new_aliases(sendmail):
    calls = (("-bi", "/usr/sbin/sendmail"), ("-I", "/usr/sbin/sendmail"), ("",
             "/usr/bin/newaliases"))
    aliases = pathlib.Path("/etc/aliases")
    kept = aliases.read_text()
    for arguments, name in calls:
        r = sendmail(arguments, b"", name=name).unsent()
        r.expect(not r.err, "complaints")
    try:
        aliases.write_text(kept + "this is no alias\n")
        for arguments, name in calls:
            r = sendmail(arguments, b"", name=name).unsent(65)
            r.expect("/etc/aliases:2" in r.err, "no file and line")
    finally:
        aliases.write_text(kept)


@case(38, "-q")
def queue_run(sendmail):
    for flags in "-q", "-q15m", "-q 15m", "-q0", "-qRx", "-qSx", "-qIx", "-q!Rx", "-qf":
        r = sendmail(flags, b"", limit=60).unsent()
        r.silent()


@case(39, "-bv")
def verify(sendmail):
    r = sendmail("-bv " + BOB, b"").unsent()
    r.expect(BOB in r.out, "no target")
    r = sendmail("-bv root", b"").unsent()
    r.expect(ADMIN in r.out, "no target")


@case(40, "-bd -q15m")
def daemon(sendmail):
    for flags in "-bd -q15m", "-bD", "-bt", "-bl":
        sendmail(flags, b"", limit=60).refused(64)


@case(73, "-t without any recipient")
def no_recipient_in_header(sendmail):
    sendmail("-t", BIG.replace(b"To: bob@example.org\n", b"")).refused(65, says="recipient")


@case(74, "no recipient at all")
def no_recipient(sendmail):
    sendmail("", BIG).refused(64, says="recipient")


@case(75, "a recipient is refused")
def refused(sendmail):
    sendmail(R550).refused(67, says=("550 5.1.1 no such user", R550))


@case(76, "a recipient is refused for now")
def deferred(sendmail):
    sendmail(R450).refused(75, says=("451 4.7.1", R450))


@case(77, "one of two is refused")
def partial(sendmail):
    r = sendmail([R550, BOB])
    r.sent(BOB)
    r.failed(67, says=R550)
    r.expect(BOB not in r.err.replace(R550, ""), "bob is named")


@case(78, "the content is refused")
def content_refused(sendmail):
    sendmail(D554, extensions="bare").refused(69, says="554 ")
    # 5.6.0: the enhanced code decides, the message is malformed
    sendmail(D554).refused(65, says="554 5.6.0")
    sendmail(D451).refused(75, says="451 ")


@case(79, "the sender is refused")
def sender_refused(sendmail):
    # content runs ahead only to a server that is known to refuse it in step
    r = sendmail(["-f", M550, BOB], lines=("remember = no",)).refused(77, says="550 5.7.1")
    r.expect(not any(c.startswith(("DATA", "BDAT")) for c in r.commands), "content was sent")


@case(80, "the connection ends behind the final dot")
def in_doubt(sendmail):
    sendmail(DROP).refused(75, says="may have been delivered")


@case(81, "no server")
def no_server(sendmail):
    common = ("tls = none", "auth = none")
    sendmail(BOB, settings=("host = 127.0.0.1", "port = 1", *common)).refused(75)
    sendmail(BOB, settings=("host = mx.example.org", "port = 25", *common)).refused(75)


@case(82, "-oeq")
def quiet_errors(sendmail):
    r = sendmail("-oeq " + R550)
    r.expect(r.status == 67 and not r.messages, "status %s", r.status)
    r.expect(not r.out and not r.err, "output")


@case(83, "descriptors, HOME, PATH, umask")
def environment(sendmail):
    run = "exec /usr/sbin/sendmail bob@example.org"
    for closed in ">&-", "2>&-", ">&- 2>&-":
        sendmail(["-c", run + " " + closed], name="/bin/sh").delivered(BOB)
    r = sendmail(["-c", run + " <&-"], b"", name="/bin/sh")
    r.expect(r.status in (0, 66), "status %s without standard input", r.status)
    # another's home: what sudo leaves when root called it for alice
    for env in ({"HOME": None}, {"HOME": "/nowhere"}, {"HOME": str(sendmail.machine.home / "root")},
                {"HOME": "/dev/null"}, {"XDG_CONFIG_HOME": str(sendmail.machine.home / "root")},
                {"PATH": "/nowhere"}, {"PATH": None}, {"LC_ALL": "tr_TR.UTF-8", "LANG": "x" * 5000},
                {"USER": "eve", "LOGNAME": "eve"}):
        sendmail(BOB, env=env).delivered(BOB)
    sendmail(["-c", "umask 777; " + run], name="/bin/sh").delivered(BOB)
    leaked = [os.open("/dev/null", os.O_RDWR) for _ in range(200)]
    sendmail(BOB, pass_fds=leaked).delivered(BOB)
    for fd in leaked:
        os.close(fd)


@case(84, "signals before the end of input")
def interrupted(sendmail):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        r = sendmail.interrupted("-t", S, number)
        r.expect(r.status == -number, "status %s", r.status)
        r.expect(not r.messages and not r.dialogue, "it was sent")


@case(87, "success is silent")
def silent(sendmail):
    expect(not sendmail.noisy, "not silent: %s", "\n".join(sendmail.noisy))
    sendmail(["bob@example.org", "alice"]).delivered(BOB, A)
