#!/usr/bin/env python3
"""killat itself: a tree that forks all the time is killed whole at whichever call, and killat ends.
(A child whose first stop had not been seen when the call came was waited for without end.)"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import Tap  # noqa: E402

KILLAT = os.environ.get("KILLAT")
FORKS = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (:) & (:) & done; wait; exit 42"]


def end(*options):
    """The status of killat, None if it does not end."""
    try:
        return subprocess.run([KILLAT, *options, "--", *FORKS], stdin=subprocess.DEVNULL,
                              timeout=60, check=False).returncode
    except subprocess.TimeoutExpired:
        return None


def main():
    tap = Tap(KILLAT=KILLAT)
    tap.ok(end() == 42, "unharmed, the command's own status is told")
    statuses = {number: end("--at", str(number)) for number in range(2, 400, 2)}
    tap.ok(set(statuses.values()) <= {137, 42}, "killed, it is 137",
           {number: status for number, status in statuses.items() if status not in (137, 42)})
    tap.ok(list(statuses.values()).count(137) > 100, "and most calls were reached", statuses)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
