#!/usr/bin/env bats
# What scripts/sandbox promises. The kernel itself acts out the ways in which
# systems forbid a network of one's own: in a user namespace of its own anybody
# may set the limits to 0 and give capabilities away.

load bats_helper

setup() {
	SANDBOX=$BATS_TEST_DIRNAME/sandbox
	BIN=$BATS_TEST_TMPDIR/bin # first in PATH where a test puts a fake there
	mkdir "$BIN"
}

need_network() { # not by asking sandbox: its faults must not become skips
	unshare -Urn ip link set lo up || missing 'a network of its own'
}

fake() { # NAME: standard input becomes a command that hides the real one
	cat >"$BIN/$1"
	chmod +x "$BIN/$1"
}

without_user_namespaces() { # COMMAND...: the sysctl says 0
	unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_user_namespaces' ||
		missing 'a user.max_user_namespaces that can be set'
	# shellcheck disable=SC2016 # $@ is for the inner shell
	run unshare -Ur bash -c \
		'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' _ "$@"
}

powerless=(setpriv --bounding-set=-all --inh-caps=-all)

@test "the loopback is up inside, and there is nothing else" {
	need_network
	run "$SANDBOX" python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
print("connected over", *(name for _, name in socket.if_nameindex()))'
	[ "$status" -eq 0 ]
	[ "$output" = 'connected over lo' ]
}

@test "the network is another one than outside" {
	need_network
	inside=$("$SANDBOX" readlink /proc/self/ns/net)
	[ -n "$inside" ]
	[ "$inside" != "$(readlink /proc/self/ns/net)" ]
}

@test "the user is root inside, and stays himself outside" {
	need_network
	[ "$("$SANDBOX" id -u)" = 0 ]
	"$SANDBOX" touch "$BATS_TEST_TMPDIR/file"
	[ "$(stat -c %u "$BATS_TEST_TMPDIR/file")" = "$(id -u)" ]
}

@test "a raw socket can be opened inside" {
	need_network
	"$SANDBOX" python3 -c '
import socket
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)'
}

@test "the exit status is the command's" {
	need_network
	run "$SANDBOX" sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run "$SANDBOX" true
	[ "$status" -eq 0 ]
}

