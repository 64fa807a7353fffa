#!/usr/bin/env python3
"""Runs the callers and prints TAP. See README."""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import machine  # noqa: E402
import packages  # noqa: E402
import table  # noqa: E402
from callers import CALLERS, REFUSED, SCRIPTS, At, Cron  # noqa: E402
from machine import BASE, Machine, Smarthost, Tap, Wrong, expect  # noqa: E402

CALLS = BASE / "calls"
PATIENCE = 75  # seconds until mail must be there: cron's minute, and more


class Outcome:
    """What a program did."""

    def __init__(self, status, output):
        self.status, self.output = status, output


class Suite:
    """The machine with its daemons, and what arrives."""

    def __init__(self, root):
        self.machine = Machine(os.environ["RECORDER"], [root])
        self.smarthost = Smarthost()
        self.machine.configure(*self.smarthost.settings())
        CALLS.mkdir()
        CALLS.chmod(0o1777)
        shutil.copytree(HERE / "scripts", SCRIPTS)
        self.links()
        self.arrived = []

    def links(self):
        """What the packages' scripts would do."""
        for name, target in (("mail", "bsd-mailx"), ("mailx", "bsd-mailx")):
            link = pathlib.Path("/usr/bin") / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        sudoers = pathlib.Path("/etc/sudoers")
        sudoers.unlink(missing_ok=True)
        sudoers.write_text("Defaults mail_always, !use_pty\nalice ALL=(root) NOPASSWD: ALL\n")
        sudoers.chmod(0o440)
        for directory in ("cache/logwatch", "log", "mail", "spool/cron/crontabs"):
            (pathlib.Path("/var") / directory).mkdir(parents=True, exist_ok=True)

    def run(self, caller):
        """Runs the program of CALLER, as a rule to its end."""
        if not isinstance(caller.argv, list):
            return Outcome(0, "")
        home = self.machine.home / caller.user / caller.key()
        home.mkdir()
        if caller.before:
            caller.before(self.machine, home)
        if caller.user == "alice":
            for path in (home, *home.rglob("*")):
                os.chown(path, machine.ALICE, machine.ALICE)
        environment = {**self.machine.environment(caller.user), "CALLER": caller.name,
                       "HOME": str(home), "NODE_PATH": "/usr/share/nodejs", **caller.env}
        process = self.machine.start(caller.argv, caller.user, env=environment, cwd=home,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        try:
            output, _ = process.communicate(caller.stdin, 60)
        except subprocess.TimeoutExpired:
            process.kill()
            return Outcome(None, process.communicate()[0].decode(errors="replace"))
        return Outcome(process.returncode, output.decode(errors="replace"))

    def messages(self, caller):
        self.arrived += self.smarthost.messages()
        word = re.compile(rb"(?<!\w)" + re.escape(caller.token) + rb"(?!\w)")
        return [m for m in self.arrived if word.search(m.content)]

    def calls(self, caller):
        """The argument lists that CALLER has used."""
        lists = []
        for path in sorted(CALLS.glob("*")):
            if path.suffix == ".part":
                continue
            who, argv = path.read_bytes().split(b"\0\0", 1)
            names = who.decode().split("\0")
            words = [word.decode(errors="replace") for word in argv.split(b"\0")[:-1]]
            if names[0] == "=" + caller.name or (
                    names[0] == "=" and caller.process in names and
                    caller.refused == (REFUSED in words)):
                lists.append(words)
        return lists

    def failures(self):
        """What syslog says of programs that saw sendmail fail."""
        return [r for r in self.machine.syslog.records if "but got status" in r]

    def judge(self, caller, outcome, limit):
        """Compares; returns the messages."""
        expect(outcome.status == caller.status, "the program ended with %s:\n%s", outcome.status,
               outcome.output)
        expect(re.search(caller.says, outcome.output, re.M) if caller.says
               else not outcome.output or caller.says == "", "the program said:\n%s",
               outcome.output)
        if not caller.late:
            expect(self.calls(caller), "no call was written down")
        if caller.refused:
            if caller.late:
                while not self.failures() and time.monotonic() < limit:
                    time.sleep(0.1)
                expect(any("0x0043" in r for r in self.failures()), "syslog has %s",
                       self.machine.syslog.records)
            expect(not self.messages(caller), "it arrived")
            return []
        while len(self.messages(caller)) < caller.messages and time.monotonic() < limit:
            time.sleep(0.05)
        found = self.messages(caller)
        expect(len(found) == caller.messages, "%d messages arrived; output:\n%s", len(found),
               outcome.output)
        for message in found:
            caller.look(message)
        recipients = sorted(address for m in found for address in m.recipients)
        expect(set(recipients) == set(caller.to), "to %s, not %s", recipients, caller.to)
        expect(len(recipients) == len(caller.to) or caller.messages > 1, "twice: %s", recipients)
        connections = len({m.envelope["connection"] for m in found})
        expect(connections == caller.connections, "%d connections", connections)
        expect(self.calls(caller), "no call was written down")
        return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", metavar="FILE")
    parser.add_argument("--shell", action="store_true")
    parser.add_argument("--root")
    parser.add_argument("patterns", nargs="*")
    inside = machine.INSIDE in sys.argv
    options = parser.parse_args([word for word in sys.argv[1:] if word != machine.INSIDE])
    if not inside and os.getuid() == 0:
        try:
            root = packages.Packages().fetch()
        except (packages.Unavailable, OSError, subprocess.CalledProcessError) as e:
            machine.unable("unable to fetch the programs: %s" % str(e).replace("\n", " "))
        sys.argv += ["--root", str(root)]
    machine.enter(*sys.argv[1:])
    return run(options)


def run(options):
    versions = packages.versions(pathlib.Path(options.root))
    suite = Suite(options.root)
    if options.shell:
        return subprocess.call([os.environ.get("SHELL", "sh")], cwd=BASE)
    chosen = [c for c in CALLERS if not options.patterns or
              any(fnmatch.fnmatch(c.name, p) for p in options.patterns)]
    if any(c.name.startswith("cron") for c in chosen):
        Cron().start(suite.machine)
    At().start(suite.machine)
    limit = time.monotonic() + PATIENCE
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = dict(zip(chosen, pool.map(suite.run, chosen)))
    tap = Tap(len(chosen) + (not options.patterns))
    rows = []
    for caller in sorted(chosen, key=lambda c: c.late):
        wait = limit if caller.late else time.monotonic() + 2
        problem, found = None, []
        try:
            found = suite.judge(caller, outcomes[caller], wait)
        except Wrong as e:
            problem = e
        rows.append(table.Row(caller, versions.get(caller.package, "?"), suite.calls(caller),
                              found, problem))
        tap.result(caller.name, problem)
    rows.sort(key=lambda row: CALLERS.index(row.caller))
    if not options.patterns:
        tap.result("the table of callers", table.differences(HERE.parent.parent / "doc/callers",
                                                             rows))
    if options.table:
        pathlib.Path(options.table).write_text(table.write(rows))
    return bool(tap.failed)


if __name__ == "__main__":
    sys.exit(main())
