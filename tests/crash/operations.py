"""The operations of the spool, each with what must hold whatever interrupts it. A check looks at the
room afterwards, in a new process; SAID is what the operation had said on standard output by then."""

import concurrent.futures
import copy
import os
import shutil
import subprocess
import tempfile

TOOL = os.environ["SPOOL_TOOL"]
KILLAT = os.environ["KILLAT"]
SMALL = b"Subject: kept\n\n" + b"a line\n" * 20
LARGE = b"Subject: kept\n\n" + b"a longer line of the message, again and again\n" * 9000
IN_TRAY = "drop"

# A sanitizer cannot look for leaks in a process that is traced.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")


class Broken(Exception):
    """A promise was not kept."""


def want(condition, what):
    if not condition:
        raise Broken(what)


def links_are_protected():
    try:
        with open("/proc/sys/fs/protected_hardlinks", encoding="ascii") as f:
            return f.read(1) != "0"
    except OSError:
        return False


class Room:
    """A spool in a directory of its own: new, a copy of another, or the one at PATH."""

    def __init__(self, copy_of=None, where="/var/tmp", path=None):
        self.path = path or tempfile.mkdtemp(prefix="sendoff-crash-", dir=where)
        if path:
            return
        if copy_of:
            shutil.copytree(copy_of.path, self.path, dirs_exist_ok=True)
        else:
            self.run("make")

    def tray(self):
        return os.path.join(self.path, IN_TRAY)

    def add_tray(self):
        os.mkdir(self.tray())
        os.chmod(self.tray(), 0o3733)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, *args, stdin=b"", ok=(0,), before=(), options=()):
        # a file, so that the number of reads is the same each time
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            run = subprocess.run([*before, TOOL, *options, self.path, *args], stdin=source,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                 timeout=60)
        if ok is not None:
            want(run.returncode in ok,
                 f"{' '.join(args)} ended with {run.returncode}: {run.stderr.decode()}")
        return run

    def names(self, folder):
        return sorted(os.listdir(os.path.join(self.path, folder)))

    def listing(self):
        """{(folder, id): words}"""
        lines = self.run("list").stdout.decode().splitlines()
        return {tuple(line.split()[:2]): line.split()[2:] for line in lines}

    def content(self, ident, folder="queue", ok=(0,)):
        return self.run("show" if folder == "queue" else "show-failed", ident, ok=ok).stdout


def wire(text):
    return text.replace(b"\n", b"\r\n")


class Operation:
    """prepare(room) makes what it starts from; command(room) is what is run; check(room, said, cut):
    with CUT the power was cut, and what nobody was told of may be torn."""

    text = SMALL
    options = ()
    stdin = b""
    litter = ()  # folders in which a kill may leave something

    def __init__(self):
        self.ident = None

    def prepare(self, room):
        said = room.run("commit", stdin=self.text).stdout.split()
        self.ident = said[1].decode()

    def check(self, room, said, cut):
        raise NotImplementedError

    def check_litter(self, room):
        for folder in ("damaged", "tmp"):
            if folder not in self.litter:
                want(not room.names(folder), f"{folder}/ holds {room.names(folder)}")

    def present(self, room, folder="queue"):
        """The message is there, whole, once; returns what the listing says."""
        listing = room.listing()
        want(list(listing) == [(folder, self.ident)], f"the listing is {listing}")
        want(room.content(self.ident, folder) == wire(self.text), "the message differs")
        return listing[(folder, self.ident)]


