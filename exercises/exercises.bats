load ../scripts/bats_helper

# proves NAME: the check turns down the broken start and each wrong repair, for
# the reason given in wrong/REASONS, and lets the solution pass.
proves() {
    "$ROOT/exercises/checks/prove.py" "$1"
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

@test "dies_of_reset: the check is worth trusting" {
    proves dies_of_reset
}
