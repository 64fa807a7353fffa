#!/usr/bin/env python3
"""Runs the dialogue cases of this folder against SENDOFF and prints TAP. See README."""

import argparse
import base64
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import matrix  # noqa: E402
from case import Case, CaseError, octets, pattern  # noqa: E402
from server import Server  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = b"wonderland"
SECRETS = (PASSWORD, base64.b64encode(PASSWORD), base64.b64encode(b"\0alice\0" + PASSWORD))


def show(data):
    return data.decode("utf-8", "backslashreplace").replace("\r", "\\r")


def lookup(value, path):
    """"recipients.0.status" in a JSON object."""
    for word in path.split("."):
        if isinstance(value, list) and word.lstrip("-").isdigit() and int(word) < len(value):
            value = value[int(word)]
        elif isinstance(value, dict) and word in value:
            value = value[word]
        else:
            return None
    return value


class Result:
    """What the program did."""

    def __init__(self, status, stdout, stderr, seconds, timed_out):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.seconds, self.timed_out = seconds, timed_out


class Run:
    """One case in a directory of its own."""

    def __init__(self, case, setup):
        self.case, self.setup, self.problems = case, setup, []
        self.servers = []

    def prepare(self):
        case = self.case
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="case."))
        self.variables = {"dir": self.dir, "home": self.dir / "home", "ca": self.setup.ca,
                          "password": self.dir / "password"}
        (self.dir / "home").mkdir()
        (self.dir / "password").write_bytes(PASSWORD + b"\n")
        (self.dir / "password").chmod(0o600)
        if case.remember:
            (self.dir / "run").mkdir(mode=0o700)
        for number in sorted(set(case.servers) | {1}):
            server = Server(number, case.servers.get(number, []), self.variables, case.limit)
            self.servers.append(server)
        for name, block in case.files:
            name, _, mode = name.partition(" ")
            path = self.dir / octets(name, self.variables).decode()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.text(block))
            path.chmod(int(mode, 8) if mode else 0o600)

    def text(self, block):
        return b"".join(octets(line, self.variables) + end for line, end in block)

    def environment(self):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.dir / "home"),
               "TMPDIR": str(self.dir), "TZ": "UTC", "LC_ALL": "C",
               # exists with remember: only; the cache is nowhere
               "XDG_RUNTIME_DIR": str(self.dir / "run"), "XDG_CACHE_HOME": str(self.dir / "no/cache"),
               "PYTHONUNBUFFERED": "1"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"):
            if name in os.environ:
                env[name] = os.environ[name]
        for line in self.case.environment:
            name, _, value = octets(line, self.variables).decode().partition("=")
            env[name] = value
        return env

    def program(self):
        """A link to SENDOFF under the name that the case wants."""
        link = self.dir / self.case.program
        link.symlink_to(self.setup.sendoff)
        return str(link)

    def execute(self):
        """Runs the program as often as the case wants; the results."""
        program = self.program().encode()
        results = []
        for words in self.case.runs(self.variables):
            results.append(self.execute_once([program] + words))
            if results[-1].timed_out:
                break
        return results

    def execute_once(self, argv):
        start = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(), cwd=self.dir,
                                   start_new_session=True)
        timed_out = False
        try:
            out, err = process.communicate(self.text(self.case.stdin), self.case.limit)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        return Result(process.returncode, out, err, time.monotonic() - start, timed_out)

    def fail(self, text, *args):
        self.problems.append(text % args if args else text)

    def check_lines(self, name, data, lines, newline):
        """DATA is exactly these lines."""
        want = re.compile(b"".join(pattern(line, self.variables).pattern +
                                   (re.escape(newline) if end else b"") for line, end in lines))
        if not want.fullmatch(data):
            self.fail("%s is not what is expected:", name)
            self.problems += ["  %s" % line for line in show(data).split("\n")[:20]]

    def check_text(self, check, data):
        name = check.subject
        if check.how == "is":
            lines = check.lines
            if check.text:
                lines = [(check.text, b"\n")] + lines
            newline = b"\r\n" if name.startswith("content") else b"\n"
            return self.check_lines(name, data, lines, newline)
        if check.how == "like":
            good = re.search(check.text.encode(), data, re.M)
        else:
            found = pattern(check.text, self.variables).search(data) is not None
            good = found == (check.how == "has")
        if not good:
            self.fail("line %d: %s %s: %s", check.number, name, check.how, check.text)
        return None

    def check_json(self, check, result):
        try:
            document = json.loads(result.stdout)
        except ValueError as e:
            return self.fail("standard output is no JSON: %s", e)
        path, separator, want = check.text.partition(" = " if check.how == "is" else " ~ ")
        if not separator:
            return self.fail("line %d: json: PATH = VALUE, or json like: PATH ~ REGEX", check.number)
        got = lookup(document, path)
        if check.how == "is":
            want = json.loads(octets(want, self.variables).decode())
            good = got == want
        else:
            good = (re.search(want, str(got)) is not None) != (check.how == "lacks")
        if not good:
            self.fail("line %d: json %s is %s, not %s", check.number, path, json.dumps(got), want)
        return None

    def subject(self, check, results):
        """The octets that a check looks at, None when there are none."""
        words = check.subject.split(" ")
        if words[0] in ("stdout", "stderr"):
            index = int(words[1]) - 1 if len(words) > 1 else len(results) - 1
            return getattr(results[index], words[0]) if index < len(results) else None
        if words[0] == "content":
            contents = [c for server in self.servers for c in server.contents]
            index = int(words[1]) - 1 if len(words) > 1 else 0
            return contents[index] if index < len(contents) else None
        path = self.dir / octets(words[1], self.variables).decode()
        return path.read_bytes() if path.exists() else None

    def judge(self, results):
        case = self.case
        for server in self.servers:
            if server.problem:
                self.fail(server.problem)
            wanted = case.connections if case.connections is not None and server is \
                self.servers[0] else server.wanted
            if server.connections != wanted:
                self.fail("%d connections, expected %d", server.connections, wanted)
        for result in results:
            if result.timed_out:
                self.fail("no end after %g seconds", case.limit)
            elif result.status not in case.exit:
                self.fail("exit status %d, expected %s", result.status,
                          " or ".join(map(str, case.exit)))
        for check in case.checks:
            if check.subject == "json":
                self.check_json(check, results[-1])
                continue
            data = self.subject(check, results)
            if check.how == "absent":
                if data is not None:
                    self.fail("line %d: %s is there", check.number, check.subject)
            elif data is None:
                self.fail("line %d: there is no %s", check.number, check.subject)
            else:
                self.check_text(check, data)
        for result in results:
            for name, data in (("stdout", result.stdout), ("stderr", result.stderr)):
                if any(secret in data for secret in SECRETS):
                    self.fail("the password is shown on %s", name)
                if b"ERROR: AddressSanitizer" in data or b"runtime error:" in data:
                    self.fail("a sanitizer complains")
        for result in results if self.problems else ():
            self.problems += ["stderr: " + line for line in show(result.stderr).split("\n")[:40]
                              if line]
            self.problems += ["stdout: " + line for line in show(result.stdout).split("\n")[:10]
                              if line]

    def run(self):
        try:
            self.prepare()
            for server in self.servers:
                server.start()
            results = self.execute()
            for server in self.servers:
                server.finished.set()
            for server in self.servers:
                server.join(self.case.limit)
            self.judge(results)
        except CaseError as e:
            self.fail("%s", e)
        finally:
            for server in self.servers:
                server.finished.set()
            if not self.setup.keep:
                shutil.rmtree(self.dir, ignore_errors=True)
        return self.problems


