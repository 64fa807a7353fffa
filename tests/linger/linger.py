#!/usr/bin/env python3
"""A connection that stays for the next submissions: which one carries a message, what ends it, and
that whatever happens to it the message is delivered once and reported as ever. Arguments: groups or
cases, all unless given."""

import contextlib
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time

from room import MESSAGE, Recorder, Room, Server, until
from submission import SENDOFF, Tap

CASES = []


def case(group):
    def decorate(function):
        CASES.append((group, function))
        return function
    return decorate


def expect(tap, room, done, title, status=0, trips=None):
    """One submission as it should be."""
    good = done.status == status and (trips is None or done.json["round_trips"] == trips)
    tap.ok(good, title, done, "keepers: %s, %s" % (room.keepers(), room.files()))
    return good


@case("use")
def same_connection(tap):
    """The next submissions use the connection, at one round trip each, and report as ever."""
    with Room() as room, Recorder(tls="implicit") as server:
        room.configure(server)
        first = room.send()
        expect(tap, room, first, "the first connects")
        tap.ok(first.took < 5 and len(room.keepers()) == 1, "its pipes end at once", first)
        for _ in range(3):
            done = room.send()
            expect(tap, room, done, "the next needs one round trip", trips=1)
        tap.ok(server.connections() == [1, 1, 1, 1], "one connection", server.records())
        same = ["host", "address", "port", "tls", "cipher", "mechanism", "sender", "size", "status",
                "message_id"]
        a, b = first.json, done.json
        tap.ok(all(a.get(k) == b.get(k) for k in same), "the receipt says the same", a, b)
        tap.ok(b["recipients"][0]["status"] == "accepted" and b["recipients"][0]["code"] == 250,
               "and who was accepted", b)
        log = (room.dir / "log").read_text().splitlines()
        tap.ok(len(log) == 4 and "mechanism=" in log[3] and "000004" in log[3],
               "each is in the log", *log)
        shown = room.send("-v").err
        tap.ok("-> MAIL FROM:<ann@example.org>" in shown and "<- 250 2.1.0" in shown and
               "kept a connection" in shown and "wonderland" not in shown,
               "-v shows the dialogue", shown)


@case("use")
def detached(tap):
    """The process that stays has nothing of its caller's, and no password."""
    with Room() as room, Recorder(tls="starttls") as server:
        room.configure(server, "auth = PLAIN")
        room.send()
        pid = room.keepers()[0]
        folder = pathlib.Path("/proc/%d" % pid)
        stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        tap.ok(int(stat[3]) != os.getsid(0) and stat[4] == "0",
               "it has a session of its own and no terminal", stat)
        if os.geteuid():
            print("# not root: the rest is not looked at")
            return
        links = sorted(os.readlink(p) for p in (folder / "fd").iterdir())
        tap.ok(links[:3] == ["/dev/null"] * 3 and len(links) == 5 and
               all(link.startswith("socket:") for link in links[3:]), "two sockets are open", links)
        tap.ok(os.readlink(folder / "cwd") == "/", "it stands in no directory")
        limits = (folder / "limits").read_text()
        tap.ok("Max core file size        0 " in limits, "it leaves no core", limits)
        secrets, size = 0, 0
        with (folder / "mem").open("rb", 0) as memory:
            for line in (folder / "maps").read_text().splitlines():
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                if line.split()[1][:2] != "rw" or "[v" in line or end - start > 1 << 30:
                    continue
                with contextlib.suppress(OSError, ValueError):
                    memory.seek(start)
                    block = memory.read(end - start)
                    size += len(block)
                    secrets += block.count(b"wonderland") + block.count(b"d29uZGVybGFuZ")
        tap.ok(size > 100000 and not secrets, "it has no password in its memory", secrets, size)


