"""The command lines of record and show. DOC is what -h prints; its first line is the usage."""
import getopt
import sys
from pathlib import Path


def wrong(doc, what):
    """Wrong use: one line, and how it is used; ends us with status 2."""
    sys.exit(print(f"{Path(sys.argv[0]).name}: {what}\n{doc.splitlines()[0]}", file=sys.stderr) or 2)


def command_line(doc, letters):
    """({option: value}, the other words); LETTERS as getopt(3) has them. Ends us after -h, or on wrong use."""
    try:
        pairs, words = getopt.gnu_getopt(sys.argv[1:], letters)
    except getopt.GetoptError as error:
        wrong(doc, error)
    if ("-h", "") in pairs:
        sys.exit(print(doc, end=""))
    return dict(pairs), words
