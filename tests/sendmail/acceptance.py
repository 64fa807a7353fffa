#!/usr/bin/env python3
"""The acceptance cases of the sendmail interface, and prints TAP: acceptance.py [NUMBER...].

SENDOFF and SMARTHOST are the programs; it wants root, for a machine of its own (see
tests/support/machine.py): user alice ("Alice Example"), host box.example.net, root's alias
admin@example.net, a smarthost that takes everything but what is addressed to its steering names."""

import os
import sys
import traceback

sys.dont_write_bytecode = True

import content  # noqa: E402, F401
import modes  # noqa: E402, F401
import more  # noqa: E402, F401
import recipients  # noqa: E402, F401
from room import CASES, Room  # noqa: E402

import machine  # noqa: E402


def main():
    machine.enter(*sys.argv[1:])
    chosen = sorted(int(word) for word in sys.argv[1:]) or sorted(CASES)
    assert sorted(CASES) == list(range(1, len(CASES) + 1))
    room = Room()
    tap = machine.Tap(len(chosen))
    for number in chosen:
        title, function = CASES[number]
        problem = None
        try:
            function(room)
        except machine.Wrong as e:
            problem = e
        except Exception:
            problem = traceback.format_exc()
        tap.result("%d: %s" % (number, title), problem)
    return bool(tap.failed)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
