#!/usr/bin/env bats
# What scripts/replay promises, shown on little documents.
# bats file_tags=slow
# shellcheck disable=SC2016 # nothing in the documents is for this shell

bats_require_minimum_version 1.5.0 # run --separate-stderr

setup() {
	REPLAY=$BATS_TEST_DIRNAME/replay
	DOC=$BATS_TEST_TMPDIR/doc.md
	export REPLAY_TIMEOUT=10
	cd "$BATS_TEST_TMPDIR" || return # so that reports say doc.md:3
	printf '# A document\n\n' >"$DOC" # the first fence is on line 3
}

block() { # [INFO]: standard input becomes a block of the document
	{
		printf '```%s\n' "${1:-console}"
		cat
		printf '```\n'
	} >>"$DOC"
}

passes() {
	run "$REPLAY" doc.md
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'ok doc.md:3'* ]]
}

fails() { # REPORT...: these must appear
	run "$REPLAY" doc.md
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'not ok doc.md:3'* ]]
	for report; do
		[[ $output == *"$report"* ]]
	done
}

@test "a right transcript passes" {
	block <<'END'
$ printf 'one\n\n  two\n'
one

  two
$ printf 'no end of line'
no end of line
END
	passes
	[[ $output == *'ok doc.md:3' ]]
}

@test "a wrong line fails, and the report says where they part" {
	block <<'END'
$ echo one; echo the second line
one
the 2nd line
$ echo three
four
END
	fails '# line 6: expected' '| the 2nd line' '| the second line'
	[[ $output != *four* ]] # the first difference ends the block
}

@test "blanks count" {
	block <<'END'
$ echo 'a  b'
a b
END
	fails
}

@test "output beyond the last line fails" {
	block <<'END'
$ echo one; echo two
one
END
	fails 'more came than expected' '| two'
}

@test "output before the next command fails" {
	block <<'END'
$ echo one; echo two
one
$ echo three
three
END
	fails 'more came than expected' '| two'
}

@test "output that does not come fails" {
	block <<'END'
$ echo one
one
two
END
	fails 'line 6: expected' '| two' 'the command ended there'
}

@test "output that does not come in time fails" {
	REPLAY_TIMEOUT=2
	block <<'END'
$ echo one; cat
one
two
^D
END
	fails 'line 6: expected' 'no more came within 2 s'
}

@test "a command that does not end fails, and is ended" {
	REPLAY_TIMEOUT=2
	block <<'END'
$ trap '' INT; echo $$ $PPID >pids; echo one; cat; cat; cat
one
END
	sed -i "s|>pids|>$BATS_TEST_TMPDIR/pids|" "$DOC"
	fails 'is still running at the end'
	read -r shell replayer <pids
	[ ! -e "/proc/$shell" ]
	[ ! -e "/proc/$replayer" ]
}

@test "what a command leaves in the background fails, and is ended" {
	REPLAY_TIMEOUT=2
	mkfifo alive # at its end when nobody holds it any longer
	timeout 30 cat alive 3>&- &
	block <<'END'
$ trap '' HUP INT; exec 7>ALIVE; sleep 1000 &
END
	sed -i "s|ALIVE|$BATS_TEST_TMPDIR/alive|" "$DOC"
	fails 'is still running at the end'
	wait "$!"
}

@test "... stands for any lines or none" {
	block <<'END'
$ seq 5
1
...
4
...
5
...
END
	passes
}

@test "after ... the next line must still come" {
	block <<'END'
$ seq 5
1
...
7
END
	fails 'line 7: expected' '| 7' '| 2'
}

@test "<word> stands for one word" {
	block <<'END'
$ echo listening on 127.0.0.1:40001, pid=17 after 35us
listening on 127.0.0.1:<port>, pid=<p-i_d> after <n>us
END
	passes
}

@test "<word> stands for no more than one word, and not for none" {
	block <<'END'
$ echo a b c; echo 127.0.0.1:
a <word>
127.0.0.1:<port>
END
	fails 'line 5: expected' '| a <word>' '| a b c'
	sed -i 's/^a <word>/a b c/' "$DOC"
	fails 'line 6: expected'
}

@test "columns around a <word> may be wider or narrower" {
	block <<'END'
$ printf '%-9s %7d us  = %d\n' client 5 0 a-long-client 1234567 0
client   <n> us  = 0
<name>       <n> us   = 0
$ printf '%5d us\n' 17 12345
<n> us
  <n> us
END
	passes
}

