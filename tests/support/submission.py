"""What tests in Python share: a smarthost that records, and runs of sendoff against it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SENDOFF = os.environ.get("SENDOFF", "")
SMARTHOST = os.environ.get("SMARTHOST", "")


class Smarthost:
    """A running smarthost with its record; use it in a with statement."""

    def __init__(self, *options, tls="none"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fault."))
        self.record = self.dir / "record"
        self.record.mkdir()
        self.tls = tls
        self.process = subprocess.Popen(
            [SMARTHOST, "--until-eof", "--record", str(self.record), "--ca-dir",
             str(self.dir / "ca"), "--tls", tls, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def arguments(self, *more):
        words = [SENDOFF, "--host", "127.0.0.1", "--port", str(self.port), "--tls", self.tls,
                 "--timeout", "20", "--user", "alice", "--password-file",
                 str(self.dir / "ca/password"), *more, "-i", "-f", "ann@example.org",
                 "bob@example.net"]
        if self.tls == "none":
            words.insert(1, "--allow-cleartext-auth")
        else:
            words[1:1] = ["--tls-trust", str(self.dir / "ca/ca.pem")]
        return words

    def send(self, message, *more, preload=None, **environment):
        """Runs sendoff; returns its status (negative: a signal), its complaint and the recorded
        contents of all messages that came."""
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.dir), "TMPDIR": str(self.dir),
               "LC_ALL": "C", "TZ": "UTC"}
        env.update(environment)
        argv = self.arguments(*more)
        if preload:
            # set behind env(1), so that it is for sendoff alone
            argv = ["env", "LD_PRELOAD=" + preload] + argv
        try:
            done = subprocess.run(argv, input=message, capture_output=True, env=env, timeout=60,
                                  check=False)
            status, complaint = done.returncode, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            status, complaint = -99, "no end after 60 seconds"
        return status, complaint.strip(), self.take()

    def take(self):
        contents = []
        for path in sorted(self.record.glob("*.json")):
            eml = path.with_suffix(".eml")
            contents.append(eml.read_bytes())
            eml.unlink()
            path.unlink()
        return contents


class Tap:
    """Counts and prints."""

    def __init__(self, **programs):
        self.count, self.failed = 0, 0
        programs = programs or {"SENDOFF": SENDOFF, "SMARTHOST": SMARTHOST}
        if not all(programs.values()):
            print("Bail out! set %s to the programs" % " and ".join(programs))
            sys.exit(1)

    def ok(self, good, what, *notes):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, what))
        if not good:
            for note in notes:
                print("# %s" % str(note).replace("\n", "\n# "))
        sys.stdout.flush()

    def done(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0


HEADER = (b"From: ann@example.org\nTo: bob@example.net\nSubject: fault\n"
          b"Date: Tue, 24 Nov 2026 11:05:09 +0000\nMessage-ID: <fault@example.org>\n\n")
