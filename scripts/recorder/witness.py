"""Is what a story prints what was recorded?"""
import re
import sys

from .calls import NAMES

PRINTED = re.compile(r"^   (\S+) +((\w+)\(.*)$")
RESULT = re.compile(r"^(.*?) += (-?\d+)(?: (E\w+))?$")
LITERAL = re.compile(r"^(?:-?\d+|[A-Z][A-Z0-9_]+(?: ?\| ?[A-Z][A-Z0-9_]+)*|\"(?:[^\"\\]|\\.)*\"|NULL)$")
# What is one thing in C and another one for strace, and what makes no system call of its own.
SAME = {"IPPROTO_TCP": "SOL_TCP", "IPPROTO_IP": "SOL_IP", "IPPROTO_IPV6": "SOL_IPV6", "IPPROTO_UDP": "SOL_UDP",
        "AF_LOCAL": "AF_UNIX"}
# A constant that begins so is the system's, and strace knows its name.
PREFIX = re.compile("AF_|SOCK_|MSG_|SO_|SOL_|TCP_|IP_|IPPROTO_|SHUT_|SIG|O_")
LIBRARY = {"getaddrinfo", "getline", "fprintf", "fputs", "fgets", "fflush", "fclose", "fread"}


def printed(document):
    """(text, name, arguments, result, errno) of each call that the story prints."""
    lines = [line["text"].rstrip("\r") for line in document["output"] if line["stream"] == 1]
    for text, following in zip(lines, lines[1:] + [""]):
        if not (match := PRINTED.match(text)):
            continue
        result = RESULT.match(match[2]) or RESULT.match(match[2] + " " + following.strip())
        if result:
            call = result[1].strip()
            yield text.strip(), match[3], split(call[len(match[3]) + 1:-1]), int(result[2]), result[3]


def split(text):
    """The arguments of a call: commas outside of brackets and strings."""
    parts, depth, quoted, begin = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"' and text[at - 1:at] != "\\":
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif not quoted and not depth and char == ",":
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [part for part in parts + [text[begin:].strip()] if part]


def agrees(word, seen):
    """Does an argument of the source agree with what strace saw? Of a variable nothing is known."""
    if not LITERAL.match(word):
        return True
    if word.startswith('"'):
        return "\\" in word or seen.startswith(word[:-1])
    if re.match(r"-?\d", word):
        return not re.fullmatch(r"-?\d+", seen) or int(seen, 8 if seen[0] == "0" else 10) == int(word, 0) \
            or int(word, 0) >= 2**31
    if re.fullmatch(r"-?\d+", seen) or seen.startswith("0x"):  # a constant of the program's own, or NULL
        return not PREFIX.match(word)
    names = {SAME.get(name, name).removesuffix("_OLD") for name in re.split(r" ?\| ?", word)}
    return names == {SAME.get(name, name).removesuffix("_OLD") for name in seen.replace("|O_LARGEFILE", "").removeprefix("O_RDONLY|").split("|")}


def check(document, unicode=True, only=None):
    """One line that counts; ends the program with status 1 at the first difference."""
    del unicode, only
    made = iter(sorted((call for call in document["calls"] if call["end"] is not None), key=lambda call: call["end"]))
    agreed = 0
    for text, name, arguments, result, errno in printed(document):
        if name in LIBRARY:
            continue
        near = ""
        for call in made:
            names = {call["name"], call["system_call"], *NAMES.get(call["system_call"], [])}
            if name not in names or (call["result"], call["errno"]) != (result, errno):
                continue
            given = split(call["arguments"])
            given = given[1:] if call["system_call"].endswith("at") and not name.endswith("at") else given
            if all(agrees(word, value) for word, value in zip(arguments, given)):
                break
            near = near or f"\nrecorded: {call['system_call']}({call['arguments']})"
        else:
            sys.exit(f"witness: this was not recorded, or not in this place:\n   {text}\n   result {result} {errno or ''}{near}")
        agreed += 1
    if not agreed:
        sys.exit("witness: the story shows no system call")
    yield f"{agreed} calls agree with what was recorded"