@test "a <word> with a number is the same text throughout the block" {
	block <<'END'
$ echo 17 18 17
<a1> <a2> <a1>
$ echo 17 <a1>
17 <a1>
END
	passes
	sed -i 's/^<a1> .*/<a1> <a1> <a2>/' "$DOC"
	fails 'line 5: expected'
	sed -i -e 's/^<a1> .*/<a1> <a2> <a1>/' -e 's/^17 <a1>/17 <a2>/' "$DOC"
	fails 'line 7: expected'
}

@test "a prompt is awaited and answered" {
	block <<'END'
$ bash -c 'read -p "> " x; echo got $x; read -p "> " y; echo and $y'
> hello there
got hello there
> q
and q
END
	passes
	REPLAY_TIMEOUT=2
	sed -i 's/^got.*/got nothing/' "$DOC"
	fails '| got nothing' '| got hello there'
}

@test "two terminals run side by side" {
	mkfifo there back
	block <<'END'
1$ echo waiting; cat FIFO/there; echo done >FIFO/back
waiting
2$ echo sent >FIFO/there; cat FIFO/back
done
1$
sent
END
	sed -i "s|FIFO|$BATS_TEST_TMPDIR|g" "$DOC"
	passes
}

@test "wrong output in the terminal that is not looked at fails" {
	block <<'END'
1$ cat; echo surprise
2$ echo two
two
1$
^D
END
	fails 'more came in terminal 1 than expected' '| surprise'
}

@test "^C ends a program, whether it ends the line or not" {
	# sh dies of ^C at any moment; a trap of its own could miss one that comes
	# just before it reads. bash, which waits for it, then runs its trap.
	block <<'END'
$ trap 'echo; echo bye' INT; sh -c 'echo up; printf "> "; exec cat'
up
> ^C
bye
$ trap 'echo bye' INT; sh -c 'echo up; exec cat'
up
^C
bye
END
	passes
	sed -i 's/^up/...\nup/' "$DOC"
	passes
}

@test "output that came before ^C is not lost" {
	mkfifo there back # more output than the kernel hands on unread
	block <<'END'
1$ read x <FIFO/there; seq 2000; echo printed >FIFO/back; cat
2$ echo >FIFO/there; cat FIFO/back
printed
1$
^C
1
...
2000
END
	sed -i "s|FIFO|$BATS_TEST_TMPDIR|g" "$DOC"
	passes
}

@test "^D is end of file" {
	block <<'END'
$ cat; echo end
^D
end
$ while read -p '> ' x; do echo "$x!"; done; echo; echo end
> a
a!
> ^D
end
END
	passes
}

@test "a key that ends nothing leaves the command running" {
	REPLAY_TIMEOUT=2
	block <<'END'
$ trap '' INT; echo up; cat; cat
up
^C
END
	fails 'still running'
}

@test "each terminal is 80x24, without colour, in the root of the repository" {
	block <<END
$ tty >/dev/null; echo \$?; stty size; echo "\$TERM \$NO_COLOR"; pwd
0
24 80
xterm 1
$(cd "$BATS_TEST_DIRNAME/.." && pwd -P)
END
	passes
}

@test "signals do what they do for the user, make hands nothing down" {
	# Python ignores SIGPIPE, nohup SIGHUP, a background job of a shell SIGINT
	block <<'END'
$ sh -c 'kill -PIPE $$; echo survived'; echo $?
141
$ sh -c 'kill -INT $$; echo survived'; echo $?
130
$ { sh -c 'kill -HUP $$; echo survived'; } 2>/dev/null; echo $?
129
$ printf 'all:\n\t@echo made\n' | make -f -
made
END
	export MAKELEVEL=1 MAKEFLAGS=w
	(
		trap '' INT HUP
		passes
	)
}

@test "no-replay skips a block, aloud" {
	block 'console no-replay needs the internet' <<'END'
$ exit 1
never seen
END
	block <<'END'
$ echo one
one
END
	run "$REPLAY" doc.md
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'skip doc.md:3: needs the internet' ]
	[ "${lines[1]}" = 'ok doc.md:7' ]
}

