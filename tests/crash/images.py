#!/usr/bin/env python3
"""The power is cut for real, as far as a file system can tell: it lives in an image, which is copied
as it is the moment an operation was killed, and the copy is mounted. What the kernel had not written
by then is gone. Needs root and loop devices. TAP."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from operations import KILLAT, Broken, Room, Tap, Trial, operations, want  # noqa: E402

STEPS = {"pwrite64", "pwritev", "write", "fsync", "fdatasync", "syncfs", "linkat", "unlinkat",
         "renameat2", "exit_group"}
SYSTEMS = {
    "ext4": (32, ["mkfs.ext4", "-q", "-F"], "loop"),
    "xfs": (320, ["mkfs.xfs", "-q", "-f"], "loop,nouuid"),
    "btrfs": (128, ["mkfs.btrfs", "-q", "-f"], "loop"),
}


def quietly(*command):
    """True iff it did what it should."""
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


class Image:
    """A file system in a file, mounted."""

    def __init__(self, work, system, path=None):
        size, make, self.options = SYSTEMS[system]
        self.system, self.work = system, work
        self.path = path or os.path.join(work, system + ".image")
        self.mounted = tempfile.mkdtemp(dir=work)
        if not path:
            with open(self.path, "wb") as f:
                f.truncate(size << 20)
            want(quietly(*make, self.path), f"{make[0]} is missing or fails")
        want(quietly("mount", "-t", system, "-o", self.options, self.path, self.mounted),
             f"{system} cannot be mounted from a file here")

    def cut(self):
        """The same file system as it would be after a power cut now."""
        path = os.path.join(self.work, "copy.image")
        want(quietly("cp", "--sparse=always", self.path, path), "the image cannot be copied")
        return Image(self.work, self.system, path)

    def close(self):
        quietly("umount", self.mounted)
        os.rmdir(self.mounted)


def cut_at(image, trial, number):
    """Kills the operation before call NUMBER (0: lets it end), and cuts the power."""
    room = Room(copy_of=trial.start, where=image.mounted)
    try:
        quietly("sync", "-f", room.path)
        killat = ("--at", str(number)) if number else ()
        run = room.run(*trial.operation.command(room), stdin=trial.operation.stdin,
                       options=trial.operation.options, before=(KILLAT, *killat, "--"),
                       ok=(137,) if number else (0,))
        copy = image.cut()
        try:
            path = os.path.join(copy.mounted, os.path.basename(room.path))
            trial.operation.check(Room(path=path), run.stdout, True)
        finally:
            copy.close()
    finally:
        room.remove()


def cut_everywhere(tap, image, kind):
    trial, broken = Trial(kind, image.mounted), []
    try:
        points = [(number, name) for number, name in trial.calls() if name in STEPS] + [(0, "end")]
        for number, name in points:
            try:
                cut_at(image, trial, number)
            except Broken as why:
                broken.append(f"{number} {name}: {why}")
    finally:
        trial.close()
    tap.result(not broken, f"{image.system}: {kind.name}: cut at {len(points)} points", broken)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can mount")
        return 0
    if "CRASH_PRIVATE" not in os.environ:
        os.environ["CRASH_PRIVATE"] = "yes"
        # mounts of its own, which end with it
        if quietly("unshare", "--mount", "true"):
            os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    tap = Tap()
    work = tempfile.mkdtemp(prefix="sendoff-images-", dir="/var/tmp")
    try:
        for system in SYSTEMS:
            try:
                image = Image(work, system)
            except Broken as why:
                tap.skip(system, str(why))
                continue
            for kind, skipped in operations():
                if skipped:
                    tap.skip(f"{system}: {kind.name}", skipped)
                else:
                    cut_everywhere(tap, image, kind)
            image.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return tap.end()


sys.exit(main())