class Commit(Operation):
    name = "commit"

    def prepare(self, room):
        self.stdin = self.text

    def command(self, room):
        return ("commit",)

    def check(self, room, said, cut):
        listing = room.listing()
        want(len(listing) <= 1, f"the listing is {listing}")
        for (folder, ident), words in listing.items():
            want(folder == "queue", f"it is in {folder}/")
            content = None if words[0] == "damaged" else self.content_if_whole(room, ident)
            if content is None:
                want(cut and not said, "it is damaged")
                self.put_away(room, ident)
            else:
                want(content == wire(self.text), "the message differs")
        if said:
            want(("queue", said.split()[1].decode()) in listing, "it was accepted, and is not there")
        if not cut:
            self.check_litter(room)


    @staticmethod
    def content_if_whole(room, ident):
        """None where a claim finds it damaged."""
        run = room.run("show", ident, ok=(0, 65))
        return run.stdout if run.returncode == 0 else None

    @staticmethod
    def put_away(room, ident):
        room.run("show", ident, ok=(65, 69))
        want(room.names("damaged") == [ident] and not room.listing(),
             "what is damaged was not put away")


class CommitLarge(Commit):
    name = "commit of a message in a file"
    text = LARGE


class CommitNamed(Commit):
    name = "commit without O_TMPFILE and /proc"
    options = ("--without=both",)
    litter = ("tmp",)


class Remove(Operation):
    name = "removal"

    def command(self, room):
        return ("claim-remove", self.ident)

    def check(self, room, said, cut):
        if room.listing():
            self.present(room)
            want(not said, "it was removed, and is there again")
        self.check_litter(room)


class Append(Operation):
    name = "record of an attempt"

    def command(self, room):
        return ("append", self.ident)

    def check(self, room, said, cut):
        words = self.present(room)
        done = "attempts=1" in words
        want(done or not said, "the record is lost")
        # a record that was torn says less, and never anything else
        want(words[3:] == ["temporary", "accepted"] if done else
             words[3:] == ["pending", "pending"] or (cut and words[3:] == ["temporary", "pending"]),
             f"the outcomes are {words}")
        self.check_litter(room)
        # what an interrupted one left behind is in nobody's way
        room.run("append", self.ident)
        want(self.present(room)[3:] == ["temporary", "accepted"], "a second record does not count")


class AppendAgain(Append):
    name = "record of a second attempt"

    def prepare(self, room):
        super().prepare(room)
        room.run("append", self.ident)

    def check(self, room, said, cut):
        words = self.present(room)
        want(words[3:] == ["temporary", "accepted"], f"the outcomes are {words}")
        want("attempts=2" in words or not said, "the record is lost")
        self.check_litter(room)


class Move(Operation):
    """Whoever claims the entry first ends what was interrupted."""

    def settle(self, room):
        listing = room.listing()
        want(listing, "the message is lost")
        for folder, ident in listing:
            want(ident == self.ident and listing[(folder, ident)][0] != "damaged", str(listing))
        if len(listing) == 2:
            room.content(self.ident, "failed")
        listing = room.listing()
        want(len(listing) == 1, f"the listing is {listing}")
        folder = list(listing)[0][0]
        self.present(room, folder)
        return folder


class Fail(Move):
    name = "move to failed/"

    def command(self, room):
        return ("fail", self.ident)

    def check(self, room, said, cut):
        want(self.settle(room) == "failed" or not said, "it is not in failed/")
        self.check_litter(room)


class Retry(Move):
    name = "move back to queue/"

    def prepare(self, room):
        super().prepare(room)
        room.run("fail", self.ident)

    def command(self, room):
        return ("retry", self.ident)

    def check(self, room, said, cut):
        want(self.settle(room) == "queue" or not said, "it is not in queue/")
        self.check_litter(room)


class Hold(Operation):
    name = "hold"

    def command(self, room):
        return ("hold", self.ident)

    def check(self, room, said, cut):
        words = self.present(room)
        want("held=1" in words or not said, "it is not held")
        self.check_litter(room)


class Drop(Operation):
    name = "drop"

    def prepare(self, room):
        room.add_tray()
        self.stdin = self.text

    def command(self, room):
        return ("drop", room.tray())

    def check(self, room, said, cut):
        room.run("take-drops")
        left = [name for name in room.names(IN_TRAY)]
        want(not left, f"the in-tray holds {left}")
        listing = room.listing()
        want(len(listing) <= 1, f"the listing is {listing}")
        if said:
            want(("queue", said.split()[1].decode()) in listing, "it was accepted, and is not there")
        for folder, self.ident in listing:
            self.present(room, folder)
        if not cut:
            self.check_litter(room)


