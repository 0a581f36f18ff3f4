load ../scripts/bats_helper

DEMO=$ROOT/tcp_states/tcp_states
export LC_ALL=C.UTF-8
unset NO_COLOR
STATES='CLOSED LISTEN SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT_1 FIN_WAIT_2
    CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT'

# Where there can be no private network, no segments can be captured.
needs_network() {
    "$ROOT/scripts/sandbox" true 2>/dev/null || missing "private network (scripts/sandbox true says why)"
}

# segments: the texts of the arrows on standard input, one a line, ">" or "<" first.
segments() {
    sed -nE 's/^ {13}│ *([◄x]?)─+ (.*) ─+([►x]?) *│$/\1\3 \2/p' | sed -E 's/^◄/</; s/^►/>/'
}

# states: the pairs of states on standard input.
states() {
    sed -nE 's/^ *([A-Z_0-9]+) │ +│ ([A-Z_0-9]+)$/\1 \2/p'
}

@test "the life of a connection: each call, each segment, each state" {
    needs_network
    run --separate-stderr "$DEMO"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    diff - <(segments <<<"$output") <<END
> SYN  seq=x
< SYN ACK  seq=y ack=x+1
> ACK  seq=x+1 ack=y+1
> PSH ACK  seq=x+1 ack=y+1  5 bytes
< ACK  seq=y+1 ack=x+6
> FIN ACK  seq=x+6 ack=y+1
< ACK  seq=y+1 ack=x+7
< FIN ACK  seq=y+1 ack=x+7
> ACK  seq=x+7 ack=y+2
END
    diff - <(states <<<"$output") <<END
CLOSED CLOSED
CLOSED LISTEN
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
TIME_WAIT CLOSED
END
    grep -qE 'TIME_WAIT: for (59|60) s more' <<<"$output"
}

@test "open: the connection is there before accept" {
    needs_network
    run "$DEMO" open
    diff - <(segments <<<"$output") <<END
> SYN  seq=x
< SYN ACK  seq=y ack=x+1
> ACK  seq=x+1 ack=y+1
END
    grep -A 2 'ESTABLISHED │ *│ ESTABLISHED' <<<"$output" | grep -q 'accept(listen_fd, NULL, NULL) = [0-9]'
}

@test "close: four segments or three, and TIME_WAIT for who closed first" {
    needs_network
    run "$DEMO" close
    [ "$status" -eq 0 ]
    grep -q ' 3 segments: the ACK travelled with the FIN ' <<<"$output"
    diff - <(segments <<<"$output") <<END
> FIN ACK  seq=u ack=w
< ACK  seq=w ack=u+1
< FIN ACK  seq=w ack=u+1
> ACK  seq=u+1 ack=w+1
< FIN ACK  seq=w ack=u
> FIN ACK  seq=u ack=w+1
< ACK  seq=w+1 ack=u+1
END
    [ "$(states <<<"$output" | tr '\n' ,)" = "ESTABLISHED ESTABLISHED,FIN_WAIT_2 CLOSE_WAIT,TIME_WAIT CLOSED,ESTABLISHED ESTABLISHED,CLOSED TIME_WAIT," ]
    grep -qE ' 4 segments: the ACK waited [0-9]+ ms, then went alone ' <<<"$output"
}

@test "simultaneous: the FINs cross, and both ends are in CLOSING" {
    needs_network
    run "$DEMO" simultaneous
    [ "$status" -eq 0 ]
    [ "$(states <<<"$output" | tr '\n' ,)" = "ESTABLISHED ESTABLISHED,FIN_WAIT_1 FIN_WAIT_1,CLOSING FIN_WAIT_1,CLOSING CLOSING,CLOSING TIME_WAIT,TIME_WAIT TIME_WAIT," ]
    # Neither FIN knows of the other; all are seen as they leave and as they arrive.
    diff - <(segments <<<"$output") <<END
> FIN ACK  seq=u ack=w
< FIN ACK  seq=w ack=u
< FIN ACK  seq=w ack=u
> ACK  seq=u+1 ack=w+1
> FIN ACK  seq=u ack=w
< ACK  seq=w+1 ack=u+1
> ACK  seq=u+1 ack=w+1
< ACK  seq=w+1 ack=u+1
END
}

