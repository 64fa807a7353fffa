#!/usr/bin/env python3
"""Fails one allocation after the other in a whole submission. Whatever fails, the status tells
the truth: 0 means that the message was recorded exactly once, and 75 that it was not, since a caller
that tries again would double it."""

import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from submission import HEADER, Smarthost, Tap  # noqa: E402

PRELOAD = os.environ.get("FAILING_MALLOC", "")
MESSAGE = HEADER + b"Hi.\n"


def truthful(status, recorded, asked, complaint):
    """ASKED is the program or library whose allocation failed."""
    if recorded:
        # 69: accepted, but there was no memory to say so; 75: the answer could not be read
        doubt = status == 75 and "may have been delivered" in complaint
        return recorded == 1 and (status in (0, 69) or doubt)
    if asked.startswith("sendoff"):
        return status == 75
    # some libraries do not check each of their allocations and crash: 70, never by a signal
    return status in (65, 69, 70, 71, 73, 74, 75, 76)


def sweep(tap, what, host, step, *more, **environment):
    report = host.dir / "failed"
    wrong, seen, n, last = [], {}, 1, 0
    while n < 200000:
        report.unlink(missing_ok=True)
        status, complaint, contents = host.send(
            MESSAGE, *more, preload=PRELOAD, FAIL_ALLOCATION=str(n), FAIL_REPORT=str(report),
            **environment)
        if not report.exists():
            break
        asked = pathlib.Path(report.read_text()).name
        key = "%s %d" % (asked, status)
        seen[key] = seen.get(key, 0) + 1
        if not truthful(status, len(contents), asked, complaint):
            wrong.append("allocation %d in %s: status %d, %d recorded: %s" % (
                n, asked, status, len(contents), complaint[-200:]))
        last = n
        n += step
    tap.ok(not wrong and last > 0, "%s: %d allocations" % (what, last), *wrong[:30])
    for key, count in sorted(seen.items()):
        print("# %s: %d times" % (key, count))


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
