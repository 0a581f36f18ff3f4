# Loaded by every .bats file: load ../scripts/bats_helper
#
# Tests drive the binaries as a user would: port 0 and the ready line, no fixed
# port, no sleep; what a test started in the background is ended at its end.

bats_require_minimum_version 1.8.0 # --filter-tags

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PIDS=()
FOLDERS=()
UNDER=() # what start runs the demo under, e.g. a tracer

# start NAME ARGS...: run a demo in the background; returns once it is ready.
# Sets $PORT, $PID, and $LOG, a file with all that it prints.
start() {
    LOG=$BATS_TEST_TMPDIR/$1.${#PIDS[@]}.log
    "${UNDER[@]}" "$ROOT/$1/$1" "${@:2}" >"$LOG" 2>&1 3>&- & # an open fd 3 would hang bats
    PID=$!
    PIDS+=("$PID")
    wait_for 'listening on'
    # shellcheck disable=SC2034 # for the tests
    PORT=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$LOG")
}

# without TOOL...: a folder of links to all tools but these, for PATH.
without() {
    local bin=$BATS_TEST_TMPDIR/bin tool
    mkdir -p "$bin"
    ln -s /usr/bin/* /bin/* /usr/sbin/* /sbin/* "$bin" 2>/dev/null || true
    for tool in "$@"; do rm -f "$bin/$tool"; done
    echo "$bin"
}

# trace OPTIONS...: what is started from here on runs under strace with these
# options, which writes into $TRACE. (-D: $PID stays the demo's own.)
trace() {
    command -v strace >/dev/null || missing strace
    TRACE=$BATS_TEST_TMPDIR/trace
    UNDER=(strace -D -f -qq -o "$TRACE" "$@")
}

# wait_for PATTERN [FILE]: until a line of FILE (default: $LOG) matches PATTERN.
wait_for() {
    local file=${2:-$LOG} tries
    for ((tries = 0; tries < 500; tries++)); do
        grep -qE -e "$1" "$file" 2>/dev/null && return
        sleep 0.02
    done
    echo "waited 10 s for '$1' in $file, which holds:"
    cat "$file"
    return 1
}

# ended PID: its exit status, once it has ended (waits at most 10 s).
ended() {
    local tries status
    for ((tries = 0; tries < 500; tries++)); do
        if ! kill -0 "$1" 2>/dev/null; then
            wait "$1" && status=0 || status=$?
            return "$status"
        fi
        sleep 0.02
    done
    echo "process $1 did not end within 10 s"
    return 99
}

# python CODE ARGS...: the other side of a conversation, from Python's standard
# library. sys.argv[1:] are ARGS; bounded to 20 s.
python() {
    timeout 20 /usr/bin/python3 -c "
import os, socket, struct, sys, time
socket.setdefaulttimeout(10)
def dial(port):
    return socket.create_connection(('127.0.0.1', int(port)))
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
def all_of(s):
    parts = []
    while part := s.recv(65536):
        parts.append(part)
    return b''.join(parts)
$1" "${@:2}" 3>&-
}

# missing WHAT: this machine cannot run the test; in CI that is a failure.
missing() {
    [ -z "${CI:-}" ] || {
        echo "CI must have: $1"
        return 1
    }
    skip "$1"
}

# need_network: the test is about a network of its own, scripts/sandbox.
need_network() {
    "$ROOT/scripts/sandbox" true 2>/dev/null || missing "a network of its own"
}

# Called by bats after each test, whatever its outcome.
teardown() {
    local pid
    for pid in "${PIDS[@]}"; do
        kill "$pid" 2>/dev/null || continue
        ended "$pid" || kill -9 "$pid" 2>/dev/null || true
    done
    [ ${#FOLDERS[@]} -eq 0 ] || rm -rf "${FOLDERS[@]}"
}

# tells_the_truth NAME [ARGS...]: a story succeeds, fits 80 columns, brings no
# escape sequence into a pipe, and the recorder saw the calls that it prints.
tells_the_truth() {
    run --separate-stderr "$ROOT/$1/$1" "${@:2}"
    [ "$status" -eq 0 ] && [ -z "$stderr" ] || {
        echo "$1: status $status; $stderr"
        return 1
    }
    if LC_ALL=C.UTF-8 grep -nE '.{81}' <<<"$output"; then
        echo "$1: these lines are wider than 80 columns"
        return 1
    fi
    if grep -n $'\033' <<<"$output"; then
        echo "$1: these lines hold escape sequences"
        return 1
    fi
    command -v strace >/dev/null || missing strace
    # Under strace, on a busy machine, a story about time may find that it was too slow. Its calls are
    # enough here: no segments (RECORD_HERE), no states (-n).
    local tries
    for ((tries = 0; tries < 5; tries++)); do
        RECORD_HERE=0 "$ROOT/scripts/record" -n -o "$BATS_TEST_TMPDIR/record.json" demo "$@" 3>&- || return
        grep -q '^ "status": 0,$' "$BATS_TEST_TMPDIR/record.json" && break
    done
    "$ROOT/scripts/show" witness "$BATS_TEST_TMPDIR/record.json"
}

# names_failures STORY CALL:ERRNO:WHEN...: when the WHENth call of CALL fails, the
# story ends with status 1 and names the call and the error. All are tried at once.
names_failures() {
    command -v strace >/dev/null || missing strace
    local fault call error when name status stderr
    local -A trials
    for fault in "${@:2}"; do
        IFS=: read -r name error when <<<"$fault"
        case $name in # what the C library makes of it
        send) call=sendto ;;
        recv) call=recvfrom ;;
        fork) call='?fork,clone' ;;
        *) call=$name ;;
        esac
        strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:error=$error:when=$when" \
            "$ROOT/$1/$1" >"$BATS_TEST_TMPDIR/$fault.out" 2>"$BATS_TEST_TMPDIR/$fault" 3>&- &
        trials[$fault]=$!
    done
    for fault in "${@:2}"; do
        IFS=: read -r name error when <<<"$fault"
        wait "${trials[$fault]}" && status=0 || status=$?
        stderr=$(<"$BATS_TEST_TMPDIR/$fault")
        [[ $status -eq 1 && $stderr = "$1: "*"$name"*"$error"* ]] || {
            echo "$fault: status $status: $stderr"
            return 1
        }
    done
}

# notices_lies STORY [ARGS...]: whichever call scripts/otherwise lies about, the story
# says so and ends.
notices_lies() {
    run "$ROOT/scripts/otherwise" "$@"
    [ "$status" -eq 0 ] && [[ $output =~ ^[1-9][0-9]*" lies noticed"$ ]] || {
        echo "$output"
        return 1
    }
}

# alone [--separate-stderr] COMMAND...: run it in a network of its own; bounded.
alone() {
    local how=()
    [[ $1 != --* ]] || how=("$1")
    run "${how[@]}" timeout -k 2 30 "$ROOT/scripts/sandbox" "${@:${#how[@]}+1}" 3>&-
    echo "$output"
    [ "$status" -ne 125 ] || missing "a network of its own"
}

# public_copy NAME: copy a demo to where every user may run it; sets $COPY. The
# copy's name is this test's alone, so that pgrep finds what it leaves behind.
public_copy() {
    local folder
    folder=$(mktemp -d /tmp/dialtone.XXXXXX)
    chmod 755 "$folder"
    FOLDERS+=("$folder")
    COPY=$folder/$1
    cp "$ROOT/$1/$1" "$COPY"
    chmod 755 "$COPY"
}

# as_user COMMAND...: as an ordinary user, also where this is root.
as_user() {
    if [ "$(id -u)" -eq 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi
}

# many NAME COUNT: so many runs of a story at once, as an ordinary user; each must
# succeed, and no process be left of any.
many() {
    local pids=() i failed=0
    public_copy "$1"
    for ((i = 0; i < $2; i++)); do
        as_user "$COPY" >"$BATS_TEST_TMPDIR/many.$i" 2>&1 3>&- &
        pids+=("$!")
    done
    for i in "${!pids[@]}"; do
        wait "${pids[i]}" || {
            failed=1
            cat "$BATS_TEST_TMPDIR/many.$i"
        }
    done
    if pgrep -f "^$COPY"; then
        echo "these were left behind"
        failed=1
    fi
    return "$failed"
}
