#!/usr/bin/env python3
"""Kills a run over the queue before each of its system calls, and lets each fail that can: whatever
happens, after further runs each message has been sent, and each refusal told, exactly once; twice
only what was in flight between the end of its data and the record of it. TAP."""

import collections
import os
import sys

sys.dont_write_bytecode = True

import operations  # noqa: E402
from errors import ways  # noqa: E402
from operations import Broken, Room, Tap, want  # noqa: E402

operations.TOOL = os.environ["RUNNER_TOOL"]
T0 = 1795514400
MESSAGE = b"Subject: kept\nMessage-ID: <a@example.org>\n\na line\n"
# The messages of a run, by what becomes of them.
FINE, REFUSED, MIXED = "0000000000000001", "0000000000000002", "0000000000000003"
QUEUE = ((FINE, "ok1@example.net"), (REFUSED, "perm1@example.net"),
         (MIXED, "ok2@example.net, perm2@example.net, temp1@example.net"))


class Run:
    """What it starts from, and what must come of it."""

    def __init__(self):
        self.start = Room(where=WHERE)
        for ident, to in QUEUE:
            self.start.run("queue", f"id={ident}", f"to={to}", f"when={T0}", stdin=MESSAGE)

    def calls_of(self, *command):
        room = Room(copy_of=self.start, where=WHERE)
        path = os.path.join(room.path, "calls")
        try:
            room.run(*command, before=(operations.KILLAT, "--list", path, "--"))
            with open(path, encoding="ascii") as f:
                return [line.split() for line in f]
        finally:
            room.remove()

    def calls(self):
        """[(number, name)] of those behind the opening of the spool."""
        calls = self.calls_of("run", f"when={T0}", "log=/dev/null")
        skip = len(self.calls_of("make")) - 3
        return [(int(number), name) for number, name in calls if int(number) > skip]

    def trial(self, killat, ok, strict):
        room = Room(copy_of=self.start, where=WHERE)
        log = os.path.join(room.path, "sent")
        try:
            run = room.run("run", f"when={T0}", f"log={log}", ok=ok,
                           before=(operations.KILLAT, *killat, "--"))
            in_flight = last_of(log)
            for later in (1, 400, 401) if strict else (400, 5000, 90000):
                room.run("run", f"when={T0 + later}", f"log={log}")
            check(room, lines_of(log), in_flight, strict)
            return run
        finally:
            room.remove()


def lines_of(log):
    if not os.path.exists(log):
        return []
    with open(log, encoding="utf-8") as f:
        return f.read().splitlines()


def last_of(log):
    """The id of the message that was taken last: the one that may have been in flight."""
    lines = lines_of(log)
    return lines[-1].split()[0] if lines else None


def check(room, lines, in_flight, strict):
    count = collections.Counter(lines)
    for line, times in count.items():
        want(times == 1 or (times == 2 and (line.split()[0] == in_flight or not strict)),
             f"'{line}' was sent {times} times, and {in_flight} was in flight")
    notices = {line.split()[0] for line in lines if line.endswith(" ")}
    listing = room.run("list").stdout.decode().split("\n")
    queued = {line.split()[1] for line in listing if line.startswith("queue ")}
    failed = {line.split()[1] for line in listing if line.startswith("failed ")}
    for folder in ("damaged", "tmp"):
        want(not room.names(folder), f"{folder}/ holds {room.names(folder)}")
    for ident, to in ((FINE, "ok1"), (MIXED, "ok2")):
        want(f"{ident} {to}@example.net alice@example.org" in count or
             (ident in queued and not strict), f"{ident} is lost")
    if strict:
        want(len(notices) == 2, f"the notifications are {sorted(notices)}")
        want(queued == {MIXED} and failed == {REFUSED}, f"the listing is {listing}")
    else:
        # an error may have it wait for a person, and never makes more than one
        want(len(notices) <= 2, f"the notifications are {sorted(notices)}")
        want(MIXED in queued and REFUSED in queued | failed, f"the listing is {listing}")


WHERE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/var/tmp"


def try_all(run, trials, strict):
    """TRIALS: (what, options of killat, statuses)."""
    def one(trial):
        try:
            run.trial(trial[1], trial[2], strict)
        except Broken as why:
            return f"{trial[0]}: {why}"
        return None
    with operations.concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [complaint for complaint in pool.map(one, trials) if complaint]


def main():
    tap, run = Tap(), Run()
    try:
        calls = run.calls()
        broken = try_all(run, [(f"before {number} {name}", ("--at", str(number)), (137,))
                               for number, name in calls], True)
        tap.result(not broken and len(calls) > 100, f"killed before each of {len(calls)} calls", broken)
        trials = [(f"{number} {name} {' '.join(way)}", ("--at", str(number), *way), (0, 74, 75, 78))
                  for number, name in calls for way in list(ways(name))[:1]]
        broken = try_all(run, trials, False)
        tap.result(not broken and trials, f"{len(trials)} calls that fail", broken)
    finally:
        run.start.remove()
    return tap.end()


sys.exit(main())
