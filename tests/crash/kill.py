#!/usr/bin/env python3
"""Kills each operation of the spool before each of its system calls. TAP."""

import sys

sys.dont_write_bytecode = True

from operations import Tap, want  # noqa: E402


def kill_everywhere(trial):
    calls = trial.calls()
    want(calls, "there are no calls")
    broken = trial.run_all([(f"before {number} {name}", ("--at", str(number)), (137,), None)
                            for number, name in calls])
    return f"killed before each of {len(calls)} calls", broken


def main():
    tap = Tap()
    tap.each_operation(kill_everywhere)
    return tap.end()


sys.exit(main())
