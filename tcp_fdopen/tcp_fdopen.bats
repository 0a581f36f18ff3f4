load ../scripts/bats_helper
# guess: fprintf\(out, "hello, %s\\n", "client"\) = 14 client (?:poll\(&client, 1, 50\) = (\d)|(recv)) -> 0; 1; 2

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_fdopen/tcp_fdopen" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "getline finds the lines, and poll does not see what it has read ahead" {
    [[ $(part 1) = *"poll("*"= 1"*"= 4"*'"one"'*"poll("*"= 0"*"= 4"*'"two" was in the buffer'*"= 6"*'"three"'* ]]
    trace -e trace=read,readv
    "${UNDER[@]}" "$ROOT/tcp_fdopen/tcp_fdopen" 3>&-
    # glibc reads with read, musl with readv: all that had come, at once
    [ "$(grep -cE 'readv?\(.*"one\\ntwo\\nthr".* = 11$' "$TRACE")" -eq 1 ]
}

@test "what fprintf wrote leaves with fflush, in one piece, and not before" {
    [[ $(part 2) = *"fprintf("*"= 14"*"poll("*"= 0"*"fflush("*"= 0"*"poll("*"= 1"*"recv("*"= 14"* ]]
    trace -e trace=poll,ppoll,write,writev
    "${UNDER[@]}" "$ROOT/tcp_fdopen/tcp_fdopen" 3>&-
    # glibc writes with write, musl with writev; the story's own output is fd 1.
    grep -vE 'writev?\(1,' "$TRACE" | grep -B1 'write.*"hello, client' | grep -qE 'poll.* = 0 \(Timeout\)'
    [ "$(grep -cE 'writev?\([^1].*"hello' "$TRACE")" -eq 1 ]
}

@test "one FILE for both directions loses the answer or the next line, never nothing" {
    cat >"$BATS_TEST_TMPDIR/both.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
int main(void)
{
	struct timeval soon = {.tv_usec = 200000};
	char line[100], answer[100];
	int end[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) == -1)
		return 2;
	FILE *file = fdopen(end[0], "r+");
	setsockopt(end[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
	send(end[1], "one\ntwo\n", 8, 0);
	if (!fgets(line, sizeof line, file) || strcmp(line, "one\n"))
		return 2;
	fputs("ONE\n", file);
	int flushed = fflush(file);
	int answered = recv(end[1], answer, sizeof answer, MSG_DONTWAIT) == 4;
	int second = fgets(line, sizeof line, file) && !strcmp(line, "two\n");
	printf("fflush %d, answer %d, second line %d\n", flushed, answered, second);
	return answered && second;
}
END
    "${CC:-cc}" -o "$BATS_TEST_TMPDIR/both" "$BATS_TEST_TMPDIR/both.c"
    run "$BATS_TEST_TMPDIR/both"
    echo "$output"
    [ "$status" -eq 0 ]
    # glibc, or musl
    [[ $output = "fflush -1, answer 0, "* || $output = "fflush 0, answer 1, second line 0" ]]
}

@test "a second fclose on the same descriptor closes a stranger's socket" {
    [[ $(part 3) = *"fclose(in)"*"socket("*"fclose(out)"*"listen(other_fd, 1)"*"= -1 EBADF"* ]]
}

@test "with dup, the last fclose flushes and ends the stream" {
    trace -e trace=write,writev,close,recvfrom
    "${UNDER[@]}" "$ROOT/tcp_fdopen/tcp_fdopen" 3>&-
    [[ $(sed -n '/write.*"bye\\n"/,$p' "$TRACE" | tr '\n' ' ') = *"close("*'recvfrom('*'"bye\n"'*"= 4"* ]]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_fdopen 10
}

# bats test_tags=slow
@test "ends with the call and the error when a call fails" {
    names_failures tcp_fdopen dup:EMFILE:1 dup:EMFILE:2 send:ENOBUFS:1 send:ENOBUFS:2 \
        poll:ENOMEM:1 recv:ENOMEM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_fdopen
}