class Setup:
    """What all cases share: the program, the certificates."""

    def __init__(self, keep):
        self.sendoff = os.environ.get("SENDOFF", "")
        self.smarthost = os.environ.get("SMARTHOST", "")
        if not self.sendoff or not self.smarthost:
            sys.exit("set SENDOFF and SMARTHOST to the programs")
        self.sendoff = str(pathlib.Path(self.sendoff).resolve())
        self.keep = keep
        self.ca = tempfile.mkdtemp(prefix="dialogue-ca.")
        subprocess.run([self.smarthost, "--make-ca", self.ca], check=True)

    def done(self):
        shutil.rmtree(self.ca, ignore_errors=True)


def read_cases(names):
    texts = [(path.stem, path.read_text()) for path in sorted(HERE.glob("*.txt"))]
    texts += list(matrix.cases())
    if names:
        texts = [t for t in texts if any(fnmatch.fnmatch(t[0], n) for n in names)]
    return texts


def run_text(name, text, setup):
    try:
        case = Case(name, text)
    except CaseError as e:
        return [str(e)]
    return Run(case, setup).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", type=int, default=4, help="how many at once")
    parser.add_argument("--show", action="store_true", help="print the cases, run nothing")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--keep", action="store_true", help="leave the directories")
    parser.add_argument("--no-matrix", action="store_true", help="only the case files")
    parser.add_argument("--only-matrix", action="store_true", help="only the matrix")
    parser.add_argument("name", nargs="*", help="names of cases, * allowed")
    options = parser.parse_args()
    texts = read_cases(options.name)
    if options.no_matrix:
        texts = [t for t in texts if not t[0].startswith("matrix-")]
    if options.only_matrix:
        texts = [t for t in texts if t[0].startswith("matrix-")]
    if options.show or options.list:
        for name, text in texts:
            print(name if options.list else "# %s\n%s" % (name, text))
        return 0
    setup = Setup(options.keep)
    failed = 0
    print("1..%d" % len(texts), flush=True)
    try:
        with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
            runs = pool.map(lambda t: run_text(t[0], t[1], setup), texts)
            for number, ((name, _), problems) in enumerate(zip(texts, runs), 1):
                print("%sok %d - %s" % ("not " if problems else "", number, name))
                for line in problems:
                    print("# " + line)
                sys.stdout.flush()
                failed += bool(problems)
    finally:
        setup.done()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
