"""What is indented in a recipe: commands, files, and what is for somebody else.

doc/recipes/README says how it is written down."""

import re

PROMPTS = ("$ ", "# ")
FILE = re.compile(r"(?:^|\s)((?:~|/)[^\s,:]*[^\s,:.])((?:,[^:]*)?):$")


class Block:
    """KIND is "run", "file" or "else"; LINES are without their indentation; LINE is the number of the
    first. A file has PATH, MODE and OWNER, a block to be run WHO and COMMANDS."""

    def __init__(self, lead, lines, line):
        self.lines, self.line = lines, line
        found = FILE.search(" ".join(lead).strip())
        if lines[0][:2] in PROMPTS:
            self.kind = "run"
            self.commands = self.split(lines)
        elif found:
            self.kind, self.path = "file", found.group(1)
            mode = re.search(r"mode (\d+)", found.group(2))
            owner = re.search(r"owned by (\w+)", found.group(2))
            self.mode = int(mode.group(1), 8) if mode else 0o644
            self.owner = owner.group(1) if owner else None
        else:
            self.kind = "else"

    @staticmethod
    def split(lines):
        """Who types what: a line without a prompt goes on with the one above it."""
        commands = []
        for line in lines:
            if line[:2] in PROMPTS:
                commands.append(["alice" if line[0] == "$" else "root", line[2:]])
            else:
                commands[-1][1] += "\n" + line
        return commands

    def text(self):
        return "\n".join(self.lines) + "\n"


def blocks(text):
    """The blocks of a recipe, in order."""
    found, lead, lines, first = [], [], [], 0
    for number, line in enumerate(text.splitlines() + ["end"], 1):
        if lines and lines[-1] == "" and line[4:6] in PROMPTS and lines[0][:2] not in PROMPTS:
            # what is typed then, behind what a file holds
            found.append(Block(lead, lines[:-1], first))
            lead, lines, first = [], [], 0
        if line.startswith("    ") and (lines or not lead or lead[-1] == ""):
            first = first or number
            lines.append(line[4:])
        elif not line and lines:
            lines.append("")
        elif lines:
            while lines[-1] == "":
                lines.pop()
            found.append(Block(lead, lines, first))
            lead, lines, first = [line], [], 0
        elif not line:
            lead.append("")
        else:
            # the words that lead to a block are those behind the last empty line
            lead = [line] if not lead or lead[-1] == "" else lead + [line]
    return found
