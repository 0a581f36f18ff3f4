# A file of its own: it runs beside all others.
load ../scripts/bats_helper

@test "every transcript in every page comes out as printed" {
    cd "$ROOT"
    local pages
    mapfile -t pages < <(find . -name '*.md' -not -path './.*' -not -path './build/*' | sort)
    scripts/replay "${pages[@]}"
}