@case("end")
def times_out(tap):
    """It ends when its time has passed, and leaves nothing."""
    with Room() as room, Recorder() as server:
        room.configure(server, linger=2)
        room.send()
        for _ in range(2):
            time.sleep(1.2)
            done = room.send()
            # a machine that is so slow tells nothing
            tap.ok(done.json["round_trips"] == 1 or done.took > 0.7,
                   "the time begins anew with each message", done)
        last = server.connections()[-1]
        tap.ok(until(lambda: not room.keepers()), "it has ended")
        tap.ok(not room.files(), "nothing is left", room.files())
        expect(tap, room, room.send(), "the next connects")
        tap.ok(server.connections()[-1] == last + 1, "anew", server.records())
        os.kill(room.keepers()[0], signal.SIGTERM)
        tap.ok(until(lambda: not room.keepers(), 3) and not room.files(),
               "a signal ends it, too, and nothing is left", room.keepers(), room.files())


@case("end")
def server_closes(tap):
    """The server closes the connection in between."""
    with Room() as room, Recorder("--idle", "1") as server:
        room.configure(server)
        room.send()
        tap.ok(until(lambda: not room.keepers(), 4) and not room.files(), "it ends",
               room.keepers(), room.files())
        expect(tap, room, room.send(), "the next connects")
        tap.ok(server.connections() == [1, 2], "anew", server.records())


@case("end")
def server_says_421(tap):
    """The server closes just when the next message comes."""

    def first(client):
        client.greet("PIPELINING")
        client.message()
        client.envelope("421 4.4.2 too long idle")

    def second(client):
        client.greet("PIPELINING")
        contents.append(client.message())
        client.rest()

    contents = []
    with Room() as room, Server(first, second) as server:
        room.configure(server, login=False, linger=3)
        expect(tap, room, room.send(), "the first connects")
        done = room.send()
        expect(tap, room, done, "421 for MAIL is no failure")
        tap.ok(len(contents) == 1 and server.count == 2, "another connection was made",
               server.failure)
        tap.ok(until(lambda: len(room.keepers()) == 1), "and is kept now", room.keepers())
        room.__exit__()


@case("change")
def changes(tap):
    """A changed configuration, password or certificate: another connection, and the old one ends."""
    with Room() as room, Recorder(tls="implicit") as server:
        trust = room.dir / "trust.pem"
        trust.write_bytes((server.dir / "ca/ca.pem").read_bytes())
        text = room.configure(server).read_text().replace(str(server.dir / "ca/ca.pem"), str(trust))

        def configuration():
            (room.dir / "config").write_text(text + "# " + "changed\n")

        def password():
            room.password.write_text("wonderland\n")

        (room.dir / "config").write_text(text)
        room.send()
        pids = room.keepers()
        for n, change in enumerate((configuration, password, trust.touch), 2):
            change()
            expect(tap, room, room.send(), "changed: %s" % change.__name__)
            tap.ok(server.connections()[-1] == n, "another connection", server.records())
            now = until(lambda: len(room.keepers()) == 1 and room.keepers())
            tap.ok(now and now != pids, "one process is left, another", pids, room.keepers())
            pids = now or []
        expect(tap, room, room.send(), "unchanged: the same connection", trips=1)
        done = room.send("--ehlo-name", "other.example")
        expect(tap, room, done, "other settings: another connection")
        tap.ok(len(room.keepers()) == 2 and server.connections()[-1] == n + 1, "beside the first",
               server.records())


@case("change")
def notices_by_itself(tap):
    """A process that nobody asks ends some seconds after the change."""
    with Room() as room, Recorder() as server:
        file = room.configure(server)
        room.send()
        file.touch()
        tap.ok(until(lambda: not room.keepers(), 8), "it has ended", room.keepers())


