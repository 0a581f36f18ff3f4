load ../scripts/bats_helper

@test "tells the truth, as strace sees it" {
    tells_the_truth unix_stale
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies unix_stale
}

@test "ten at once, as an ordinary user, and no file or process is left" {
    many unix_stale 10
}

@test "a failure, and a signal at any call, leave no file" {
    command -v strace >/dev/null || missing strace
    local call
    for call in bind listen connect kill unlink; do
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

# made: the directory that the story made, by its trace.
made() {
    sed -n 's/.*mkdir("\([^"]*\)".*= 0$/\1/p' "$BATS_TEST_TMPDIR/trace"
}