@test "other fences are left alone, and hide what is inside" {
	block text <<<'$ false'
	printf '````markdown\n' >>"$DOC"
	block <<<$'$ false\nx'
	block <<<$'$ false\nx'
	printf '````\n' >>"$DOC"
	run "$REPLAY" doc.md
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a line that begins with backticks, but ends with them too, opens nothing" {
	printf '   ```` ```console ```` is how a block begins\n\n' >>"$DOC"
	block <<<$'$ echo one\none'
	run "$REPLAY" doc.md
	[ "$status" -eq 0 ]
	[ "$output" = 'ok doc.md:5' ]
}

@test "a block in a list is replayed without its indent" {
	printf '1. see\n\n' >>"$DOC"
	block <<'END'
$ echo one; echo "  two"
one
  two
END
	sed -i '5,$s/^/   /' "$DOC"
	run "$REPLAY" doc.md
	[ "$status" -eq 0 ]
	[ "$output" = 'ok doc.md:5' ]
}

@test "an empty block, or one that starts without a command, fails" {
	block </dev/null
	fails 'the block is empty'
	sed -i 3,4d "$DOC"
	block <<<'hello'
	fails 'line 4: no command was run in this terminal'
}

@test "results come in order, also when several run at a time" {
	mkfifo there
	block <<<"\$ cat '$BATS_TEST_TMPDIR/there'" # waits for the second block
	block <<<"\$ echo >'$BATS_TEST_TMPDIR/there'"
	sed -i 4a... "$DOC"
	run "$REPLAY" doc.md doc.md
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'ok doc.md:3' ]
	[ "${lines[1]}" = 'ok doc.md:7' ]
}

@test "a fixed port is private to its block" {
	"$BATS_TEST_DIRNAME/sandbox" true || skip 'no network of its own here'
	mkfifo there back
	# Each block holds port 8080 until the other one has it, too
	for order in 'echo >there; cat <back' 'cat <there; echo >back'; do
		block <<-END
			1$ cd '$BATS_TEST_TMPDIR'; python3 server.py
			listening on 127.0.0.1:8080
			2$ cd '$BATS_TEST_TMPDIR'; $order

			3$ python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 8080)).recv(9))'
			b'hello'
			1$
			^C
		END
	done
	cat >server.py <<-'END'
		import signal, socket
		signal.signal(signal.SIGINT, signal.SIG_DFL)
		server = socket.create_server(("127.0.0.1", 8080))
		print("listening on 127.0.0.1:8080", flush=True)
		while True:
		    server.accept()[0].send(b"hello")
	END
	passes
}

@test "without networks of their own the ordinary loopback serves, said in one line" {
	mkdir bin
	printf '#!/bin/sh\necho "unshare: no" >&2\nexit 1\n' >bin/unshare
	chmod +x bin/unshare
	block <<<$'$ readlink /proc/self/ns/net\n'"$(readlink /proc/self/ns/net)"
	PATH=$PWD/bin:$PATH passes
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == 'replay: on the ordinary loopback, '*': unshare: no' ]]
}

@test "when the replayer is ended, so are its commands" {
	mkfifo alive
	block <<<"\$ exec 7>'$BATS_TEST_TMPDIR/alive'; cat"
	"$REPLAY" doc.md 3>&- &
	exec {alive}<alive # returns when the command has begun
	kill "$!"
	timeout 30 cat <&"$alive"
	wait "$!" || [ "$?" -eq 1 ]
}

@test "-h prints the usage on standard output" {
	run --separate-stderr "$REPLAY" -h
	[ "$status" -eq 0 ]
	[[ $output == 'usage: replay '*Example:* ]]
}

@test "wrong use: one line, the usage line, status 2" {
	for args in '' -x '-j 2 doc.md'; do
		# shellcheck disable=SC2086 # several arguments, or none
		run "$REPLAY" $args
		[ "$status" -eq 2 ]
		[[ ${lines[0]} == 'replay: '* ]]
		[[ ${lines[1]} == 'usage: replay '* ]]
	done
	REPLAY_TIMEOUT=soon run "$REPLAY" doc.md
	[ "$status" -eq 2 ]
}

@test "a file that is not there is a failure" {
	run "$REPLAY" no-such-file.md
	[ "$status" -eq 1 ]
	[ "$output" = 'replay: no-such-file.md: No such file or directory (ENOENT)' ]
}
