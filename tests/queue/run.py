#!/usr/bin/env python3
"""Drives submissions, the runner and the commands of the queue as a user does; prints TAP.

	SENDOFF=build/src/app/sendoff SMARTHOST=build/tests/smarthost/smarthost tests/queue/run.py
	tests/queue/run.py 'auto' 'sig*'        only some cases, by the name of the function
"""

import sys

sys.dont_write_bytecode = True

import cases  # noqa: E402
import commands  # noqa: E402, F401
import modes  # noqa: E402, F401
import shell  # noqa: E402, F401
import told  # noqa: E402, F401
import wishes  # noqa: E402, F401

cases.run()
