"""The recorder: what a program did, seen from outside. See docs/recorder.md.

calls    reads strace's output            network  captures segments, reads states
source   finds source lines               document puts it all together
partner  plays the other side
trace, ladder, beside, svg, mermaid, witness      views of a document
"""
