"""doc/callers: the table that the test makes."""

import pathlib
import re
import shlex

HEAD = """\
What calls sendmail, how, and what comes of it

sendoff is the system's sendmail, the programs are Debian's. Each is run, its mail is looked at
where it arrives, and so is what the program makes of a refusal. tests/callers/run.py --table makes
this table.
"""


class Row:
    """One caller: how it called, and the messages that came of it."""

    def __init__(self, caller, version, calls, messages, problem):
        self.caller, self.version, self.problem = caller, version, problem
        self.argv = [shlex.join(argv) for argv in calls]
        if problem:
            self.result = "FAILED"
        elif caller.refused:
            self.result = "the refusal is seen"
        else:
            self.result = "delivered to " + ", ".join(
                sorted({address for m in messages for address in m.recipients}))

    def lines(self):
        yield "%s  (%s %s)" % (self.caller.name, self.caller.package, self.version)
        for argv in dict.fromkeys(self.argv):
            yield "    " + argv
        yield "    -> " + self.result


def write(rows):
    return HEAD + "".join("\n" + "\n".join(row.lines()) + "\n" for row in rows)


def loose(text):
    """What must agree: not versions, of which each system has its own."""
    blocks = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.strip().splitlines()]
        if len(lines) > 1 and lines[-1].startswith("    -> "):
            blocks[re.split(r"  +", lines[0])[0]] = [line.strip() for line in lines[1:]]
    return blocks


def differences(file, rows):
    """What FILE says otherwise; None when it agrees."""
    path = pathlib.Path(file)
    old = loose(path.read_text()) if path.exists() else {}
    new = loose(write(rows))
    found = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            found.append("%s: %s here, %s there" % (name, old.get(name), new.get(name)))
    return "\n".join(found) or None
