#!/usr/bin/env python3
"""Runs a client and says what it took. As a program: client.py HOST PORT TIMES FILE COMMAND...
waits for the server, runs COMMAND that many times, and prints the shortest time in seconds."""

import os
import socket
import sys
import time
from collections import namedtuple

Result = namedtuple("Result", "wall cpu memory")  # seconds, seconds, KiB


def run(command, file, environment):
    """COMMAND with FILE as its standard input; nothing else counts but that it succeeds."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, str(file), os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    start = time.monotonic()
    pid = os.posix_spawn(command[0], [str(c) for c in command], environment, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if status:
        raise RuntimeError("%s: status %d" % (command[0], os.waitstatus_to_exitcode(status)))
    return Result(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def wait_for(host, port, seconds=20):
    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), 5).close()
            return
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)


def main():
    host, port, times, file, *command = sys.argv[1:]
    wait_for(host, int(port))
    print(min(run(command, file, os.environ).wall for _ in range(int(times))))


if __name__ == "__main__":
    main()
