#!/usr/bin/env python3
"""Lets each system call of each operation that can fail for want of space or by a broken disk fail,
and write a part only. TAP."""

import sys

sys.dont_write_bytecode = True

from operations import Tap, want  # noqa: E402

WRITES = {"pwrite64", "pwritev", "writev"}
MORE = {"pwrite64", "pwritev", "openat", "linkat", "renameat2"}
FAIL = WRITES | MORE | {"fsync", "fdatasync", "syncfs", "unlinkat", "mkdirat", "ftruncate",
                        "utimensat", "fchmod", "fchown", "flock"}
# What a caller may be told: try again, an I/O error, or that the spool cannot be used.
STATUSES = (0, 74, 75, 78)


def ways(name):
    if name in FAIL:
        yield from (("--error", "ENOSPC"), ("--error", "EIO"))
    if name in MORE:
        yield from (("--error", "EDQUOT"), ("--error", "EROFS"))
    if name in WRITES:
        yield ("--short",)


def nothing_left(room, run):
    if run.returncode:
        want(not run.stdout, "accepted, and then refused")
        want(not room.listing() and not room.names("tmp"), "refused, and something is left")


def fail_everywhere(trial):
    keeps = trial.operation.command(trial.start)[0] in ("commit", "drop")
    runs = [(f"{number} {name} {' '.join(way)}", ("--at", str(number), *way),
             (0,) if way == ("--short",) else STATUSES, nothing_left if keeps else None)
            for number, name in trial.calls() for way in ways(name)]
    want(runs, "nothing failed")
    return f"{len(runs)} calls that fail", trial.run_all(runs)


def main():
    tap = Tap()
    tap.each_operation(fail_everywhere)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
