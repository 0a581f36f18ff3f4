load ../scripts/bats_helper
# guess: ECONNREFUSED => (.*?) new .*?ECONNREFUSED => (.*?) caller  -> .* dead .* dead; .* lives .* lives; .* is dead .* not yet .*

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies unix_stale
}

@test "ten at once, as an ordinary user, and no file or process is left" {
    many unix_stale 10
}

# bats test_tags=slow
@test "a failure, and a signal at any call, leave no file" {
    command -v strace >/dev/null || missing strace
    local call
    for call in bind connect kill unlink; do
        run strace -qq -f -o "$BATS_TEST_TMPDIR/trace" -e trace=mkdir,"$call" -e signal=none \
            -e inject="$call:error=EIO" "$ROOT/unix_stale/unix_stale"
        [ "$status" -eq 1 ] && [ ! -e "$(made)" ] || {
            # unlink that fails for ever cannot be mended
            [ "$call" = unlink ] && rm -r "$(made)"
        }
        run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=mkdir,"$call" -e signal=none \
            -e inject="$call:signal=TERM" "$ROOT/unix_stale/unix_stale"
        [ "$status" -eq 143 ]
        [ ! -e "$(made)" ]
    done
}

@test "an abstract name: nothing is left by kill -9, and each of its bytes counts" {
    python '
import errno, signal
name = b"\0dialtone-%d" % os.getpid()
r, w = os.pipe()
child = os.fork()
if child == 0:
    s = socket.socket(socket.AF_UNIX)
    s.bind(name + b"\0")
    s.listen(5)
    os.write(w, b"!")
    time.sleep(20)
os.read(r, 1)
socket.socket(socket.AF_UNIX).connect(name + b"\0")
try:
    socket.socket(socket.AF_UNIX).connect(name)
    sys.exit("a byte shorter, and yet found")
except ConnectionRefusedError:
    pass
try:
    socket.socket(socket.AF_UNIX).bind(name + b"\0")
    sys.exit("it was not in use")
except OSError as error:
    assert error.errno == errno.EADDRINUSE
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
socket.socket(socket.AF_UNIX).bind(name + b"\0")'
}

# made: the directory that the story made, by its trace.
made() {
    sed -n 's/.*mkdir("\([^"]*\)".*= 0$/\1/p' "$BATS_TEST_TMPDIR/trace"
}
