#!/usr/bin/python3
"""Imports what stands in cases/*: the first file by the program's own name for it, beside which stand
`expected` (standard output) and `remarks` (standard error). The result must be accepted as a configuration; a
file of msmtp that can be used as it is must give the same accounts. With --write the expectations are written
anew, to be read before they are committed."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SENDOFF = os.environ["SENDOFF"]
NAMES = ["msmtprc", "ssmtp.conf", "remotes", "dma.conf", "esmtprc", "mailrc"]
SECRET = b"hunter2"  # is in each password in clear
count = 0


def ok(good, what, detail=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", count, what))
    if not good:
        for line in str(detail).splitlines():
            print("# " + line)
    return good


def run(folder, *args):
    environment = {"PATH": os.environ["PATH"], "HOME": "/home/ann", "USER": "ann", "LC_ALL": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return subprocess.run([SENDOFF, *args], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def accounts(folder, file):
    """The accounts of a configuration, without the places of their settings."""
    done = run(folder, "accounts", "--json", "--config", str(folder / file))
    if done.returncode:
        return done.stderr.decode(errors="replace")
    settings = {}
    for account in json.loads(done.stdout):
        if account["wrong"]:
            return account["wrong"]
        values = {key: row["value"] for key, row in account["settings"].items() if key != "inherit"}
        settings[account["name"]] = values
    return settings


def compare(case, name, got):
    file = case / name
    if "--write" in sys.argv:
        file.write_bytes(got)
    want = file.read_bytes()
    ok(got == want, "%s: %s" % (case.name, name), got.decode(errors="replace"))


def check(case):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for file in case.iterdir():
            shutil.copy(file, folder)
            (folder / file.name).chmod(0o600)
        source = next(name for name in NAMES if (case / name).exists())
        done = run(folder, "import", source)
        compare(case, "expected", done.stdout)
        compare(case, "remarks", done.stderr)
        left = any(b": note: " not in line for line in done.stderr.splitlines())
        ok(done.returncode == (65 if left else 0), "%s: status %d" % (case.name, done.returncode))
        # a password is never printed
        ok(SECRET not in done.stdout + done.stderr, "%s: no password" % case.name)
        (folder / "result").write_bytes(done.stdout)
        (folder / "result").chmod(0o600)
        result = accounts(folder, "result")
        ok(isinstance(result, dict), "%s: the result is accepted" % case.name, result)
        if source == "msmtprc":
            direct = accounts(folder, source)
            ok(result == direct or isinstance(direct, str) and left,
               "%s: the same without a translation" % case.name, "%s\n%s" % (result, direct))


for case in sorted((HERE / "cases").iterdir()):
    check(case)
print("1..%d" % count)
