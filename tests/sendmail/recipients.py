"""Who gets it and who sends it: the envelope, options, and addresses in arguments and headers."""

from email.header import decode_header, make_header

from room import A, ADMIN, BIG, BOB, CARL, EVE, HOST, S, case

CRON = ("From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> job\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        "X-Cron-Env: <SHELL=/bin/sh>\n\ncaf\u00e9\n").encode()
ROOT = "root@" + HOST
BARE = b"Subject: s\nTo: bob@example.org\n\nbody\n"  # without From


@case(1, "-t")
def recipients_of_header(sendmail):
    message = sendmail("-t").delivered(BOB)
    assert message.body == b"body\r\n"


@case(2, "From, Date and Message-ID are added")
def headers_added(sendmail):
    r = sendmail(BOB, b"Subject: s\n\nbody\n")
    message = r.delivered(BOB)
    r.expect(message["from"] == "Alice Example <%s>" % A, "From: %s", message["from"])
    r.expect(message["date"] and message["message-id"], "no Date or Message-ID")


@case(3, "without -t the header names nobody")
def header_is_no_envelope(sendmail):
    sendmail(EVE).delivered(EVE)


@case(4, "-t and arguments: both")
def union(sendmail):
    sendmail(["-t", EVE]).delivered(BOB, EVE)


@case(5, "-t and arguments: each once")
def union_once(sendmail):
    sendmail(["-t", BOB], b"To: bob@example.org, carl@example.org\n\nx\n").delivered(BOB, CARL)


@case(6, "-ti, -it, -i -t, -t -oi, -titm: a lone dot is text")
def clusters(sendmail):
    for flags in "-ti", "-it", "-i -t", "-t -oi", "-titm", "-t -oitrue", "-t -o i":
        r = sendmail(flags, S + b".\nafter\n")
        message = r.delivered(BOB)
        r.expect(message.body == b"body\r\n.\r\nafter\r\n", "body %r", message.body)


@case(7, "-tifx@example.net, -tif x@example.net")
def cluster_with_argument(sendmail):
    for flags in "-tifx@example.net", "-tif x@example.net":
        sendmail(flags).delivered(BOB, sender="x@example.net")


@case(8, "-oit is no -t")
def option_takes_the_rest(sendmail):
    sendmail("-oit", BIG).refused(64, says="recipient")


@case(12, "Debian's cron")
def cron(sendmail):
    r = sendmail("-FCronDaemon -i -B8BITMIME -oem root", CRON, user="root",
                 env={"USER": None, "TMPDIR": None})
    message = r.delivered(ADMIN, sender=ROOT)
    r.expect(message["from"] == ROOT + " (Cron Daemon)", "From: %s", message["from"])
    r.expect(message["to"] == ROOT, "To: %s", message["to"])


@case(13, "cronie")
def cronie(sendmail):
    text = CRON.replace(b"root (Cron Daemon)", b'"(Cron Daemon)" <root>')
    r = sendmail("-FCronDaemon -i -odi -oem -oi -t -f root", text, user="root")
    message = r.delivered(ADMIN, sender=ROOT)
    r.expect(message["from"] == '"(Cron Daemon)" <%s>' % ROOT, "From: %s", message["from"])


@case(14, "Vixie's cron 3")
def vixie(sendmail):
    sendmail("-FCronDaemon -odi -oem -or0s root", CRON, user="root").delivered(ADMIN, sender=ROOT)


@case(15, "-B 8BITMIME, apart")
def separate_body(sendmail):
    sendmail("-i -B 8BITMIME root", CRON, user="root").delivered(ADMIN, sender=ROOT)


@case(16, "the null sender")
def null_sender(sendmail):
    for flags in "-f '<>' -i --", "-f ''", "-f<>", "-r '<>'":
        sendmail(flags + " " + BOB).delivered(BOB, sender="")


@case(17, "-f with angle brackets or a name")
def sender_with_name(sendmail):
    for sender in "<x@example.net>", "X <x@example.net>":
        sendmail(["-f", sender, BOB]).delivered(BOB, sender="x@example.net")


@case(18, "-f root")
def sender_without_domain(sendmail):
    sendmail(["-f", "root", BOB]).delivered(BOB, sender=ROOT)


@case(19, "the last -f wins")
def sender_twice(sendmail):
    sendmail("-fx@a.example -fy@a.example " + BOB).delivered(BOB, sender="y@a.example")


@case(20, "-f takes what begins with a dash")
def sender_with_dash(sendmail):
    sendmail(["-f", "-x@example.net", BOB]).delivered(BOB, sender="-x@example.net")


@case(21, "CR and LF in -f")
def sender_injection(sendmail):
    # the table says 64: a control in an address is malformed data here, as in a recipient
    for sender in "x>\r\nRCPT TO:<evil@e", "x@example.net\nevil@e", "x@example.net\revil@e":
        r = sendmail(["-f", sender, BOB], BIG).refused(65)
        r.expect(not r.dialogue, "a connection was made")


@case(22, "CR and LF in a recipient")
def recipient_injection(sendmail):
    for recipient in "bob@example.org>\r\nRCPT TO:<evil@e", "bob@example.org\nevil@e":
        r = sendmail([recipient], BIG).refused(65)
        r.expect(not r.dialogue, "a connection was made")


@case(23, "CR in a header's address")
def header_injection(sendmail):
    r = sendmail("-t", b"To: bob@example.org>\rRCPT TO:<evil@e\n\nx\n")
    r.expect(not any("evil" in c and c.startswith(("RCPT", "MAIL")) for c in r.commands),
             "evil got mail")
    r.expect(r.status in (0, 65), "status %s", r.status)


@case(24, "-- ends the options")
def end_of_options(sendmail):
    sendmail("-i -- -dash@example.org").delivered("-dash@example.org")


@case(25, "unknown letters")
def unknown_option(sendmail):
    r = sendmail("-i -zash@example.org", BIG).refused(64)
    r.expect(not r.dialogue, "a connection was made")
    # POSIXLY_CORRECT, --unknown and - are of the same kind
    for flags in "--unknown " + BOB, "- " + BOB, "-M x " + BOB:
        sendmail(flags, BIG).refused(64)


@case(26, "options behind recipients")
def permuted(sendmail):
    for env in None, {"POSIXLY_CORRECT": "1"}:
        sendmail([BOB, "-i", "-f", "x@example.net"], env=env).delivered(
            BOB, sender="x@example.net")


@case(27, "-F with any text")
def full_name(sendmail):
    name = 'Jos\u00e9 "Q" \\X'
    r = sendmail(["-F", name, BOB], BARE)
    raw = r.delivered(BOB)["from"]
    phrase, _, address = raw.rpartition(" ")
    r.expect(raw.isascii() and address == "<%s>" % A, "From: %s", raw)
    r.expect(str(make_header(decode_header(phrase))) == name, "From: %s", raw)
    # NAME (comment), commas: quoted; CR, LF: an error (65), never stripped
    raw = sendmail(["-F", "Last, First (x)", BOB], BARE).delivered(BOB)["from"]
    r.expect(raw == '"Last, First (x)" <%s>' % A, "From: %s", raw)
    sendmail(["-F", "x\r\nBcc: evil@e", BOB], BARE).refused(65)


@case(28, "-F leaves a From alone")
def full_name_unused(sendmail):
    r = sendmail(["-F", "Bot", BOB])
    message = r.delivered(BOB)
    r.expect(message["from"] == "alice@example.net", "From: %s", message["from"])


@case(29, "NAME")
def name_in_environment(sendmail):
    r = sendmail(BOB, BARE, env={"NAME": "Env Name"})
    message = r.delivered(BOB)
    r.expect(message["from"] == "Env Name <%s>" % A, "From: %s", message["from"])


@case(30, "-f and -F make From")
def from_of_arguments(sendmail):
    r = sendmail(["-f", "x@example.net", "-F", "Full N", BOB], BARE)
    message = r.delivered(BOB, sender="x@example.net")
    r.expect(message["from"] == "Full N <x@example.net>", "From: %s", message["from"])


def parameters(message):
    return message.parameters, [rcpt["parameters"] for rcpt in message.envelope["rcpt"]]


@case(41, "-N -R -V")
def dsn(sendmail):
    r = sendmail("-N success,failure -R hdrs -V E1 " + BOB)
    mail, rcpt = parameters(r.delivered(BOB))
    r.expect(mail.get("RET") == "HDRS" and mail.get("ENVID") == "E1", "MAIL %s", mail)
    r.expect(rcpt[0].get("NOTIFY") == "SUCCESS,FAILURE", "RCPT %s", rcpt)


@case(42, "-Nnever")
def dsn_never(sendmail):
    r = sendmail("-Nnever " + BOB)
    rcpt = parameters(r.delivered(BOB))[1]
    r.expect(rcpt[0].get("NOTIFY") == "NEVER", "RCPT %s", rcpt)


@case(43, "-N -R -V where no DSN is offered")
def dsn_absent(sendmail):
    r = sendmail("-N success,failure -R hdrs -V E1 " + BOB, extensions="no-dsn")
    mail, rcpt = parameters(r.delivered(BOB))
    r.expect(not {"RET", "ENVID"} & set(mail) and not rcpt[0], "%s %s", mail, rcpt)


@case(44, "-V 'a b'")
def envelope_id(sendmail):
    r = sendmail(["-V", "a b", BOB])
    mail = parameters(r.delivered(BOB))[0]
    r.expect(mail.get("ENVID") == "a+20b", "MAIL %s", mail)


@case(45, "options that change nothing")
def ignored(sendmail):
    flags = ["-G", "-U", "-n", "-m", "-x", "-Ac", "-odb", "-odi", "-odq", "-odd", "-oem", "-oee",
             "-oep", "-oew", "-oeq", "-em", "-e m", "-o7", "-oQ/tmp", "-p TEST", "-L foo", "-h 5",
             "-O DeliveryMode=b", "-ODeliveryMode=b", "-X /dev/null", "-A m", "-E", "-J", "-c", "-s",
             "-T", "-om", "-bm", "-ba", "-C", "-d", "-d0.1", "-B nonsense", "-oo",
             "-O Nonsense=1",
             # the table says 64: callers choose arguments, so no file is written, nor refused
             "-D log"]
    for flag in flags:
        sendmail(flag + " " + BOB).delivered(BOB)
    sendmail(" ".join(flags) + " " + BOB).delivered(BOB)
    # these may speak
    for flag in "-v", "-N nonsense", "-R nonsense":
        sendmail(flag + " " + BOB).delivered(BOB, quiet=False)


@case(46, "-oi -ODeliveryMode=b -OErrorMode=m -t")
def request_tracker(sendmail):
    sendmail("-oi -ODeliveryMode=b -OErrorMode=m -t").delivered(BOB)


@case(63, "an address list in one argument")
def list_in_argument(sendmail):
    sendmail(["bob@example.org, Carl Q <carl@example.org>"]).delivered(BOB, CARL)
    sendmail(["bob@example.org,carl@example.org"]).delivered(BOB, CARL)
    sendmail(["<bob@example.org>"]).delivered(BOB)


@case(64, "an empty argument")
def empty_argument(sendmail):
    sendmail(["", BOB]).delivered(BOB)


@case(65, "all that an address list can hold")
def address_list(sendmail):
    text = (b'To: "Last, First" <bob@example.org>, (c, o) carl@example.org,'
            b" =?utf-8?q?D=2C_E?= <dave@example.org>,\n friends: f1@example.org,"
            b" f2@example.org;, undisclosed-recipients:;\nSubject: s\n\nx\n")
    sendmail("-t", text).delivered(BOB, CARL, "dave@example.org", "f1@example.org",
                                   "f2@example.org")


@case(66, "a quoted local part")
def quoted_local_part(sendmail):
    sendmail("-t", b'To: "a b"@example.org\n\nx\n').delivered('"a b"@example.org')


@case(67, "two To fields, and Cc again")
def duplicates(sendmail):
    sendmail("-t", b"To: bob@example.org\nTo: carl@example.org\nCc: Bob <bob@EXAMPLE.org>\n\n"
             b"x\n").delivered(BOB, CARL)


@case(68, "UTF-8 in addresses and headers")
def utf8(sendmail):
    text = "To: b\u00f6b@example.org\nSubject: gr\u00fc\u00df\n\nx\n".encode()
    r = sendmail("-t", text)
    message = r.delivered("b\u00f6b@example.org")
    r.expect("SMTPUTF8" in message.parameters, "MAIL %s", message.parameters)
    r.expect("Subject: gr\u00fc\u00df".encode() in message.head, "the subject is another")
    sendmail("-t", text, extensions="no-utf8").refused(65, says="UTF")
    # without SMTPUTF8: the header encoded, the domain as its A-label
    text = "To: bob@b\u00fccher.example\nSubject: gr\u00fc\u00df\n\nx\n".encode()
    r = sendmail("-t", text, extensions="no-utf8")
    message = r.delivered("bob@xn--bcher-kva.example")
    r.expect(message.head.isascii(), "8-bit header without SMTPUTF8")
    r.expect(str(make_header(decode_header(message["subject"]))) == "gr\u00fc\u00df",
             "Subject: %s", message["subject"])


@case(71, "root and other local names")
def local_names(sendmail):
    for name in "root", ROOT, "root@localhost", "ROOT", "root@box":
        sendmail(name).delivered(ADMIN)
    sendmail("alice").delivered(A)
    r = sendmail("-t", b"To: root\nCc: carl\nSubject: s\nFrom: alice\nReply-To: bob\n\nx\n")
    message = r.delivered(ADMIN, "carl@" + HOST)
    for name, local in (("to", "root"), ("cc", "carl"), ("from", "alice"), ("reply-to", "bob")):
        r.expect(message[name] == local + "@" + HOST, "%s: %s", name, message[name])


@case(72, "Sender stays, Return-Path and Content-Length go")
def trace_fields(sendmail):
    r = sendmail(BOB, b"Sender: list@example.com\nReturn-Path: <rp@example.com>\n"
                 b"Content-Length: 3\nFrom: boss@example.com\n\nx\n")
    message = r.delivered(BOB)
    r.expect(message["sender"] == "list@example.com", "Sender: %s", message["sender"])
    r.expect(message["from"] == "boss@example.com", "From: %s", message["from"])
    r.expect(not message.all("return-path") and not message.all("content-length"),
             "they are still there")


@case(85, "--read-recipients --read-envelope-from")
def long_options(sendmail):
    sendmail("--read-recipients --read-envelope-from -f x@example.net").delivered(
        BOB, sender="x@example.net")
    sendmail("--read-recipients --read-envelope-from").delivered(BOB, sender="alice@example.net")


@case(86, "/usr/lib/sendmail -t -oi -oem -fme@example.net")
def library_path(sendmail):
    sendmail("-t -oi -oem -fme@example.net", name="/usr/lib/sendmail").delivered(
        BOB, sender="me@example.net")