@test "reset: a SYN to a port where nobody listens" {
    needs_network
    run "$DEMO" reset
    [ "$status" -eq 0 ]
    grep -qF 'connect(client_fd, addr, addrlen) = -1 ECONNREFUSED' <<<"$output"
    diff - <(segments <<<"$output") <<END
> SYN  seq=x
< RST ACK  seq=0 ack=x+1
END
}

@test "the numbers of every ladder add up" {
    needs_network
    "$DEMO" life open close reset all >"$BATS_TEST_TMPDIR/ladders"
    python '
import re
def number(text, names):
    m = re.fullmatch(r"([xyuw])([+-]\d+)?|(\d+)", text)
    assert m and (m[3] is not None or m[1] in names), text
    return int(m[2] or 0) if m[1] else int(m[3])
checked = 0
for line in open(sys.argv[1]):
    if "client 127.0.0.1" in line:
        next_ = {">": None, "<": None}
    m = re.fullmatch(r" {13}│([◄x]?)─+ (.*?)  seq=(\S+)(?: ack=(\S+))?(?:  (\d+) bytes)?( again)? ─+[►x]?│\n", line)
    assert m or "seq=" not in line, line
    if not m:
        continue
    side, other, mine, theirs = ("<", ">", "yw", "xu") if m[1] else (">", "<", "xu", "yw")
    flags = m[2].split()
    seq = number(m[3], mine)
    if next_[side] is None:
        next_[side] = seq
    assert seq == next_[side] or m[6] or seq == next_[side] - 1 and flags == ["ACK"], line
    if m[4] and next_[other] is not None:
        assert number(m[4], theirs) <= next_[other], line
    if flags != ["ACK"] or m[5]:  # who has sent something expects the next
        next_[side] = max(next_[side], seq + int(m[5] or 0) + ("SYN" in flags) + ("FIN" in flags))
    checked += 1
assert checked > 70, checked' "$BATS_TEST_TMPDIR/ladders"
}

@test "strace saw every call that the ladders show, with that result" {
    command -v strace >/dev/null || missing strace
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$DEMO" life close simultaneous reset all >"$BATS_TEST_TMPDIR/ladders"
    python '
import re
kernel = {"recv": "recvfrom", "send": "sendto"}
traced = iter([m.groups() for m in (re.match(r"\d+ +(\w+)\(.*\) += (-?\d+)(?: (E\w+))?", line)
                                    for line in open(sys.argv[1], errors="replace")) if m])
shown = 0
for line in open(sys.argv[2]):
    m = re.match(r" {13}│ +(\w+)\(.*\) = (-?\d+)(?: (E\w+))? +│$", line)
    if m:
        name, result, error = m.groups()
        assert (kernel.get(name, name), result, error) in traced, line
        shown += 1
assert shown > 60, shown' "$BATS_TEST_TMPDIR/trace" "$BATS_TEST_TMPDIR/ladders"
}