@case("hostile")
def busy(tap):
    """While one message is on its way another goes its own."""
    with Room() as room, Recorder() as server:
        room.configure(server)
        room.send()
        slow = room.start(recipients=["slow@a.example", "slow@b.example", "slow@c.example"])
        time.sleep(0.5)
        expect(tap, room, room.send(), "the second is sent")
        tap.ok(slow.poll() is None, "it did not wait")
        expect(tap, room, room.finish(slow), "the first goes over the connection", trips=1)
        tap.ok(server.connections() == [1, 2, 1], "two connections", server.records())
        tap.ok(len(room.keepers()) == 2, "both are kept", room.keepers())
        processes = [room.start(recipients=["slow@example.net"]) for _ in range(8)]
        done = [room.finish(p) for p in processes]
        tap.ok(all(d.status == 0 for d in done), "eight at once", *done)
        tap.ok(len(room.keepers()) <= 4, "at most four are kept", room.keepers())
        tap.ok(len(server.records()) == 11, "each came once", server.records())


@case("death")
def killed_before(tap):
    """A process that was killed leaves its socket behind."""
    with Room() as room, Recorder() as server:
        room.configure(server)
        room.send()
        os.kill(room.keepers()[0], signal.SIGKILL)
        until(lambda: not room.keepers())
        tap.ok(len(room.files()) == 2, "its files are left", room.files())
        expect(tap, room, room.send(), "the next connects")
        tap.ok(len(room.keepers()) == 1 and len(room.files()) == 2, "and takes its place",
               room.keepers(), room.files())
        expect(tap, room, room.send(), "for the one behind", trips=1)
        tap.ok(server.connections() == [1, 2, 2], "two connections", server.records())


@case("death")
def killed_between(tap):
    """It is killed when the message was handed over, but has not left."""

    def first(client):
        client.greet("PIPELINING")
        client.message()
        for _ in range(3):
            client.line()
        os.kill(room.keepers()[0], signal.SIGKILL)
        client.rest()

    def second(client):
        client.greet("PIPELINING")
        contents.append(client.message())
        client.rest()

    contents = []
    with Room() as room, Server(first, second) as server:
        room.configure(server, login=False, linger=3)
        room.send()
        done = room.send()
        expect(tap, room, done, "the message goes another way")
        tap.ok(len(contents) == 1 and server.count == 2, "once", server.failure)
        room.__exit__()


@case("death")
def killed_behind(tap):
    """It is killed when the content has left, and has not been answered."""

    def first(client):
        client.greet("PIPELINING")
        client.message()
        client.envelope()
        client.content()
        os.kill(room.keepers()[0], signal.SIGKILL)
        client.rest()

    with Room() as room, Server(first) as server:
        room.configure(server, login=False, linger=3)
        room.send()
        done = room.send()
        expect(tap, room, done, "the outcome is in doubt", status=75)
        tap.ok("may have been delivered" in done.err and
               done.json["recipients"][0]["status"] == "in-doubt", "and said to be", done)
        tap.ok(server.count == 1, "nothing is sent twice", server.failure)


@case("death")
def client_killed(tap):
    """The client is killed before the content has left: it does not leave."""
    seen = []

    def first(client):
        client.greet("PIPELINING")
        client.message()
        for _ in range(3):
            client.line()
        clients[0].kill()
        clients[0].wait()
        client.say("250 ok", "250 ok", "354 go")
        seen.append(client.content())
        seen.append(client.buffer)

    clients = []
    with Room() as room, Server(first) as server:
        room.configure(server, login=False, linger=3)
        room.send()
        clients.append(room.start())
        tap.ok(until(lambda: len(seen) == 2) and seen[0] is None, "the content has no end", seen,
               server.failure)
        tap.ok(until(lambda: not room.keepers()), "the process has ended", room.keepers())
        clients[0].stdout.close()
        clients[0].stderr.close()


@case("death")
def failures(tap):
    """No process stays behind a submission that failed; what is refused is reported as ever."""
    with Room() as room, Recorder() as server:
        room.configure(server)
        done = room.send(recipients=["permfail@example.net"])
        tap.ok(done.status == 67 and not room.keepers(), "refused", done)
        done = room.send(recipients=["bob@example.net", "permfail@example.net"])
        tap.ok(done.status == 67 and not room.keepers(), "refused in part", done)
        room.send()
        for recipients, status, states in (
                (["permfail@example.net"], 67, ["permanent"]),
                (["tempfail@example.net"], 75, ["temporary"]),
                (["bob@example.net", "permfail@example.net"], 67, ["accepted", "permanent"]),
                (["dataperm@example.net"], 65, ["permanent"])):
            done = room.send(recipients=recipients)
            expect(tap, room, done, "over the connection: %s" % recipients, status)
            tap.ok([r["status"] for r in done.json["recipients"]] == states and done.err,
                   "who, and why", done)
        tap.ok(server.connections() == [2, 3, 3] and room.keepers(), "nothing of it ends the connection",
               server.records(), room.keepers())


