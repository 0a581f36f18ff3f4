load ../scripts/bats_helper

# Exercises are checked in a folder of the test's own, never in exercises/, where
# a student may be at work. DIR tells scripts/exercise where that is.
setup() {
    export DIR=$BATS_TEST_TMPDIR/student
    mkdir "$DIR"
    cp "$ROOT"/exercises/starts/*.c "$DIR"
    cd "$ROOT" || return
}

exercise() {
    scripts/exercise "$@" 3>&-
}

names() {
    sed -n 's/^\([a-z]\w*\) .*/\1/p' exercises/LIST
}

# proves NAME: the check turns down the broken start and each wrong repair, for
# the reason given in wrong/REASONS, and lets the solution pass.
proves() {
    unset DIR
    exercises/checks/prove.py "$1" 3>&-
}

# student NAME CODE: what the student has written; main is in CODE.
student() {
    printf '#define _GNU_SOURCE\n%s\n%s\n' "$INCLUDES" "$2" >"$DIR/$1.c"
}

INCLUDES='#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>'

# How many processes run the program of student's file $1 (it is named so).
running() {
    local comm count=0
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" = "${1:0:15}" ] && count=$((count + 1))
    done
    echo $count
}

@test "first_server: the check is worth trusting" {
    proves first_server
}

@test "one_client_only: the check is worth trusting" {
    proves one_client_only
}

@test "one_message_only: the check is worth trusting" {
    proves one_message_only
}

@test "spins_at_hangup: the check is worth trusting" {
    proves spins_at_hangup
}

@test "second_client_waits: the check is worth trusting" {
    proves second_client_waits
}

@test "dies_of_reset: the check is worth trusting" {
    proves dies_of_reset
}

@test "dies_of_sigpipe: the check is worth trusting" {
    proves dies_of_sigpipe
}

@test "address_in_use: the check is worth trusting" {
    proves address_in_use
}

@test "option_too_late: the check is worth trusting" {
    proves option_too_late
}

@test "empty_message: the check is worth trusting" {
    proves empty_message
}

@test "half_close: the check is worth trusting" {
    proves half_close
}

@test "one_recv_one_message: the check is worth trusting" {
    proves one_recv_one_message
}

@test "short_send: the check is worth trusting" {
    proves short_send
}

@test "forgotten_htons: the check is worth trusting" {
    proves forgotten_htons
}

@test "string_without_end: the check is worth trusting" {
    proves string_without_end
}

@test "overflow_by_one: the check is worth trusting" {
    proves overflow_by_one
}

@test "udp_wrong_address: the check is worth trusting" {
    proves udp_wrong_address
}

@test "udp_waits_forever: the check is worth trusting" {
    proves udp_waits_forever
}

@test "stale_socket_file: the check is worth trusting" {
    proves stale_socket_file
}

@test "deletes_users_file: the check is worth trusting" {
    proves deletes_users_file
}

@test "icmp_checksum_odd: the check is worth trusting" {
    proves icmp_checksum_odd
}