@test "death by a signal passes through too" {
	need_network
	# shellcheck disable=SC2016 # $$ is that of the inner shell
	run "$SANDBOX" sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "no process stands between the command and its caller" {
	need_network
	# shellcheck disable=SC2016 # as above
	[ "$(bash -c 'echo $$; exec "$0" sh -c "echo \$\$"' "$SANDBOX" |
		uniq | wc -l)" -eq 1 ]
}

@test "arguments, standard input and PATH arrive as they are" {
	need_network
	# shellcheck disable=SC2016 # as above
	run "$SANDBOX" sh -c 'cat; printf "[%s]" "$@"; echo "$PATH"' sh 'a b' '' '*' \
		<<<'input'
	[ "${lines[0]}" = input ]
	[ "${lines[1]}" = "[a b][][*]$PATH" ]
	fake -x <<<$'#!/bin/sh\necho "minus x $*"'
	PATH=$BIN:$PATH run "$SANDBOX" -- -x -h
	[ "$output" = 'minus x -h' ]
}

@test "a command that does not exist gives 127 and its name" {
	run -127 "$SANDBOX" no-such-command
	[ "$output" = 'sandbox: no-such-command: command not found' ]
}

@test "-h prints the usage on standard output" {
	run --separate-stderr "$SANDBOX" -h
	[ "$status" -eq 0 ]
	[[ $output == 'usage: sandbox [-h] COMMAND [ARG...]'*Example:* ]]
}

@test "no command, or an unknown option, is wrong use" {
	for args in '' -x; do
		# shellcheck disable=SC2086 # '' is to be no argument
		run "$SANDBOX" $args
		[ "$status" -eq 2 ]
		[[ ${lines[0]} == 'sandbox: '* ]]
		[ "${lines[1]}" = 'usage: sandbox [-h] COMMAND [ARG...]' ]
		[ -z "$("$SANDBOX" $args 2>/dev/null)" ]
	done
}

@test "where user namespaces are off: 125, the reason, the sysctl to set" {
	without_user_namespaces "${powerless[@]}" "$SANDBOX" echo it ran
	[ "$status" -eq 125 ]
	[[ ${lines[0]} == 'sandbox: a network of its own: unshare: '* ]]
	[[ $output == *'hint: '*'sysctl -w user.max_user_namespaces='* ]]
	[[ $output != *'it ran'* ]]
}

@test "where user namespaces are off, root has a network all the same" {
	need_network
	without_user_namespaces "$SANDBOX" cat /proc/self/net/dev
	[ "$status" -eq 0 ]
	[[ $output == *lo:* ]]
}

@test "where unshare works, but without capabilities: 125 and hints" {
	need_network
	# what AppArmor does on recent Ubuntu: unshare, then all power is gone
	fake unshare <<-END
		#!/bin/sh
		way=\$1
		shift 2
		exec $(command -v unshare) "\$way" -- ${powerless[*]} -- "\$@"
	END
	PATH=$BIN:$PATH run "$SANDBOX" echo it ran
	[ "$status" -eq 125 ]
	[[ ${lines[0]} == 'sandbox: a network of its own: '*'not permitted' ]]
	[[ ${lines[1]} == 'hint: '* ]]
	[[ $output != *'it ran'* ]]
}

@test "hints name only settings that are at fault" {
	fake unshare <<<$'#!/bin/sh\necho "unshare: no" >&2\nexit 1'
	fake cat <<<$'#!/bin/sh\ncase $1 in *apparmor*) echo 1 ;; *) echo 7 ;; esac'
	PATH=$BIN:$PATH run "$SANDBOX" true
	[ "$status" -eq 125 ]
	[[ $output == *'kernel.apparmor_restrict_unprivileged_userns=0'* ]]
	[[ $output != *max_user_namespaces* ]]
}

@test "ifconfig or busybox will do where ip is missing" {
	only_these_tools
	for way in 'ifconfig lo up' 'busybox ifconfig lo up'; do
		fake "${way%% *}" <<<$'#!/bin/sh\necho "${0##*/} $*" >&2'
		PATH=$BIN:$BATS_TEST_TMPDIR/few \
			run "$BASH" "$BATS_TEST_TMPDIR/sandbox" true
		[ "$status" -eq 0 ]
		[ "$output" = "$way" ]
		rm "$BIN/${way%% *}"
	done
}

@test "where nothing brings lo up: 125 and what to install" {
	only_these_tools
	PATH=$BIN:$BATS_TEST_TMPDIR/few \
		run "$BASH" "$BATS_TEST_TMPDIR/sandbox" true
	[ "$status" -eq 125 ]
	[[ ${lines[0]} == 'sandbox: bring lo up: found neither ip,'* ]]
	[ "${lines[1]}" = 'hint: apt-get install iproute2' ]
}

@test "where there is no unshare: 125 and what to install" {
	only_these_tools
	rm "$BATS_TEST_TMPDIR/few/unshare"
	PATH=$BIN:$BATS_TEST_TMPDIR/few \
		run "$BASH" "$BATS_TEST_TMPDIR/sandbox" true
	[ "$status" -eq 125 ]
	[ "${lines[0]}" = 'sandbox: unshare: not found' ]
	[ "${lines[1]}" = 'hint: apt-get install util-linux' ]
}

# A copy of sandbox that does not look into sbin by itself, and a folder of the
# few commands it needs: a machine where ip is not installed.
only_these_tools() {
	need_network
	local few=$BATS_TEST_TMPDIR/few tool
	mkdir -p "$few"
	for tool in true cat unshare; do
		ln -sf "$(type -P "$tool")" "$few/$tool"
	done
	sed 's/^\tPATH=.*sbin$/\t:/' "$SANDBOX" >"$BATS_TEST_TMPDIR/sandbox"
}
