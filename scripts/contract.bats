# What is promised of every demo, tried on every folder that is there.
load bats_helper

# every_demo COMMAND...: run COMMAND with each demo's name in $1; name the first
# for which it fails.
every_demo() {
    local source
    for source in "$ROOT"/*/; do
        source=${source%/}
        [ -e "$source/${source##*/}.c" ] || continue
        "$@" "${source##*/}" || {
            echo "${source##*/} breaks the rule; status ${status-}, output: ${output-} ${stderr-}"
            return 1
        }
    done
}

@test "each folder is listed in DEMOS, with a lesson and tests" {
    listed() {
        "$ROOT/scripts/table" -d | grep -qx "$1" &&
            [ -s "$ROOT/$1/README.md" ] && [ -s "$ROOT/$1/$1.bats" ] && [ -x "$ROOT/$1/$1" ]
    }
    every_demo listed
}

@test "the tables in README.md and docs/symptoms.md are in step with the lessons" {
    run "$ROOT/scripts/table" -c
    [ "$status" -eq 0 ]
}

@test "-h: usage with an example on standard output, status 0" {
    helps() {
        run --separate-stderr "$ROOT/$1/$1" -h
        [ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ ${lines[0]} = "usage: $1"* ]] &&
            grep -q "^example: .*$1" <<<"$output" && ! grep -E '.{81}' <<<"$output"
    }
    every_demo helps
}

@test "wrong use: what is wrong, the usage line, status 2, nothing on standard output" {
    refuses() {
        local args
        for args in "-?" "a b c d e f" "--nonsense"; do
            # shellcheck disable=SC2086 # words, not one argument
            run --separate-stderr "$ROOT/$1/$1" $args </dev/null
            # shellcheck disable=SC2154 # set by run
            [ "$status" -eq 2 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" -eq 2 ] &&
                [[ ${stderr_lines[0]} = "$1: "* && ${stderr_lines[1]} = "usage: $1"* ]] || return 1
        done
    }
    every_demo refuses
}

@test "a full disk is noticed: status 1" {
    notices() {
        run --separate-stderr bash -c "'$ROOT/$1/$1' -h >/dev/full"
        [ "$status" -eq 1 ] && [[ $stderr = "$1: write to standard output: "*"(ENOSPC)" ]]
    }
    every_demo notices
}

@test "cc in the folder, without flags, builds it" {
    builds() {
        (cd "$ROOT/$1" && cc ./*.c -o "$BATS_TEST_TMPDIR/$1") && "$BATS_TEST_TMPDIR/$1" -h >/dev/null
    }
    every_demo builds
}

@test "the header comment says what, how to run it and what next, in 12 lines" {
    has_header() {
        local header
        header=$(sed '/^ \*\/$/q' "$ROOT/$1/$1.c")
        [ "$(wc -l <<<"$header")" -le 14 ] && [[ $header = "/* $1 - "* ]] &&
            grep -q '^ \* Run: ' <<<"$header" && grep -q '^ \* Next: ' <<<"$header"
    }
    every_demo has_header
}

@test "each source and each lesson leads on to the next demo of the list" {
    leads_on() {
        local next
        next=$("$ROOT/scripts/table" -d | grep -x -A 1 "$1" | sed -n 2p)
        [ -n "$next" ] || next=exercises # after the last one
        grep -q "^ \* Next:   .*$next" "$ROOT/$1/$1.c" &&
            grep -q "^Read next: .*$next" "$ROOT/$1/README.md"
    }
    every_demo leads_on
}

@test "the lesson of each demo holds a transcript" {
    has_transcript() {
        grep -q '^```console$' "$ROOT/$1/README.md"
    }
    every_demo has_transcript
}

@test "every transcript in every page comes out as printed" {
    cd "$ROOT"
    local pages
    mapfile -t pages < <(find . -name '*.md' -not -path './.*' | sort)
    scripts/replay "${pages[@]}"
}

@test "make help names the targets a user needs" {
    run make -s -C "$ROOT" help
    for target in all demo demo-tcp test lint sanitize clean; do
        grep -q "^make $target " <<<"$output"
    done
}

@test "a binary is built anew when common.h or the flags change, and else not" {
    cp -r "$ROOT" "$BATS_TEST_TMPDIR/copy"
    cd "$BATS_TEST_TMPDIR/copy"
    local build='make tcp_client/tcp_client'
    $build
    [ -z "$($build)" ]
    touch common.h
    [[ $($build) = *"tcp_client.c"* ]]
    [[ $($build CPPFLAGS=-DDIALTONE) = *"-DDIALTONE"* ]]
    [[ $($build) != *"-DDIALTONE"* ]]
    [ -z "$($build)" ]
}

@test "the default build is hardened: PIE, full RELRO, fortified calls, stack protector" {
    command -v readelf >/dev/null || missing readelf
    cp -r "$ROOT" "$BATS_TEST_TMPDIR/copy"
    cd "$BATS_TEST_TMPDIR/copy"
    env -u CFLAGS -u CPPFLAGS -u HARDEN -u LDFLAGS make -s -B tcp_client/tcp_client
    local about
    about=$(readelf -hldsW tcp_client/tcp_client)
    for sign in 'Type: *DYN' 'GNU_RELRO' 'BIND_NOW' '__[a-z]*printf_chk' '__stack_chk_fail'; do
        grep -q "$sign" <<<"$about" || { echo "no sign of $sign" && return 1; }
    done
    run ! grep -q 'GNU_STACK.*RWE' <<<"$about"
}
