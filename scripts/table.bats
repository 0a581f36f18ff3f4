# scripts/table: the tables that are made from the lessons.
load bats_helper

# Three lessons in a copy of the toolkit's layout, and the pages with tables.
setup() {
    COPY=$BATS_TEST_TMPDIR/copy
    mkdir -p "$COPY"/{scripts,docs,tcp_one,tcp_two,tcp_three}
    cp "$ROOT/scripts/table" "$COPY/scripts"
    printf '%s\n' '# A comment that is no part.' '# 1 first part' 'DEMOS += tcp_two tcp_one' \
        '# 2 second part' 'DEMOS += tcp_three' 'CFLAGS = -O3' >"$COPY/Makefile"
    for demo in one two three; do
        touch "$COPY/tcp_$demo/tcp_$demo.c"
        printf '%s\n' "# tcp_$demo" '' "Idea: $demo." "You will see: it." '' \
            "- Symptom: \"$demo, again\". Cure: less (of $demo)." >"$COPY/tcp_$demo/README.md"
    done
    printf 'before\n<!-- table: made -->\nold\n<!-- end -->\nafter\n' |
        tee "$COPY/README.md" >"$COPY/docs/symptoms.md"
    TABLE=$COPY/scripts/table
}

@test "writes the tables between their marks, in the order of DEMOS" {
    "$TABLE" -w
    diff "$COPY/README.md" - <<'END'
before
<!-- table: made -->
| folder | the idea | what you will see |
| --- | --- | --- |
| **1 first part** | | |
| [tcp_two](tcp_two) | two | it |
| [tcp_one](tcp_one) | one | it |
| **2 second part** | | |
| [tcp_three](tcp_three) | three | it |
<!-- end -->
after
END
    diff "$COPY/docs/symptoms.md" - <<'END'
before
<!-- table: made -->
| symptom | cure | shown by |
| --- | --- | --- |
| "two, again" | less (of two) | [tcp_two](../tcp_two) |
| "one, again" | less (of one) | [tcp_one](../tcp_one) |
| "three, again" | less (of three) | [tcp_three](../tcp_three) |
<!-- end -->
after
END
}

@test "tells whether a table is out of step with a lesson" {
    run "$TABLE" -c
    [ "$status" -eq 1 ]
    "$TABLE" -w
    "$TABLE" -c
    sed -i 's/^- Symptom: ./&very /' "$COPY/tcp_one/README.md"
    run "$TABLE" -c
    [ "$status" -eq 1 ]
    "$TABLE" -w
    "$TABLE" -c
}

@test "a lesson without its idea, or with half a symptom, changes no page" {
    "$TABLE" -w
    cp "$COPY/README.md" "$COPY/docs/symptoms.md" "$BATS_TEST_TMPDIR"
    for change in 's/^Idea: .*/Idea: no full stop/' '/^You will see/d' \
        's/ Cure: .*//' 's/^\(- Symptom: .*\)\./\1/' 's/less/less | more/'; do
        cp "$COPY/tcp_one/README.md" "$BATS_TEST_TMPDIR/lesson"
        sed -i "$change" "$COPY/tcp_one/README.md"
        run --separate-stderr "$TABLE" -w
        [ "$status" -eq 1 ]
        [[ $stderr = *"table: tcp_one/README.md"* ]]
        cmp "$COPY/README.md" "$BATS_TEST_TMPDIR/README.md"
        cmp "$COPY/docs/symptoms.md" "$BATS_TEST_TMPDIR/symptoms.md"
        cp "$BATS_TEST_TMPDIR/lesson" "$COPY/tcp_one/README.md"
    done
}

@test "names the demos, and the parts, and makes the menu" {
    run "$TABLE" -d
    [ "$output" = $'tcp_two\ntcp_one\ntcp_three' ]
    run "$TABLE" -p
    [ "$output" = $'1 first part\ntcp_two\ntcp_one\n2 second part\ntcp_three' ]
    run "$TABLE" -m
    [ "${lines[0]}" = "1 first part" ]
    [ "${lines[2]}" = "  tcp_one         one" ]
}

@test "an unknown option is wrong use" {
    run --separate-stderr "$TABLE" -x
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr = "usage: "* ]]
}

@test "each symptom that students name leads to its demo" {
    cd "$ROOT"
    leads_to() { # DEMO WORDS
        grep -qE "^\| .*$2.* \| .*\[$1\]\(\.\./$1\) \|$" docs/symptoms.md || {
            echo "docs/symptoms.md: $2 does not lead to $1"
            return 1
        }
    }
    leads_to tcp_reuseaddr 'Address already in use'
    leads_to tcp_reset 'Connection reset by peer'
    leads_to tcp_sigpipe 'Broken pipe'
    leads_to tcp_sigpipe 'my program just exits silently'
    leads_to tcp_disconnect 'server prints empty messages for ever'
    leads_to tcp_server 'second client'
    leads_to tcp_client 'Connection refused'
    leads_to tcp_backlog 'client hangs in connect'
}