# all_eleven OUTPUT_OF_ALL: each state was held, each seen by both windows, each
# marked in the diagram.
all_eleven() {
    local state shown wanted=()
    for state in $STATES; do
        [[ $1 = *"HELD: the "@(client|server)" is in $state "* ]] || wanted+=("HELD $state")
        [[ $1 = *"[*] $state"* ]] || wanted+=("[*] $state")
    done
    for state in 1 2 4 5 8 9; do
        [[ $1 = *"TCP_INFO: state $state, /proc/net/tcp: st 0$state "* ]] || wanted+=("state $state")
    done
    for shown in 'state 11, /proc/net/tcp: st 0B' 'state 10, /proc/net/tcp: st 0A' \
        'none, no descriptor, /proc/net/tcp: st 03' \
        'state 7, /proc/net/tcp: st 06' 'state 7, /proc/net/tcp: none'; do
        [[ $1 = *"TCP_INFO: $shown "* ]] || wanted+=("$shown")
    done
    [[ $1 = *"released by the clock alone, in "@(59|60)" s"* ]] || wanted+=('the clock alone')
    [ ${#wanted[@]} -eq 0 ] || {
        printf 'missing: %s\n' "${wanted[@]}"
        return 1
    }
}

# released_as_said: on standard input, after each "released by CALL" comes CALL.
released_as_said() {
    python '
import re
releases = re.findall(r"released by (\w+\(\w+).*\n +│ +(.+?) = ", sys.stdin.read())
assert len(releases) == 10, releases
for said, call in releases:
    assert call.startswith(said), (said, call)'
}

@test "all: eleven states reached, held and released" {
    run --separate-stderr "$DEMO" all
    [ "$status" -eq 0 ]
    all_eleven "$output"
    released_as_said <<<"$output"
    diff - <(states <<<"$output") <<END
CLOSED CLOSED
CLOSED LISTEN
ESTABLISHED ESTABLISHED
CLOSED CLOSED
CLOSED LISTEN
CLOSED CLOSED
CLOSED CLOSED
CLOSED LISTEN
SYN_SENT LISTEN
CLOSED LISTEN
CLOSED CLOSED
CLOSED LISTEN
ESTABLISHED SYN_RECV
ESTABLISHED ESTABLISHED
CLOSED CLOSED
CLOSED LISTEN
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
ESTABLISHED ESTABLISHED
FIN_WAIT_1 ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
TIME_WAIT CLOSED
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
TIME_WAIT CLOSED
ESTABLISHED ESTABLISHED
FIN_WAIT_1 FIN_WAIT_1
CLOSING FIN_WAIT_2
TIME_WAIT TIME_WAIT
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
FIN_WAIT_2 LAST_ACK
TIME_WAIT CLOSED
ESTABLISHED ESTABLISHED
FIN_WAIT_2 CLOSE_WAIT
TIME_WAIT CLOSED
END
}

@test "twenty at once, as a user without privilege" {
    local i as_user=()
    mkdir "$BATS_TEST_TMPDIR/out"
    if [ "$(id -u)" -eq 0 ]; then # a copy where nobody can reach it
        COPY=$(mktemp -d)
        cp "$DEMO" "$COPY"
        chmod 755 "$COPY"
        as_user=(runuser -u nobody --)
        cd /
    fi
    for i in {1..20}; do
        "${as_user[@]}" "${COPY:-$ROOT/tcp_states}/tcp_states" all >"$BATS_TEST_TMPDIR/out/$i" 2>&1 3>&- &
        PIDS+=("$!")
    done
    for i in {1..20}; do
        wait "${PIDS[i - 1]}" || {
            cat "$BATS_TEST_TMPDIR/out/$i"
            return 1
        }
        all_eleven "$(cat "$BATS_TEST_TMPDIR/out/$i")"
    done
    PIDS=()
    rm -rf "${COPY:-}"
}

# held STATE: -w STATE in the background, held until file descriptor 4 gets a
# line. Sets $PID, $LOG and $FILTER, which makes ss show this connection only.
held() {
    local input=$BATS_TEST_TMPDIR/input
    LOG=$BATS_TEST_TMPDIR/$1.log
    rm -f "$input" "$LOG"
    mkfifo "$input"
    "$DEMO" -w "$1" <"$input" >"$LOG" 2>&1 3>&- &
    PID=$!
    PIDS+=("$PID")
    exec 4>"$input"
    wait_for "^look: ss -tan 'sport = :[0-9]+ or dport = :[0-9]+'; Enter goes on$"
    FILTER=$(sed -n "s/^look: ss -tan '\(.*\)'; .*/\1/p" "$LOG")
}

# What ss calls the states that it shows.
IN_SS='LISTEN SYN-SENT SYN-RECV ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING
    LAST-ACK TIME-WAIT'

@test "-w: ss in a second terminal sees the state, Enter releases it" {
    command -v ss >/dev/null || missing ss
    local state
    for state in $IN_SS; do
        held "${state/ESTAB/established}"
        ss -Htan "$FILTER" >"$BATS_TEST_TMPDIR/ss"
        grep -q "^$state " "$BATS_TEST_TMPDIR/ss" || {
            echo "$state: ss does not show it:"
            cat "$BATS_TEST_TMPDIR/ss"
            return 1
        }
        echo >&4
        exec 4>&-
        ended "$PID"
        run ! grep -q seq= "$LOG"
        run ! grep -v '^TIME-WAIT' <(ss -Htan "$FILTER")
    done
}

@test "killed while it holds a state, it leaves nothing but TIME_WAIT" {
    command -v ss >/dev/null || missing ss
    local state
    for state in closed $IN_SS; do
        held "${state/ESTAB/established}"
        kill -9 "$PID"
        exec 4>&-
        run ! ended "$PID"
        # The last ACK may be some milliseconds away.
        for ((tries = 0; tries < 500; tries++)); do
            ss -Htan "$FILTER" | grep -qv '^TIME-WAIT' || continue 2
            sleep 0.02
        done
        ss -Htan "$FILTER"
        return 1
    done
}

@test "-w in a scenario waits at each step; end of input lets it go" {
    run "$DEMO" -w open </dev/null
    [ "$status" -eq 0 ]
    [ "$(grep -c "^look: ss -tan" <<<"$output")" -eq 3 ]
    [[ ${lines[0]} = *"no segments are captured"* ]]
}

# falls_back COMMAND...: calls and states are shown all the same, no segments;
# one line says so, a hint names the ways out.
falls_back() {
    run --separate-stderr "$@"
    [ "$status" -eq 0 ]
    # shellcheck disable=SC2154 # set by run
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ ${stderr_lines[0]} = "tcp_states: no private network: no segments, only calls and states: "*" ($ERROR)" ]]
    [[ ${stderr_lines[1]} = "hint: scripts/sandbox true "* ]]
    [[ $output = *"CLOSE_WAIT"* && $output != *seq=* ]]
}

