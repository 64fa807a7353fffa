#!/usr/bin/env python3
"""Does what doc/recipes say, on a machine of its own, with smarthosts in the providers' place. Prints TAP:
a line for each command and each file, and what cannot be done here as a skip that says why.

	tests/recipes/run.py            all, with SENDOFF, SMARTHOST, SYSCONFDIR and LOCALSTATEDIR
	tests/recipes/run.py git php    some

The providers' names lead to this machine, whose system trusts the authority that has certified them.
Programs (git, mutt, PHP, ...) come from the cache of tests/callers. Wants root."""

import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
for folder in "support", "callers":
    sys.path.insert(0, str(TESTS / folder))

import machine  # noqa: E402
import packages  # noqa: E402
import recipes  # noqa: E402
import stage  # noqa: E402
from blocks import blocks  # noqa: E402
from machine import Wrong, expect  # noqa: E402

TEXTS = TESTS.parent / "doc/recipes"


def count(found):
    """The lines that these blocks make."""
    return sum(len(block.commands) if block.kind == "run" else 1 for block in found)


class Play:
    """One recipe, block by block."""

    def __init__(self, tap, theatre, name):
        self.tap, self.theatre, self.name = tap, theatre, name
        self.recipe = recipes.RECIPES[name]
        self.text = (TEXTS / name).read_text()

    def tell(self, line, what, action):
        """Reports ACTION, which returns a reason why it could not be done here, or None."""
        what = "%s:%d: %s" % (self.name, line, what.split("\n")[0][:90])
        try:
            self.tap.result(what, skip=action())
        except (Wrong, OSError, subprocess.SubprocessError) as problem:
            self.tap.result(what, problem or "it failed")

    def run(self):
        self.theatre.reset(self.recipe)
        for block in blocks(self.text):
            if block.kind == "file":
                self.tell(block.line, "write " + block.path,
                          lambda block=block: self.theatre.write(block))
            elif block.kind == "else":
                self.tell(block.line, block.lines[0], lambda block=block: self.show(block))
            else:
                self.session(block)
        self.tell(1, "what has arrived", self.judge)
        self.theatre.stop()

    def show(self, block):
        for words, use in self.recipe.uses.items():
            if block.lines[0].startswith(words):
                return use(self.theatre, block)
        return "for another program or the provider"

    def session(self, block):
        exports = []
        for number, (who, command) in enumerate(block.commands):
            def action(who=who, command=command):
                if command.startswith("export "):
                    exports.append(command)
                    return None
                return self.theatre.type(who, "; ".join(exports + [command]))
            self.tell(block.line + number, command, action)

    def judge(self):
        if self.recipe.finale:
            self.recipe.finale(self.theatre)
        messages = self.theatre.messages()
        got = [message["subject"] for message in messages]
        expect(got == self.recipe.arrives, "%s were expected, %s have come", self.recipe.arrives,
               got)
        for message in messages:
            expect(self.recipe.sender in (None, message.sender), "it is from %s", message.sender)


def fetch():
    """Where the programs are."""
    if os.getuid() != 0:
        machine.unable("a machine of its own wants root")
    try:
        return str(packages.Packages().fetch())
    except (packages.Unavailable, OSError, subprocess.SubprocessError) as error:
        machine.unable("the programs cannot be had: %s" % str(error).replace("\n", " "))


def main():
    if machine.INSIDE in sys.argv:
        machine.enter()
    else:
        left = {path.name for path in TEXTS.iterdir()} - {"README"} - set(recipes.RECIPES)
        if left:
            print("Bail out! nobody tries out %s" % ", ".join(sorted(left)))
            sys.exit(1)
        machine.enter(fetch(), *(sys.argv[1:] or recipes.RECIPES))
    theatre = stage.Theatre(sys.argv[1])
    names = sys.argv[2:]
    tap = machine.Tap(sum(count(blocks((TEXTS / name).read_text())) + 1 for name in names))
    for name in names:
        Play(tap, theatre, name).run()
    sys.exit(tap.failed > 0)


if __name__ == "__main__":
    main()
