#!/usr/bin/env python3
"""The runner that stays: what wakes it, what does not, and how it ends. TAP."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOOL = os.environ["RUNNER_TOOL"]
MESSAGE = b"Subject: kept\n\na line\n"


class Room:
    def __init__(self):
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/var/tmp"
        self.path = tempfile.mkdtemp(prefix="sendoff-test-", dir=where)
        self.log = os.path.join(self.path, "sent")
        self.heart = os.path.join(self.path, "heartbeat")
        self.runner = None

    def tool(self, command, stdin=b"", **options):
        run = subprocess.run([TOOL, self.path, command, *(f"{k}={v}" for k, v in options.items())],
                             input=stdin, stdout=subprocess.PIPE, check=True, timeout=60)
        return run.stdout.decode()

    def queue(self, to, **options):
        return self.tool("queue", MESSAGE, to=to, **options).strip()

    def start(self, **options):
        self.runner = subprocess.Popen(
            [TOOL, self.path, "serve", f"log={self.log}", f"heartbeat={self.heart}",
             *(f"{k}={v}" for k, v in options.items())])
        wait_for(lambda: os.path.exists(self.heart))
        wait_for(lambda: "S" == self.status("State")[0])

    def sent(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as f:
            return f.read().splitlines()

    def entry(self, ident):
        for line in self.tool("list").splitlines():
            if line.split()[1] == ident:
                return line
        return ""

    def status(self, key):
        with open(f"/proc/{self.runner.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return line.split()[1:]
        return None

    def wakes(self):
        return int(self.status("voluntary_ctxt_switches")[0])

    def workers(self):
        with open(f"/proc/{self.runner.pid}/task/{self.runner.pid}/children", encoding="ascii") as f:
            return f.read().split()

    def end(self, number=signal.SIGTERM):
        self.runner.send_signal(number)
        return self.runner.wait(timeout=60)

    def close(self):
        if self.runner and self.runner.poll() is None:
            self.runner.kill()
            self.runner.wait()
        shutil.rmtree(self.path, ignore_errors=True)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def is_alive(pid):
    """A process that has ended, and that nobody has asked for, is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rests(room):
    """Waits until the runner has slept for half a second."""
    def sleeps():
        before = room.wakes()
        time.sleep(.5)
        return room.wakes() == before
    return wait_for(sleeps)


def wakes_up(room, ok):
    room.queue("ok1@example.net")
    room.start()
    ok(wait_for(lambda: len(room.sent()) == 1), "what is there is sent")
    room.queue("ok2@example.net")
    ok(wait_for(lambda: len(room.sent()) == 2), "what comes is sent")
    rests(room)
    before = room.wakes()
    time.sleep(1.5)
    ok(room.wakes() == before, "it does not wake without a reason")
    start = time.time()
    room.queue("ok3@example.net", when=int(start) + 2)
    ok(wait_for(lambda: len(room.sent()) == 3) and time.time() >= int(start) + 2,
       "what is due later is sent then")
    ident = room.queue("ok4@example.net", when=int(time.time()) + 1000)
    rests(room)
    path = os.path.join(room.path, "queue", ident)
    os.utime(path, (1, 1))
    rests(room)
    ok(len(room.sent()) == 3, "what waits waits")
    room.tool("kick")
    # its not-before is in the future still: that rules, whatever the file's time says
    ok(wait_for(lambda: os.stat(path).st_mtime > time.time()) and len(room.sent()) == 3,
       "a time before not-before is put right")
    ident = room.queue("temp5@example.net")
    ok(wait_for(lambda: "attempts=1" in room.entry(ident)), "refused for now")
    room.runner.send_signal(signal.SIGHUP)
    ok(wait_for(lambda: "attempts=2" in room.entry(ident)), "SIGHUP tries it again")
    os.utime(os.path.join(room.path, "queue", ident), (1, 1))
    room.tool("kick")
    ok(wait_for(lambda: "attempts=3" in room.entry(ident)), "a kick has it look again")
    ok(room.end() == 0 and not os.path.exists(room.heart), "it ends, and its heartbeat with it")


def ends_at_once(room, ok):
    room.start(pause=20000)
    ident = room.queue("ok1@example.net")
    wait_for(room.workers)
    start = time.monotonic()
    ok(room.end() == 0 and time.monotonic() - start < 5, "before the end of data it ends at once")
    ok(not room.sent() and "attempts=0" in room.entry(ident), "and the message is as it was")


def ends_behind_the_message(room, ok):
    # there before it starts, so that one worker has both
    first, second = room.queue("ok1@example.net"), room.queue("ok2@example.net")
    room.start(linger=1)
    wait_for(lambda: len(room.sent()) == 1)
    ok(room.end() == 0, "behind the end of data it waits for the answer")
    left = [ident for ident in (first, second) if room.entry(ident)]
    ok(len(room.sent()) == 1 and len(left) == 1 and room.sent()[0].split()[0] not in left,
       "which is taken down, and the next message is left")


def dies(room, ok):
    pair = room.queue("ok1@example.net"), room.queue("ok2@example.net")
    room.start(linger=1)
    wait_for(lambda: len(room.sent()) == 1)
    workers = room.workers()
    room.end(signal.SIGKILL)
    ok(wait_for(lambda: not any(map(is_alive, workers))) and workers
       and len(room.tool("list").splitlines()) == 1,
       "the worker of a runner that was killed ends its message")
    ok(len(room.sent()) == 1 and "attempts=0" in room.tool("list"), "and begins no other")
    room.start()
    ok(wait_for(lambda: len(room.sent()) == 2 and not any(map(room.entry, pair))),
       "the next one goes on")


CASES = (wakes_up, ends_at_once, ends_behind_the_message, dies)


def main():
    count, bad = 0, 0

    def ok(good, what):
        nonlocal count, bad
        count += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)
    for one in CASES:
        room = Room()
        try:
            one(room, ok)
        finally:
            room.close()
    print(f"1..{count}")
    return 1 if bad else 0


sys.exit(main())
