#!/usr/bin/env python3
"""Fails one allocation after the other in a whole submission. Whatever fails: no signal ends the
program, status 0 means that the message was recorded exactly once, and 75 that it was not, since a
caller that tries again would double it."""

import os
import sys

sys.dont_write_bytecode = True

from common import HEADER, Smarthost, Tap  # noqa: E402

PRELOAD = os.environ.get("FAILING_MALLOC", "")
# Statuses that tell the truth: nothing, out of memory in a library that says so in its own words,
# and the one of a success that could not be reported any more (69).
TRUTHFUL = {0, 69, 70, 71, 73, 74, 75}
MESSAGE = HEADER + b"Hi.\n"


def sweep(tap, what, host, step, *more, **environment):
    report = host.dir / "failed"
    wrong, statuses, n, last = [], {}, 1, 0
    while n < 200000:
        report.unlink(missing_ok=True)
        status, complaint, contents = host.send(
            MESSAGE, *more, preload=PRELOAD, FAIL_ALLOCATION=str(n), FAIL_REPORT=str(report),
            **environment)
        statuses[status] = statuses.get(status, 0) + 1
        good = status in TRUTHFUL and len(contents) <= 1
        good = good and (status != 0 or len(contents) == 1)
        good = good and (status != 75 or not contents)
        if not good:
            wrong.append("allocation %d: status %d, %d recorded: %s" % (
                n, status, len(contents), complaint[-200:]))
        if not report.exists():
            break
        last = n
        n += step
    tap.ok(not wrong and last > 0, "%s: %d allocations" % (what, last), *wrong[:30])
    print("# statuses: %s" % ", ".join("%d: %d times" % s for s in sorted(statuses.items())))


def main():
    tap = Tap()
    quick = "--thorough" not in sys.argv
    with Smarthost("--mechanisms", "PLAIN") as host:
        sweep(tap, "plain", host, 1)
        sweep(tap, "plain, every allocation from then on", host, 7 if quick else 1,
              FAIL_FOREVER="1")
    with Smarthost("--mechanisms", "SCRAM-SHA-256", tls="implicit") as host:
        sweep(tap, "TLS and SCRAM", host, 41 if quick else 1)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