@test "without a private network: calls and states, and the ways out" {
    command -v strace >/dev/null || missing strace
    strace() {
        command strace -f -qq -o /dev/null -e trace=unshare,ioctl -e signal=none "$@"
    }
    ERROR=EPERM falls_back strace -e inject=unshare:error=EPERM "$DEMO" all
    all_eleven "$output"
    ERROR=ENOSPC falls_back strace -e inject=unshare:error=ENOSPC "$DEMO"
    # It is allowed, and then it is not: an AppArmor switch of Ubuntu.
    ERROR=EPERM falls_back strace -e inject=ioctl:error=EPERM:when=1 "$DEMO"

    run strace -e inject=unshare:error=EPERM "$DEMO" simultaneous
    [ "$status" -eq 0 ]
    grep -q 'HELD: the client is in CLOSING' <<<"$output"
}

@test "where the system really forbids it" {
    needs_network
    # shellcheck disable=SC2016 # the inner shell expands them
    ERROR=ENOSPC falls_back unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$0"' "$DEMO"
}

@test "nothing is left behind but what TCP leaves: TIME_WAIT" {
    needs_network
    # shellcheck disable=SC2016 # the inner shell expands them
    run "$ROOT/scripts/sandbox" sh -c '"$0" -w all life close reset </dev/null >/dev/null && ss -Htan' "$DEMO"
    echo "$output"
    [ "$status" -eq 0 ]
    # One for each connection that came to its proper end, CLOSING leaves two.
    [ "${#lines[@]}" -eq 9 ]
    run ! grep -v '^TIME-WAIT ' <<<"$output"
    # In a private network not even that.
    # shellcheck disable=SC2016 # the inner shell expands them
    run "$ROOT/scripts/sandbox" sh -c '"$0" all >/dev/null && ss -Htan' "$DEMO"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "names of states as ss, the RFC and the kernel spell them; no others" {
    local name
    for name in close_wait CLOSE-WAIT Close_Wait; do
        run "$DEMO" -m $name
        [ "$status" -eq 0 ]
        grep -q 'HELD: the server is in CLOSE_WAIT' <<<"$output"
    done
    for name in close_wai close_waitt CLOSE closewait "" " open" 8 time; do
        run --separate-stderr "$DEMO" life "$name"
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" -eq 2 ]
        [ "${stderr_lines[0]}" = "tcp_states: '$name' is no state and no scenario" ]
        [[ ${stderr_lines[1]} = "usage: tcp_states "* ]]
    done
    run --separate-stderr "$DEMO" close_wait -w
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = "tcp_states: options such as '-w' come first" ]
    run --separate-stderr "$DEMO" -m -w closing
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = "tcp_states: -m and -w do not go together" ]
}

