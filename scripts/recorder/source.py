"""Finds source lines, with addr2line(1), for the addresses that strace -k prints."""
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from .calls import STRING


def places(binary, addresses):
    """{address: [(function, file, line)]} of return addresses in a program built with -g, innermost
    first; inlined functions count. Without addr2line, or the program, nothing is found."""
    if not os.path.isfile(binary) or not all(map(shutil.which, ("addr2line", "readelf"))):
        return {}
    heads = subprocess.run(["readelf", "-lW", binary], stdout=subprocess.PIPE, text=True, check=False).stdout
    fixed = re.search(r"type is EXEC[^$]*?LOAD +0x0+ 0x(\w+)", heads)  # its addresses do not begin with 0
    base = int(fixed[1], 16) if fixed else 0
    asked = "".join(f"{address + base - 1:#x}\n" for address in addresses)  # the call is before it
    answer = subprocess.run(["addr2line", "-i", "-f", "-a", "-e", binary], input=asked, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout
    found = {}
    for block in re.split(r"^0x(?=[0-9a-f]{8,}$)", answer, flags=re.M)[1:]:
        address, *lines = block.splitlines()
        here = found[int(address, 16) - base + 1] = []
        for function, where in zip(lines[::2], lines[1::2]):
            if match := re.match(r"([^?].*):(\d+)", where):
                here.append((function, os.path.normpath(match[1]), int(match[2])))
    return found


@functools.cache
def lines(path):
    """The lines of a source file; [] if it is not there."""
    return Path(path).read_text(encoding="utf-8", errors="replace").splitlines() if os.path.isfile(path) else []


def statement(path, number):
    """The statement that begins in line NUMBER, on one line, up to its last bracket."""
    text = ""
    for line in lines(path)[number - 1:number + 5]:
        line = re.sub(rf"({STRING})|/\*.*?\*/|//.*", r"\1", line).strip()
        text += line if not text or text[-1] == "(" else " " + line
        if bare(text).count("(") <= bare(text).count(")"):
            break
    return text


def bare(text):
    """TEXT without what stands in strings and characters, which may be brackets; as long."""
    return re.sub(rf"{STRING}|'\\?.'", lambda found: "_" * len(found[0]), text)


def call_in(text, names):
    """The part of a statement that is the only call of one of NAMES in it, brackets and all; or None."""
    call, plain, depth = r"\b(?:%s)\(" % "|".join(names), bare(text), 0
    match = re.match(rf"(?!.*{call}.*{call}).*?({call})", plain)
    for end in range(match.end() - 1 if match else len(text), len(text)):
        depth += {"(": 1, ")": -1}.get(plain[end], 0)
        if depth == 0:
            return text[match.start(1):end + 1]
    return None
