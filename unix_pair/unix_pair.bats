load ../scripts/bats_helper
# guess: the child has answered \.\.\. parent recv\(.*?\) = (-?\d+(?: E\w+)?) -> 0; -1 EAGAIN; -1 E(PIPE|CONNRESET)

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies unix_pair
}

# bats test_tags=slow
@test "failures are named" {
    names_failures unix_pair socketpair:EMFILE:1 socket:EMFILE:1 fork:EAGAIN:1 fork:EAGAIN:2
}

@test "names the user and the group that called" {
    public_copy unix_pair
    run as_user "$COPY"
    [ "$status" -eq 0 ]
    [[ $output == *", user $(as_user id -u), group $(as_user id -g)"$'\n'* ]]
}

@test "an end of a pair works both ways, has no address, and its peer is who made the pair" {
    python '
a, b = socket.socketpair(socket.AF_UNIX)
a.send(b"ping")
b.send(b"pong!")
assert (a.recv(9), b.recv(9)) == (b"pong!", b"ping")
assert a.family == socket.AF_UNIX and a.getsockname() == "" and a.getpeername() == ""
child = os.fork()
pid, uid, gid = struct.unpack("iII", b.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
made_it = os.getppid() if child == 0 else os.getpid()
if (pid, uid, gid) != (made_it, os.geteuid(), os.getegid()):
    os._exit(1)
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0'
}

@test "ten at once, as an ordinary user, and no process is left" {
    many unix_pair 10
}

@test "has no file that could be left behind" {
    command -v strace >/dev/null || missing strace
    run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=%file,bind "$ROOT/unix_pair/unix_pair"
    [ "$status" -eq 0 ]
    grep -q 'bind(.*@"' "$BATS_TEST_TMPDIR/trace" || grep -q 'bind(.*AF_UNIX}' "$BATS_TEST_TMPDIR/trace"
    run ! grep -E 'O_CREAT|mkdir|mknod' "$BATS_TEST_TMPDIR/trace"
}
