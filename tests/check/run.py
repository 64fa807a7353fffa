#!/usr/bin/env python3
"""Drives the doctor by flags and on a terminal, against servers that are well or ill; prints TAP.

	SENDOFF=build/src/app/sendoff SMARTHOST=build/tests/smarthost/smarthost \\
	SPOOL_TOOL=build/tests/support/spool-tool tests/check/run.py ['cert*' ...]
"""

import sys

sys.dont_write_bytecode = True

import cases  # noqa: E402
import setups  # noqa: E402,F401

sys.exit(cases.run())
