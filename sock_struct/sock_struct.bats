load ../scripts/bats_helper
# guess: send\(client_fd, &order, sizeof order, 0\) = (\d+) -> 7; 8; 12

@test "the struct is longer than its data, and in this machine's byte order" {
    local order sent
    order=$(/usr/bin/python3 -c 'import struct; print(struct.pack("=I", 0x01020304).hex(" "))')
    run "$ROOT/sock_struct/sock_struct"
    [[ $output =~ "struct  41 "(ee\ )+"$order "[0-9a-f\ ]*ee ]]
    [[ $output =~ "send(client_fd, &order, sizeof order, 0)"\ +=\ ([0-9]+) ]]
    sent=${BASH_REMATCH[1]}
    [ "$sent" -gt 7 ]
    [ "$(sed -n 's/^   struct  //p' <<<"$output" | wc -w)" -eq "$sent" ]
}

@test "byte by byte: what strace saw on the wire is what Python packs" {
    local wire
    wire=$(/usr/bin/python3 -c '
import struct
print("".join("\\x%02x" % b for b in struct.pack(">cIH", b"A", 0x01020304, 0x0506)))')
    trace -e trace=sendto,recvfrom -xx
    "${UNDER[@]}" "$ROOT/sock_struct/sock_struct" 3>&-
    [ "$(grep -cF "\"$wire\", 7" "$TRACE")" -eq 2 ] # sent, and heard
}

@test "a number read in the wrong order is another one" {
    run "$ROOT/sock_struct/sock_struct"
    [[ $output =~ amount:\ (16909060,\ high\ byte\ first;\ 67305985|67305985,\ high\ byte\ first;\ 16909060),\ low ]]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many sock_struct 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures sock_struct send:EPIPE:1 send:EPIPE:2 recv:ECONNRESET:1 recv:ECONNRESET:2
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_struct
}
