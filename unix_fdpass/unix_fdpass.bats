load ../scripts/bats_helper
# guess: lseek\(taken\[0\], 0, SEEK_CUR\) = (\d+) .*?pread\(taken\[0\], .*? = (-?\d+) -> 24 24; 24 -1; 24 0

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies unix_fdpass
}

# bats test_tags=slow
@test "failures are named" {
    names_failures unix_fdpass socketpair:EMFILE:1 fork:EAGAIN:1 sendmsg:ENOBUFS:1 recvmsg:ENOMEM:1
}

@test "the same open file has different numbers on both sides" {
    command -v strace >/dev/null || missing strace
    run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=sendmsg,recvmsg "$ROOT/unix_fdpass/unix_fdpass"
    [ "$status" -eq 0 ]
    numbers() {
        sed -nE "s/.* $1\(.*SCM_RIGHTS, cmsg_data=\[([0-9]+)\].*/\1/p" "$BATS_TEST_TMPDIR/trace" | head -n 1
    }
    [ "$(numbers sendmsg)" -gt 2 ]
    [ "$(numbers recvmsg)" -gt 2 ]
    [ "$(numbers sendmsg)" -ne "$(numbers recvmsg)" ]
}

@test "the guest may not open what it has: for an ordinary user, too, and ten at once" {
    many unix_fdpass 10
    public_copy unix_fdpass
    run as_user "$COPY"
    [[ $output == *'open(buf, O_RDONLY) '*'= -1 EACCES'* ]]
}

@test "an unread message keeps its file open, until the socket is closed" {
    python '
a, b = socket.socketpair(socket.AF_UNIX)
r, w = os.pipe()
os.set_blocking(r, False)
socket.send_fds(a, [b"here"], [w])
os.close(w)
a.close()
try:
    os.read(r, 1)
    sys.exit("closed already")
except BlockingIOError:
    pass
b.close()
assert os.read(r, 1) == b""'
}

@test "room for one, by CMSG_SPACE, holds two where a word has 8 bytes" {
    python '
a, b = socket.socketpair(socket.AF_UNIX)
socket.send_fds(a, [b"here"], [0, 1])
word = struct.calcsize("P")
_, control, flags, _ = b.recvmsg(4, socket.CMSG_SPACE(4))
assert len(control[0][2]) == word
assert bool(flags & socket.MSG_CTRUNC) == (word == 4)'
}

@test "has no file that could be left behind" {
    command -v strace >/dev/null || missing strace
    run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=%file "$ROOT/unix_fdpass/unix_fdpass"
    [ "$status" -eq 0 ]
    grep -q open "$BATS_TEST_TMPDIR/trace" # that is: strace saw something
    run ! grep -E 'O_CREAT|mkdir|mknod|bind' "$BATS_TEST_TMPDIR/trace"
}
