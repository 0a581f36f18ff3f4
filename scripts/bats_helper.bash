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

# within SECONDS COMMAND...: until the command succeeds, tried every 20 ms; if it does not
# in time, says so, and 1. (No sleep(1): a hundred processes that look again would keep the
# machine busy with starting them.) A subshell, because a read whose time is over before it
# waits, on a busy machine, leaves bash 5.2 with any signals blocked. If SIGCHLD is one of
# them, that shell does not see a process of its own end.
within() (
    end=$((SECONDS + $1 + 1))
    never=$BATS_RUN_TMPDIR/never
    [ -p "$never" ] || mkfifo "$never" 2>/dev/null || true
    while ((SECONDS < end)); do
        "${@:2}" && return
        read -rt 0.02 <>"$never" || true
    done
    echo "not within $1 s: ${*:2}"
    return 1
)

# prints TEXT COMMAND...: whether the command prints exactly that.
prints() { [ "$("${@:2}")" = "$1" ]; }

# holds PATTERN FILE: whether a line of the file matches the pattern.
holds() {
    local line lines=()
    [ -e "$2" ] || return
    mapfile -t lines <"$2" 2>/dev/null
    for line in "${lines[@]}"; do
        [[ $line =~ $1 ]] && return
    done
    return 1
}

# wait_for PATTERN [FILE]: until a line of FILE (default: $LOG) matches PATTERN.
wait_for() {
    local file=${2:-$LOG}
    within 10 holds "$1" "$file" || {
        cat "$file"
        return 1
    }
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# ended PID: its exit status, once it has ended (waits at most 10 s).
ended() {
    within 10 gone "$1" || return 99
    wait "$1"
}

# python CODE ARGS...: the other side of a conversation, from Python's standard
# library. sys.argv[1:] are ARGS; ended after 60 s.
python() {
    timeout 60 /usr/bin/python3 -IS -c "
import os, socket, struct, sys, time
socket.setdefaulttimeout(30)
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

# programs CODE: run CODE in Python. It has the names of the demos and of those that are stories (all
# that this machine can show), the source, lesson and path of each demo, and servers, the command
# lines of the programs that wait for clients; field() and until() look at a process.
programs() {
    timeout 120 /usr/bin/python3 -IS -c "
import os, pathlib, re, signal, socket, subprocess, sys, time
root = pathlib.Path(sys.argv[1])
demos = subprocess.run([root / 'scripts/table', '-d'], stdout=subprocess.PIPE, text=True).stdout.split()
source = {demo: (root / demo / (demo + '.c')).read_text() for demo in demos}
lesson = {demo: (root / demo / 'README.md').read_text() for demo in demos}
ipv6 = (pathlib.Path('/proc/net/if_inet6').exists() and pathlib.Path('/proc/net/if_inet6').read_text())
stories = [demo for demo in demos if 'begin_story(' in source[demo] and (ipv6 or demo != 'sock_dualstack')]
def path(demo): return str(root / demo / demo)
servers = [[path(demo), '127.0.0.1', '0'] for demo in demos if '[-q] [HOST [PORT]]' in source[demo] and demo != 'udp_demo']
servers += [[path('udp_demo'), 'server', '127.0.0.1', '0'], [path('unix_demo'), 'server', sys.argv[2] + '/socket']]
assert len(stories) > 5 and len(servers) > 2
def field(pid, name): # of /proc/PID/status
    return next(l.split()[1] for l in open(f'/proc/{pid}/status') if l.startswith(name + ':'))
def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, 'waited for 20 s'
        time.sleep(0.01)
$1" "$ROOT" "$BATS_TEST_TMPDIR" 3>&-
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