class Take(Operation):
    name = "taking from the in-tray"

    def prepare(self, room):
        room.add_tray()
        self.ident = room.run("drop", room.tray(), stdin=self.text).stdout.split()[1].decode()

    def command(self, room):
        return ("take-drops",)

    def check(self, room, said, cut):
        if said:
            want(("queue", self.ident) in room.listing(), "it was taken, and is not there")
        # what lies in queue/ torn is put away by whoever claims it, and the in-tray has it still
        if room.listing():
            torn = room.run("show", self.ident, ok=(0, 65)).returncode == 65
            want(not torn or (cut and not said), "it is damaged")
        room.run("take-drops")
        want(not room.names(IN_TRAY), "the in-tray is not empty")
        self.present(room)
        if not cut:
            self.check_litter(room)


class TakeLarge(Take):
    name = "taking a large message from the in-tray"
    text = LARGE


def operations():
    """(class, why it is skipped)"""
    trays = "" if links_are_protected() else "fs.protected_hardlinks is 0"
    for kind in (Commit, CommitLarge, CommitNamed, Remove, Append, AppendAgain, Fail, Retry, Hold):
        yield kind, ""
    for kind in (Drop, Take, TakeLarge):
        yield kind, trays


def calls_before_main():
    """How many system calls the tool makes before it does anything."""
    with tempfile.NamedTemporaryFile("r") as f:
        subprocess.run([KILLAT, "--list", f.name, "--", TOOL], check=False,
                       stderr=subprocess.DEVNULL)
        return max(0, len(f.read().splitlines()) - 6)


class Trial:
    """An operation that is run again and again from the same start."""

    def __init__(self, kind, where="/var/tmp"):
        self.where = where
        self.operation = kind()
        self.start = Room(where=where)
        self.operation.prepare(self.start)

    def close(self):
        self.start.remove()

    def run(self, killat, ok, look=None):
        """Runs it in a copy of the start under killat with these options, and checks what is left;
        LOOK(room, run) is asked before."""
        room, operation = Room(copy_of=self.start, where=self.where), copy.copy(self.operation)
        try:
            run = room.run(*operation.command(room), stdin=operation.stdin,
                           options=operation.options, before=(KILLAT, *killat, "--"), ok=ok)
            operation.check(room, run.stdout, False)
            if look:
                look(room, run)
        finally:
            room.remove()

    def run_all(self, runs):
        """RUNS: (what, killat, ok, look) each; returns the complaints."""
        def one(run):
            try:
                self.run(*run[1:])
            except Broken as why:
                return f"{run[0]}: {why}"
            return None
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return [complaint for complaint in pool.map(one, runs) if complaint]

    def calls(self):
        """[(number, name)] of the operation's system calls, those before main left out."""
        with tempfile.NamedTemporaryFile("r") as f:
            self.run(("--list", f.name), (0,))
            lines = [line.split() for line in f.read().splitlines()]
        first = calls_before_main()
        return [(int(number), name) for number, name in lines if int(number) > first]


class Tap:
    """The plan is printed at the end."""

    def __init__(self):
        self.count = 0
        self.bad = 0

    def result(self, good, what, why=()):
        self.count += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}", flush=True)
        for line in why:
            print(f"# {line}")

    def each_operation(self, trial):
        """TRIAL(Trial) returns (what was done, complaints)."""
        for kind, skipped in operations():
            if skipped:
                self.skip(kind.name, skipped)
                continue
            one = Trial(kind)
            try:
                what, complaints = trial(one)
                self.result(not complaints, f"{kind.name}: {what}", complaints)
            finally:
                one.close()

    def skip(self, what, why):
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {why}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.bad else 0
