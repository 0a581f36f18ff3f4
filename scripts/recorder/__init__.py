"""The recorder: what a program did, seen from outside. See docs/recorder.md."""
