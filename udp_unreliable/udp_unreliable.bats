load ../scripts/bats_helper
# guess: ONE\?, the answer .*?sizeof buf, MSG_DONTWAIT\) = (?:-?\d+) => (\S+) -> ONE\?; TWO\?; .*answer

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_unreliable socket:EMFILE:1 bind:EADDRINUSE:1 getsockname:ENOBUFS:2 \
        connect:ENETUNREACH:2 setsockopt:ENOPROTOOPT:1 getsockopt:ENOPROTOOPT:1 send:ENOBUFS:104 \
        recv:ENOMEM:5
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_unreliable
}

@test "the lost and the arrived of a burst add up, and the kernel saw them, too" {
    trace -e trace=sendto,recvfrom
    run "${UNDER[@]}" "$ROOT/udp_unreliable/udp_unreliable"
    [ "$status" -eq 0 ]
    [[ $output =~ " "([0-9]+)" arrived; SO_MEMINFO: "([0-9]+)" dropped" ]]
    [ "${BASH_REMATCH[1]}" -ge 1 ]
    [ "$((BASH_REMATCH[1] + BASH_REMATCH[2]))" -eq 100 ]
    [ "$(grep -c 'sendto(.*"card".* = 4$' "$TRACE")" -eq 100 ]
    [ "$(grep -c 'recvfrom(.*"card".* = 4$' "$TRACE")" -eq "${BASH_REMATCH[1]}" ]
}

@test "SO_RXQ_OVFL hands the same count out with the next datagram" {
    python '
r, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "rs")
r.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
r.setsockopt(socket.SOL_SOCKET, 40, 1) # SO_RXQ_OVFL
r.bind(("127.0.0.1", 0))
for i in range(100):
    s.sendto(b"card", r.getsockname())
r.setblocking(False)
arrived = 0
try:
    while r.recv(9):
        arrived += 1
except BlockingIOError:
    pass
r.settimeout(10)
s.sendto(b"last", r.getsockname())
data, control, flags, sender = r.recvmsg(9, 99)
assert 0 < arrived < 50
assert struct.unpack("I", control[0][2])[0] == 100 - arrived, (arrived, control)'
}

@test "without a number an answer goes to the wrong question, with one it does not" {
    run "$ROOT/udp_unreliable/udp_unreliable"
    [ "$status" -eq 0 ]
    [[ $output = *"=> ONE? again: wrong answer"*"=> TWO?: from here on"* ]]
    [[ $output = *"=> 1 ONE? again: not number 2, so drop it"*"=> 2 TWO?, the answer" ]]
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_unreliable 10
}
