"""Is what a story prints what was recorded?"""
import re
import sys

from .calls import NAMES

PRINTED = re.compile(r"^   (\S+) +((\w+)\(.*)$")
RESULT = re.compile(r"^(.*?) += (-?\d+)(?: (E\w+))?$")
LITERAL = re.compile(r"^(?:-?\d+|[A-Z][A-Z0-9_]+(?: ?\| ?[A-Z][A-Z0-9_]+)*|\"(?:[^\"\\]|\\.)*\"|NULL)$")
# What is one thing in C and another one for strace.
SAME = {"SOL_SOCKET": {"SOL_SOCKET"}, "IPPROTO_TCP": {"SOL_TCP"}, "IPPROTO_IP": {"SOL_IP"}, "IPPROTO_IPV6": {"SOL_IPV6"},
        "IPPROTO_UDP": {"SOL_UDP", "IPPROTO_UDP"}, "0": {"0", "IPPROTO_IP", "NULL", "PF_UNSPEC"}}


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
    seen = seen.strip("[]")
    if word.startswith('"'):
        return seen.startswith(('"' + word[1:-1] + '"', '"' + word[1:-1])) if "\\" not in word else True
    if "|" in word:
        return set(re.split(r" ?\| ?", word)) == set(seen.split("|"))
    return seen == word or seen in SAME.get(word, ()) or not re.match(r"^-?\d+$|^[A-Z]", seen)


def check(document, unicode=True, only=None):
    """One line that counts; ends the program with status 1 at the first difference."""
    del unicode, only
    made = iter(sorted((call for call in document["calls"] if call["end"] is not None), key=lambda call: call["end"]))
    agreed = 0
    for text, name, arguments, result, errno in printed(document):
        for call in made:
            names = {call["name"], call["system_call"], *NAMES.get(call["system_call"], [])}
            if name in names and (call["result"], call["errno"]) == (result, errno):
                break
        else:
            sys.exit(f"witness: this was not recorded, or not in this place:\n   {text}\n   result {result} {errno or ''}")
        seen = split(call["arguments"])
        for word, value in zip(arguments, seen):
            if not agrees(word, value):
                sys.exit(f"witness: the argument {word} of\n   {text}\nwas recorded as {value}")
        agreed += 1
    if not agreed:
        sys.exit("witness: the story shows no system call")
    yield f"{agreed} calls agree with what was recorded"