@case("use")
def content(tap):
    """Whatever is sent comes out as it would over a connection of its own."""
    large = b"".join(b"%d: a line of a message that goes to a file\n" % i for i in range(20000))
    with Room() as room, Recorder() as server:
        room.configure(server)
        room.send()
        for name, message, options, recipients in (
                ("large", MESSAGE + large, [], ["bob@example.net"]),
                ("8-bit", MESSAGE + "grüße\n".encode(), [], ["bob@example.net"]),
                ("dots", MESSAGE + b".\n..\n.x\n", [], ["bob@example.net"]),
                ("UTF-8", MESSAGE, [], ["grüße@example.net", '"a b"@example.net']),
                ("DSN", MESSAGE, ["-N", "success,delay", "-R", "hdrs", "-V", "id+1"],
                 ["bob@example.net"]),
                ("many", MESSAGE, [], ["r%d@example.net" % i for i in range(150)])):
            expect(tap, room, room.send(*options, message=message, recipients=recipients), name)
            room.send("--linger", "0", *options, message=message, recipients=recipients)
            ours, theirs = server.records()[-2:]
            tap.ok(ours["connection"] == 1 and theirs["connection"] > 1 and
                   all(ours[k] == theirs[k] for k in ("mail", "rcpt", "sha256", "size")),
                   "%s: the same came over both" % name, ours, theirs)
        done = room.send(message=MESSAGE + b"a\0b\n")
        expect(tap, room, done, "NUL", trips=1)
        tap.ok(done.json["notes"] == ["1 NUL octets were removed"], "what was changed is told", done)


@case("use")
def as_sendmail(tap):
    """The other name has it too, and stays silent."""
    with Room() as room, Recorder() as server:
        file = room.configure(server)
        home = room.dir / ".config/sendoff"
        home.mkdir(parents=True)
        file.rename(home / "config")
        link = room.dir / "sendmail"
        link.symlink_to(SENDOFF)
        words = [str(link), "-i", "-f", "ann@example.org", "bob@example.net"]
        room.command = lambda *_, **__: words
        for _ in range(3):
            done = room.send()
            tap.ok(done.status == 0 and not done.out and not done.err, "silent", done)
        tap.ok(server.connections() == [1, 1, 1], "one connection", server.records())
        words[1:1] = ["-bs"]
        done = room.send(message=b"HELO x\r\nMAIL FROM:<ann@example.org>\r\n"
                         b"RCPT TO:<bob@example.net>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n")
        tap.ok(done.status == 0 and server.connections()[-1] == 2, "-bs has its own", done)


def word(kind, body=b"", length=None):
    """What both sides say, as a parcel (base/channel.c)."""
    return struct.pack("<6sBcI", b"sendof", 1, kind, len(body) if length is None else length) + body


