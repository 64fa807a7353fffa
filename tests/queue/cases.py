"""The list of cases, and how they are run."""

import argparse
import fnmatch
import subprocess
import sys
import traceback

from place import SENDOFF, SKIPPED, SMARTHOST, Wrong

CASES = []


def case(title):
    def add(function):
        CASES.append((function.__module__, title, function))
        return function
    return add


def run():
    parser = argparse.ArgumentParser()
    parser.add_argument("patterns", nargs="*", help="names of functions")
    parser.add_argument("--only", help="cases of this file")
    options = parser.parse_args()
    patterns = options.patterns
    chosen = [(title, function) for module, title, function in CASES
              if options.only in (None, module)
              if not patterns or any(fnmatch.fnmatch(function.__name__, p) for p in patterns)]
    if not SENDOFF or not SMARTHOST:
        print("Bail out! SENDOFF and SMARTHOST must name programs")
        sys.exit(1)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, (title, function) in enumerate(chosen, 1):
        problem = None
        SKIPPED.clear()
        try:
            function()
        except Wrong as e:
            problem = str(e)
        except (OSError, ValueError, AttributeError, KeyError, IndexError, TypeError,
                subprocess.SubprocessError):
            problem = traceback.format_exc()
        failed += problem is not None
        skipped = " # SKIP " + SKIPPED[0] if SKIPPED and not problem else ""
        print("%sok %d - %s: %s%s" % ("not " if problem else "", number, function.__name__, title,
                                      skipped))
        for line in (problem or "").splitlines():
            print("# " + line)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
