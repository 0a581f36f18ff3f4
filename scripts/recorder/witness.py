"""Is what a story prints what was recorded?"""
import re
import sys

from .calls import NAMES, STRING

PRINTED = re.compile(r"^   (\S+) +((\w+)\(.*)$")
RESULT = re.compile(r"^(.*?) += (-?\d+)(?: (E\w+))?$")
LITERAL = re.compile(rf"^(?:-?\d+|[A-Z][A-Z0-9_]+(?: ?\| ?[A-Z][A-Z0-9_]+)*|{STRING}|NULL)$")
ARGUMENT = rf'{STRING}|[^,"()\[\]{{}}]'
for _ in range(4):  # brackets in brackets
    ARGUMENT = rf"(?:{ARGUMENT}|[(\[{{](?:{ARGUMENT}|,)*[)\]}}])"
# A constant that begins so is the system's, and strace knows its name.
PREFIX = re.compile("AF_|SOCK_|MSG_|SO_|SOL_|TCP_|IP_|IPPROTO_|SHUT_|SIG|O_")
LIBRARY = {"getaddrinfo", "getline", "fprintf", "fputs", "fgets", "fflush", "fclose", "fread"}  # no system calls


def printed(document):
    """(text, name, arguments, result, errno) of each call that the story prints."""
    lines = [line["text"].rstrip("\r") for line in document["output"] if line["stream"] == 1]
    for text, following in zip(lines, lines[1:] + [""]):
        match = PRINTED.match(text)
        result = match and (RESULT.match(match[2]) or RESULT.match(match[2] + " " + following.strip()))
        if result and match[3] not in LIBRARY:
            call = result[1].strip()
            yield text.strip(), match[3], split(call[len(match[3]) + 1:-1]), int(result[2]), result[3]


def split(text):
    """The arguments of a call."""
    return [part.strip() for part in re.findall(rf"(?:{ARGUMENT})+", text) if part.strip()]


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
    seen = seen.replace("|O_LARGEFILE", "").removeprefix("O_RDONLY|")
    one, other = ({name.replace("IPPROTO_", "SOL_").removesuffix("_OLD") for name in re.split(r" ?\| ?", names)}
                  for names in (word, seen))
    return one == other


def check(document, _only=None):
    """One line that counts; ends the program with status 1 at the first difference."""
    made = iter(sorted((call for call in document["calls"] if call["end"] is not None), key=lambda call: call["end"]))
    agreed = 0
    for text, name, arguments, result, errno in printed(document):
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
            sys.exit(f"witness: this was not recorded, or not in this place:\n   {text}\n"
                     f"   result {result} {errno or ''}{near}")
        agreed += 1
    if not agreed:
        sys.exit("witness: the story shows no system call")
    yield f"{agreed} calls agree with what was recorded"
