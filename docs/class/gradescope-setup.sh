#!/usr/bin/env bash
# Gradescope: setup.sh of the autograder's zip, which holds the toolkit in dialtone/.
set -e
apt-get update -q
apt-get install -q -y --no-install-recommends gcc libc6-dev make python3
