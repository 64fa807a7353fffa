#!/usr/bin/env python3
"""The power is cut after each step of each operation: from a record of what it did to files, every
state that a disk may be in then is made, and the spool is asked what it holds.

Only fsync, fdatasync and syncfs order anything. A name that was made or taken away and not flushed
(fsync of its directory) may be there or not, each by itself; octets that were not flushed may be there,
missing, zero, or a part of them. TAP."""

import copy
import hashlib
import itertools
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True

from operations import KILLAT, Broken, Room, Tap, want  # noqa: E402

STATES_MAX = 4000  # of one operation; more means that the model has grown out of hand


class Disk:
    """Directories {inode: {name: inode}} and files {inode: octets}."""

    def __init__(self, room=None):
        self.names, self.files, self.folders = {}, {}, {}
        if not room:
            return
        for where, _, names in os.walk(room.path):
            inode = os.stat(where).st_ino
            self.folders[inode] = os.path.relpath(where, room.path)
            self.names[inode] = {}
            for name in names:
                path = os.path.join(where, name)
                self.names[inode][name] = os.stat(path).st_ino
                with open(path, "rb") as f:
                    self.files[os.stat(path).st_ino] = f.read()

    def copy(self):
        disk = Disk()
        disk.names = {inode: dict(names) for inode, names in self.names.items()}
        disk.files, disk.folders = dict(self.files), self.folders
        return disk

    def write(self, inode, at, data):
        old = self.files.get(inode, b"")
        self.files[inode] = old[:at].ljust(at, b"\0") + data + old[at + len(data):]

    def apply(self, step):
        if step["op"] == "data":
            self.write(step["inode"], step["at"], step["data"])
        elif step["op"] == "truncate":
            old = self.files.get(step["inode"], b"")
            self.files[step["inode"]] = old[:step["size"]].ljust(step["size"], b"\0")
        elif step["op"] == "link" and step["directory"] in self.names:
            self.names[step["directory"]][step["name"]] = step["inode"]
        elif step["op"] == "unlink" and step["directory"] in self.names:
            self.names[step["directory"]].pop(step["name"], None)

    def reachable(self):
        """What can be seen of it, to tell states apart."""
        return sorted((self.folders[inode], name, file, self.files.get(file, b""))
                      for inode, names in self.names.items() for name, file in names.items())

    def digest(self):
        return hashlib.sha256(repr(self.reachable()).encode()).digest()

    def make(self, room):
        """Fills the directories of a room that has the folders and no files."""
        made = {}
        for folder, name, file, data in self.reachable():
            path = os.path.join(room.path, folder, name)
            if file in made:
                os.link(made[file], path)
                continue
            made[file] = path
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, 0o640 if folder == "drop" else 0o600)


def read_record(path):
    """The steps; a rename is a name that is made and one that is taken away."""
    steps = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            step = json.loads(line)
            if "hex" in step:
                step["data"] = bytes.fromhex(step.pop("hex"))
            if step["op"] == "rename":
                steps.append({**step, "op": "link", "directory": step["to"],
                              "name": step["to_name"], "pair": True})
                step["op"] = "unlink"
            steps.append(step)
    return steps


def is_flushed(step, later):
    """True iff one of the LATER steps makes it last."""
    key = step["inode"] if step["op"] in ("data", "truncate") else step.get("directory")
    return any(other["op"] == "flush-all" or (other["op"] == "flush" and other["inode"] == key)
               for other in later)


def data_variants(steps):
    """What may have come of the writes to one file: lists of steps."""
    yield steps
    for keep in range(1 << len(steps)) if len(steps) <= 4 else (0,):
        yield [step for i, step in enumerate(steps) if keep >> i & 1]
    writes = [step for step in steps if step["op"] == "data"]
    if not writes:
        return
    yield [{**step, "data": bytes(len(step["data"]))} for step in writes]
    for i, step in enumerate(writes):
        part = {**step, "data": step["data"][:len(step["data"]) // 2]}
        yield writes[:i] + [part]
        yield writes[:i] + [part] + writes[i + 1:]
        yield writes[:i] + [{**step, "data": bytes(len(step["data"]))}] + writes[i + 1:]


def states_after(start, steps):
    """Every disk that may be left when the power is cut behind STEPS."""
    durable, names, data = start.copy(), [], {}
    for i, step in enumerate(steps):
        if is_flushed(step, steps[i + 1:]):
            durable.apply(step)
        elif step["op"] in ("link", "unlink"):
            names.append(step)
        elif step["op"] in ("data", "truncate"):
            data.setdefault(step["inode"], []).append(step)
    for kept in itertools.product((False, True), repeat=len(names)):
        for variant in itertools.product(*(list(data_variants(s)) for s in data.values())):
            disk = durable.copy()
            for writes in variant:
                for step in writes:
                    disk.apply(step)
            for step, keep in zip(names, kept):
                if keep:
                    disk.apply(step)
            yield disk


def record(trial):
    """Runs the operation; returns the disk it starts from and its steps."""
    room = Room(copy_of=trial.start)
    try:
        start = Disk(room)
        with tempfile.NamedTemporaryFile("r") as f:
            run = room.run(*trial.operation.command(room), stdin=trial.operation.stdin,
                           options=trial.operation.options,
                           before=(KILLAT, "--record", f.name, "--"))
            want(run.returncode == 0, "the operation failed")
            return start, read_record(f.name)
    finally:
        room.remove()


def empty_copy(trial):
    room = Room(copy_of=trial.start)
    for where, _, names in os.walk(room.path):
        for name in names:
            os.unlink(os.path.join(where, name))
    return room


def cut_everywhere(trial):
    start, steps = record(trial)
    broken, seen = [], set()
    for end in range(len(steps) + 1):
        done = steps[:end]
        said = b"".join(step["data"] for step in done if step["op"] == "say")
        for disk in states_after(start, done):
            key = (said, disk.digest())
            if key in seen:
                continue
            seen.add(key)
            room = empty_copy(trial)
            try:
                disk.make(room)
                copy.copy(trial.operation).check(room, said, True)
            except Broken as why:
                broken.append(f"cut behind step {end} of {len(steps)}: {why}")
            finally:
                room.remove()
    want(len(seen) < STATES_MAX, f"{len(seen)} states")
    return f"{len(seen)} states after a cut behind each of {len(steps)} steps", broken


def main():
    tap = Tap()
    tap.each_operation(cut_everywhere)
    return tap.end()


sys.exit(main())
