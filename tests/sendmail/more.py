"""What the interface promises beside the 87 cases: log records, hostile arguments, aliases, senders
that a smarthost wants."""

import os
import pathlib

from machine import ALICE, BASE
from room import A, ADMIN, BOB, CARL, HOST, S, case

ALIASES = """\
# comment
root: admin@example.net
Team: bob@example.org, "carl"@example.org,
\tDave Q <dave@example.org>, bob@example.org  # and again
pipe: "|/bin/cat >{0}/piped"
file: {0}/filed
both: /dev/null, bob@example.org
loop: pool
pool: loop, carl@example.org
list: :include:{0}/list
"quoted name": eve@example.com
alice: alice, bob@example.org
default: catch@example.net
"""


def records(room, arguments, **more):
    """The log's records of a call."""
    known = room.machine.syslog.so_far()
    r = room(arguments, **more)
    room.machine.syslog.so_far()
    return r, room.machine.syslog.records[known:]


@case(88, "every submission leaves a record")
def log(sendmail):
    for arguments, words in ((BOB, (BOB, A, "accepted as")),
                             ("permfail@example.org", ("permfail@example.org", "550", "5.1.1")),
                             ("-f '' " + BOB, (BOB,)), ("-t -z", ("-z",))):
        r, found = records(sendmail, arguments)
        if "-z" in arguments:
            continue  # no submission: it may be recorded
        r.expect(len(found) == 1, "records: %s", found)
        for word in words:
            r.expect(word in found[0], "no %s in %s", word, found[0])
    # what comes from outside stays inside its field
    r, found = records(sendmail, ["-f", '"a b\\" status=0"@example.net', BOB])
    r.expect(len(found) == 1 and "\n" not in found[0], "records: %s", found)


@case(89, "arguments name no file, and no configuration but root's")
def hostile(sendmail):
    folder = sendmail.machine.home / "alice/hostile"
    folder.mkdir()
    os.chown(folder, ALICE, ALICE)
    for flag in "-X {}", "-X{}", "-D {}", "-D{}", "-oQ{}", "-O QueueDirectory={}", "-oA{}", \
            "-O AliasFile={}":
        r = sendmail(flag.format(folder / "made") + " " + BOB)
        r.delivered(BOB)
        r.expect(not list(folder.iterdir()), "%s made %s", flag, list(folder.iterdir()))
    mine = folder / "config"
    mine.write_text("[account mine]\nhost = 127.0.0.1\nport = 1\ntls = none\nauth = none\n")
    os.chown(mine, ALICE, ALICE)
    sendmail("-C%s %s" % (mine, BOB)).refused(78)
    os.chown(mine, 0, 0)
    sendmail("-C%s %s" % (mine, BOB)).refused(75)
    for flag in "--host=127.0.0.1", "--config=/dev/null", "--password-command=/bin/true", "--json":
        sendmail(flag + " " + BOB).refused(64)


@case(90, "aliases of every kind")
def aliases(sendmail):
    file, kept = pathlib.Path("/etc/aliases"), pathlib.Path("/etc/aliases").read_text()
    folder = BASE / "aliases"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "list").write_text("# members\nbob@example.org\nroot\n")
    try:
        file.write_text(ALIASES.format(folder))
        for name, to in (("team", (BOB, CARL, "dave@example.org")), ("TEAM@" + HOST,
                         (BOB, CARL, "dave@example.org")), ("list", (BOB, ADMIN)),
                         ("loop", (CARL,)), ("alice", (A, BOB)), ("stranger",
                         ("catch@example.net",)), ('"quoted name"', ("eve@example.com",)),
                         ("team@example.org", ("team@example.org",))):
            sendmail([name]).delivered(*to)
        for name in "pipe", "file":
            r = sendmail([name, BOB])
            r.sent(BOB)
            r.expect(r.status not in (0, 75), "status %s", r.status)
            r.expect(str(folder) in r.err, "what is refused is not named")
            sendmail([name]).refused(*set(range(64, 79)) - {64, 75}, says=str(folder))
        sendmail("both").sent(BOB)
        # -n: as they are
        sendmail("-n root").delivered("root@" + HOST)
        r = sendmail("-bv team", b"").unsent()
        r.expect(all(a in r.out for a in (BOB, CARL, "dave@example.org")), "not all of it")
    finally:
        file.write_text(kept)
    assert sorted(path.name for path in folder.iterdir()) == ["list"]


@case(91, "a smarthost that takes its own sender only")
def own_sender(sendmail):
    own = "from = relay@example.net"
    text = S.replace(b"alice@example.net", b"root")
    sendmail("root", text, lines=[own]).delivered(ADMIN, sender="relay@example.net")
    sendmail(BOB, lines=[own, "sender = force"]).delivered(BOB, sender="relay@example.net")
    r = sendmail(["-f", "x@example.net", BOB], lines=[own, "sender = force",
                                                     "rewrite-from = always"])
    message = r.delivered(BOB, sender="relay@example.net")
    r.expect("relay@example.net" in message["from"], "From: %s", message["from"])
    r = sendmail(BOB, text, lines=[own, "rewrite-from = never"])
    r.expect(r.delivered(BOB, sender="relay@example.net")["from"] == "root@" + HOST, "From: %s",
             r.messages[0]["from"])