@test "80 columns; plain ASCII where the locale is; colour on terminals only" {
    "$DEMO" life open close simultaneous reset all >"$BATS_TEST_TMPDIR/out"
    run ! grep -E '.{81}' "$BATS_TEST_TMPDIR/out"
    run ! grep $'\033' "$BATS_TEST_TMPDIR/out"
    LC_ALL=C "$DEMO" life simultaneous reset all >"$BATS_TEST_TMPDIR/ascii"
    env -u LC_ALL -u LC_CTYPE -u LANG "$DEMO" reset >>"$BATS_TEST_TMPDIR/ascii"
    LC_ALL=C run ! grep '[^ -~]' "$BATS_TEST_TMPDIR/ascii"
    grep -qF '    +--------+---------+    +--------+---------+' "$BATS_TEST_TMPDIR/ascii"
    grep -qF ' CLOSED |' "$BATS_TEST_TMPDIR/ascii"
    python '
import pty
for wanted in True, False:
    os.environ.update({} if wanted else {"NO_COLOR": "1"})
    said = []
    pty.spawn(sys.argv[1:], lambda fd: said.append(os.read(fd, 4096)) or said[-1])
    assert (b"\x1b[" in b"".join(said)) == wanted' "$DEMO" open
}

# What must differ from run to run, and segments that a busy machine repeats.
same_each_time() {
    sed -E 's/127\.0\.0\.1:[0-9]+/127.0.0.1:PORT/; s/\b([xyuw]) = [0-9]+/\1 = N/g
        s/[0-9]+ ms/N ms/; s/(for|in) [0-9]+ s\b/\1 N s/; s/(accept\(.*\)) = [0-9]+/\1 = FD/
        / again$/d' "$@"
}

@test "the diagrams in the lesson and in docs/ are what tcp_states -m writes" {
    needs_network
    local page tries ok=
    for tries in 1 2 3 4 5 6; do # a busy machine may split what usually goes together
        "$DEMO" -m life open close simultaneous reset close_wait all | same_each_time >"$BATS_TEST_TMPDIR/new"
        ok=yes
        for page in tcp_states/README.md docs/tcp-states.md; do
            same_each_time "$ROOT/$page" | python '
pages, blocks = open(sys.argv[1]).read(), 0
for block in sys.stdin.read().split("```mermaid\n")[1:]:
    block = block.partition("```")[0].strip("\n")
    assert block + "\n" in pages, block
    blocks += 1
assert blocks, "no diagram"' "$BATS_TEST_TMPDIR/new" >"$BATS_TEST_TMPDIR/differ" 2>&1 || ok=
        done
        [ -z "$ok" ] || break
    done
    [ -n "$ok" ] || {
        cat "$BATS_TEST_TMPDIR/differ"
        return 1
    }
    "$DEMO" all | sed '1,/^All eleven/d' >"$BATS_TEST_TMPDIR/diagram"
    sed '1,/^```text$/d; /^```$/,$d' "$ROOT/docs/tcp-states.md" | diff "$BATS_TEST_TMPDIR/diagram" -
}
