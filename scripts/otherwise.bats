# scripts/otherwise: does a story notice when the kernel does otherwise?
# bats file_tags=slow
load bats_helper

# story NAME CODE: a story of our own making, in a copy of the toolkit's layout.
story() {
    local copy=$BATS_TEST_TMPDIR/$1
    mkdir -p "$copy/$1" "$copy/scripts"
    cp "$ROOT"/*.h "$copy"
    cp "$ROOT/scripts/otherwise" "$copy/scripts"
    printf '#include "../common.h"\n
        int main(int argc, char *argv[]) {
            int client_fd, conn_fd, n; char buf[9];
            begin_story(argc, argv, "usage: story\\n"); connected_pair(&client_fd, &conn_fd); scene("one");
            CALL("client", close(client_fd));
            n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
            %s }\n' "$2" >"$copy/$1/$1.c"
    run "$copy/scripts/otherwise" "$1"
}

@test "a story that looks at each result notices each lie" {
    story careful 'expect("the end", n == 0);'
    [ "$status" -eq 0 ]
    [ "$output" = "3 lies noticed" ] # close fails; recv fails; recv gives a byte
}

@test "a story that does not look at a result is found out" {
    story careless '(void)n;'
    [ "$status" -eq 1 ]
    [[ $output = "otherwise: not noticed, status 0: recv(conn_fd, buf, sizeof buf, 0)"* ]]
}

@test "a story that takes any number for the right one is found out" {
    story easygoing 'expect("the end", n >= 0);'
    [ "$status" -eq 1 ]
    [[ $output = "otherwise: not noticed, status 0: recv("* ]]
}

@test "a story that crashes instead of saying what it saw is found out" {
    story brittle 'if (n != 0) abort();'
    [ "$status" -eq 1 ]
    [[ $output = "otherwise: not noticed, status -6: recv("* ]]
}

@test "a story that fails by itself proves nothing" {
    story broken 'die("fail"); (void)n;'
    [ "$status" -eq 1 ]
    [[ $output = "otherwise: the story fails without a lie, status 1: "* ]]
}

@test "otherwise: without a story, wrong use" {
    run "$ROOT/scripts/otherwise"
    [ "$status" -eq 2 ]
}