@case("hostile")
def hostile_places(tap):
    """Directories that are not ours alone, and sockets where nobody sensible listens."""
    with Room() as room, Recorder() as server:
        room.configure(server)
        place = room.runtime / "sendoff"
        place.mkdir(mode=0o700)
        place.chmod(0o770)
        room.environment["XDG_CACHE_HOME"] = str(room.dir / "nothing/there")
        expect(tap, room, room.send(), "a directory that others can write")
        tap.ok(not room.files() and (os.geteuid() == 0 or not room.keepers()), "is not used",
               room.files())
        place.rmdir()
        elsewhere = room.dir / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        place.symlink_to(elsewhere)
        expect(tap, room, room.send(), "a symbolic link")
        tap.ok(not list(elsewhere.iterdir()), "is not followed")
        place.unlink()
    for name, words in (("garbage", b"\xff" * 5000), ("a huge word", word(b"R", b"", 0xffffffff)),
                        ("an end without a beginning", word(b"E")), ("nothing", b"")):
        with Room() as room, Recorder() as server:
            room.configure(server)
            room.send()
            path = room.socket()
            os.kill(room.keepers()[0], signal.SIGKILL)
            until(lambda: not room.keepers())
            path.unlink()
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen(4)

                def answer():
                    sock, _ = listener.accept()
                    with sock:
                        sock.sendall(words)
                        sock.shutdown(socket.SHUT_WR)
                        with contextlib.suppress(OSError):
                            while sock.recv(65536):
                                pass

                thread = threading.Thread(target=answer, daemon=True)
                thread.start()
                expect(tap, room, room.send(), "a process that says %s" % name)
                thread.join(60)
            tap.ok(server.connections() == [1, 2], "does no harm", server.records())


@case("hostile")
def hostile_clients(tap):
    """Whatever a client says, the process serves the next."""
    with Room() as room, Recorder() as server:
        room.configure(server)
        room.send()
        for words in (b"", b"Q", word(b"Q", b"abcd"), word(b"Q", b"abcd")[:-1],
                      word(b"Q", b"", 0xffffffff), word(b"G"), b"\0" * 64):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(room.socket()))
                client.sendall(words)
        expect(tap, room, room.send(), "it does", trips=1)
        tap.ok(server.connections() == [1, 1], "over its connection", server.records())


@case("use")
def many(tap):
    """Submissions in a row: hardly more than one round trip each."""
    count = 60
    with Room() as room, Recorder(tls="implicit") as server:
        room.configure(server, "auth = PLAIN")
        trips = [room.send().json["round_trips"] for _ in range(count)]
        tap.ok(sum(trips) <= 1.2 * count, "%d submissions, %d round trips" % (count, sum(trips)),
               trips)
        tap.ok(server.connections() == [1] * count, "one connection", server.connections())


@case("end")
def without_chunking(tap):
    """Without CHUNKING, or with a body that is too large to be sent on trust, it is two."""
    with Room() as room, Recorder("--extensions", "-CHUNKING") as server:
        room.configure(server)
        room.send()
        expect(tap, room, room.send(), "DATA", trips=2)
    with Room() as room, Recorder() as server:
        room.configure(server)
        room.send()
        expect(tap, room, room.send(message=MESSAGE + b"x" * 70 + b"\n" + b"line\n" * 20000),
               "a large body", trips=2)
    with Room() as room, Recorder() as server:
        room.configure(server, "pipelining = off")
        room.send()
        expect(tap, room, room.send(), "lockstep", trips=3)


@case("end")
def loses_step(tap):
    """A server that takes refused content for commands is found out before content is at stake."""

    def first(client):
        client.greet("PIPELINING", "CHUNKING")
        for _ in range(2):
            client.line()
        client.say("250 ok", "250 ok")
        size = int(client.line().split()[1])
        while len(client.buffer) < size:
            client.more()
        client.buffer = client.buffer[size:]
        client.say("250 2.0.0 taken")
        asked.append(client.line())
        client.say("503 no")
        asked.append(client.line())
        client.say("221 bye")

    asked = []
    with Room() as room, Server(first) as server:
        room.configure(server, login=False)
        expect(tap, room, room.send(), "the message was sent")
        tap.ok(until(lambda: not room.keepers()) and asked == ["BDAT 6 LAST", "QUIT"],
               "the process ends", asked, room.keepers(), server.failure)


def main():
    tap = Tap()
    wanted = sys.argv[1:]
    for group, function in CASES:
        if not wanted or group in wanted or function.__name__ in wanted:
            print("# " + function.__name__ + ": " + function.__doc__.split("\n")[0])
            started = time.monotonic()
            function(tap)
            print("# %.1f s" % (time.monotonic() - started))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
