#!/usr/bin/python3
"""prove.py NAME...: is the check of an exercise worth trusting?

It is when it turns down the broken start and each plausible wrong repair,
each for the reason that wrong/REASONS gives, and lets pass what is right: other
designs (right/), and the solution, as it is, and under the sanitizers in the
cage for systems without namespaces. Every check also has its round under the
unkind kernel. Prints what is not so.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

COURSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXERCISE = os.path.dirname(COURSE) + "/scripts/exercise"
SANITIZERS = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"


def text_of(path):
    with open(f"{COURSE}/{path}") as file:
        return file.read()


def patched(text, patch):
    """The text with a unified diff applied to it, which must fit exactly."""
    old, new, at = text.splitlines(True), [], 0
    for line in patch.splitlines(True)[2:]:
        if hunk := re.match(r"@@ -(\d+)", line):
            new += old[at:int(hunk[1]) - 1]
            at = int(hunk[1]) - 1
        elif line[0] == "+":
            new.append(line[1:])
        else:
            if old[at] != line[1:]:
                sys.exit(f"the patch does not fit: {line[1:]!r} where there is {old[at]!r}")
            if line[0] == " ":
                new.append(old[at])
            at += 1
    return "".join(new + old[at:])


def report_on(name, text, **environment):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/{name}.c", "w") as file:
            file.write(text)
        judged = subprocess.run([EXERCISE, "judge", name], stdout=subprocess.PIPE, check=True,
                                env={**os.environ, "CFLAGS": "-O1 -g", "EXERCISE_SECONDS": "60", "SEED": "1",
                                     **environment, "DIR": folder})
    return json.loads(judged.stdout)


# A connection that ends while bytes are unread is reset: the same fault, seen otherwise.
END, RESET = ("the end of the stream", "it is gone"), "the connection broke"


def reasons(name):
    """(repair, the case that fails, words of what is said of it), the start first."""
    for line in text_of("wrong/REASONS").splitlines():
        if line.startswith(name + " "):
            wrong, title, words = [part.strip() for part in line.split("|")]
            yield wrong.split()[1], title, words


def findings(name):
    start = text_of(f"starts/{name}.c")
    solution = text_of(f"solutions/{name}.c")
    repairs = [reason[0] for reason in reasons(name)]
    patches = [file[len(name) + 1:-6] for file in os.listdir(COURSE + "/wrong")
               if re.fullmatch(re.escape(name) + r"-\w+\.patch", file)]
    if sorted(repairs) != sorted(["start", *patches]) or len(patches) < 2:
        yield f"{name}: wrong/REASONS has {sorted(repairs)}, but there are {sorted(patches)}"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = pool.map(lambda reason: turned_down(name, start, *reason), reasons(name))
        right = pool.map(lambda environment: passes(name, solution, environment),
                         ({}, {"CFLAGS": SANITIZERS, "EXERCISE_PLAIN": "" if needs_cage(name) else "1"}))
        others = pool.map(lambda design: passes(name, patched(start, text_of(f"right/{design}")), {}, design),
                          [file for file in os.listdir(COURSE + "/right") if file.startswith(name + "-")])
        yield from filter(None, (*wrong, *right, *others))


def turned_down(name, start, repair, title, words):
    """What is wrong with how the check takes this repair, or None."""
    text = start if repair == "start" else patched(start, text_of(f"wrong/{name}-{repair}.patch"))
    report = report_on(name, text)
    if report["done"]:
        return f"{name}: {repair} passes"
    failed = [case for case in report["cases"] if "expected" in case]  # in a task, others may follow
    last = failed[0] if failed else report
    said = "".join(last.get(what, "") for what in ("happened", "program", "said"))
    accepted = [*words.split(" / "), *([RESET] if words in END else [])]
    if not words or last.get("title") not in title.split(" / ") or last.get("unkind") or not \
            any(word in said for word in accepted):
        return f"{name}: {repair} is not turned down for the reason given: {last}"
    return None


def needs_cage(name):
    return "RAW = True" in text_of(f"checks/{name}.py")


def passes(name, text, environment, design="the solution"):
    report = report_on(name, text, **environment)
    if not report["done"] or report["warnings"] and design == "the solution":
        return f"{name}: {design} does not pass, {environment}: {report}"
    return None


def main():
    if len(sys.argv) < 2 or sys.argv[1] == "-h":
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    found = [finding for name in sys.argv[1:] for finding in findings(name)]
    print("\n".join(found) or "the checks are worth trusting")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
