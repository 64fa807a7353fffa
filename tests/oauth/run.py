#!/usr/bin/env python3
"""Runs the cases: real flows of the program against an authorization server (server.py)."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "queue")]

import cases  # noqa: E402
import flows  # noqa: E402,F401
import renewal  # noqa: E402,F401
import sending  # noqa: E402,F401

cases.run()
