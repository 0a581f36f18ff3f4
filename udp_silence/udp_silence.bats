load ../scripts/bats_helper

@test "tells the truth" {
    tells_the_truth udp_silence
}

@test "a call that fails: status 1, its name and errno" {
    names_failures udp_silence socket:EMFILE:1 socket:EMFILE:2 bind:EADDRINUSE:1 \
        getsockname:ENOBUFS:1 connect:ENETUNREACH:1 sendto:ENOBUFS:1 poll:ENOMEM:1 \
        setsockopt:ENOPROTOOPT:1 recv:ENOMEM:1
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_silence
}

@test "connect sends nothing, nor does the send that is told of an error" {
    alone bash -c "'$ROOT/udp_silence/udp_silence' >/dev/null && cat /proc/net/snmp"
    [ "$status" -eq 0 ]
    # In its own network: six datagrams were sent. Four went to nobody, and so did
    # the stranger's: the connected socket is not there for it.
    grep -q '^Udp: 1 5 0 6 ' <<<"$output" # InDatagrams NoPorts InErrors OutDatagrams
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_silence 10
}
