"""Finds source lines, with addr2line(1), for the addresses that strace -k prints."""
import functools
import os
import re
import subprocess
from pathlib import Path


class Binary:
    """One program, built with -g. Without addr2line nothing is found."""

    def __init__(self, path):
        self.path = path
        try:
            self.lookup = subprocess.Popen(["addr2line", "-i", "-f", "-a", "-e", path], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        except FileNotFoundError:
            self.lookup = None

    @functools.cache
    def places(self, address):
        """[(function, file, line)] of a return address, innermost first; inlined
        functions count. ADDRESS is a number; the call is before it."""
        if not self.lookup or not os.path.exists(self.path):
            return []
        # The second question, whose answer is known, marks the end of the first answer.
        self.lookup.stdin.write(f"{address - 1:#x}\n0x0\n")
        self.lookup.stdout.readline()
        found = []
        for name in iter(self.lookup.stdout.readline, ""):
            if re.match(r"0x0+$", name):
                self.lookup.stdout.readline()
                self.lookup.stdout.readline()
                return found
            match = re.match(r"(.+):(\d+)", self.lookup.stdout.readline())
            if match and match[1] != "??":
                found.append((name.strip(), os.path.normpath(match[1]), int(match[2])))
        return found

    def close(self):
        """End addr2line."""
        if self.lookup:
            self.lookup.stdin.close()
            self.lookup.wait()


@functools.cache
def lines(path):
    """The lines of a source file; [] if it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def statement(path, number):
    """The statement that begins in line NUMBER, on one line, up to its last bracket."""
    text = ""
    for line in lines(path)[number - 1:number + 5]:
        line = re.sub(r"/\*.*?\*/", "", line).strip()
        text += line if not text or text[-1] == "(" else " " + line
        if text.count("(") <= text.count(")"):
            break
    return text


def call_in(text, names):
    """The part of a statement that is a call of one of NAMES, brackets and all; or None."""
    match = re.search(r"\b(?:%s)\(" % "|".join(map(re.escape, names)), text)
    if not match:
        return None
    depth = 0
    for end in range(match.end() - 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[match.start():end + 1]
    return None
