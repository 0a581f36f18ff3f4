# bats file_tags=slow
load ../scripts/bats_helper
load helper

@test "grade-class: points in CSV and HTML, a report and a JUnit file for each student; it goes on where it was" {
    class
    hands_in anna half_close exercises/solutions/half_close.c
    hands_in anna icmp_checksum_odd exercises/solutions/icmp_checksum_odd.c
    mkdir -p "$CLASS/=bert's" "$CLASS/zoe"
    hands_in "=bert's/exercises" half_close exercises/starts/half_close.c
    ln -s "$ROOT/exercises/solutions/half_close.c" "$CLASS/zoe"
    ln -s anna "$CLASS/yves"
    run grade_class
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ ${lines[0]} = "3 students, 2 exercises: 2 done of 6; 3 checked in "* ]]
    diff "$OUT/grades.csv" - <<-'END'
		student,half_close,icmp_checksum_odd,points
		_bert_s,0,0,0
		anna,10,10,20
		zoe,0,0,0
	END
    grep -q '| half_close | 0 of 10 | the server hears the end' "$OUT/reports/_bert_s.md"
    grep -q 'half_close.c is a symbolic link' "$OUT/reports/zoe.md"
    grep -q 'class="done"' "$OUT/grades.html"
    python '
import xml.etree.ElementTree
suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
assert suite.get("name") == "_bert_s" and int(suite.get("failures")) == 2
first = suite.find("testcase")
assert first.get("classname") == "half_close" and first.get("name") == first[0].get("message")
assert "expected:" in first[0].text and float(first.get("time")) >= 0
assert len(suite.find("properties")[0].get("value")) == 64' "$OUT/reports/_bert_s.xml"
    # Again: only what has changed is checked again, and the students who are named.
    [[ $(grade_class) = *"; 0 checked in "* ]]
    cp exercises/solutions/half_close.c "$CLASS/=bert's/exercises"
    rm -f "$OUT/.verdicts/anna/half_close.json"
    [[ $(grade_class) = *"3 done of 6; 2 checked in "* ]]
    [[ $(grade_class STUDENTS=anna SEED=) = *"; 2 checked in "* ]]
    run grade_class STUDENTS=nobody
    [ "$status" -eq 1 ] && [[ $output = *"there is no student 'nobody'"* ]]
}

@test "grade-class: folders whose names differ in a mark only are two students" {
    class
    hands_in "a'b" half_close exercises/starts/half_close.c
    hands_in "a,b" half_close exercises/solutions/half_close.c
    grade_class NAMES=half_close
    diff "$OUT/grades.csv" - <<-'END'
		student,half_close,points
		a_b,0,0
		a_b_,10,10
	END
}

@test "grade-class: names with blanks can be named, and long ones cut" {
    class
    local long
    long=$(printf 'x%.0s' {1..250})
    hands_in "anna b" half_close exercises/solutions/half_close.c
    hands_in bert half_close exercises/starts/half_close.c
    hands_in "$long" half_close exercises/starts/half_close.c
    run grade_class NAMES=half_close
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    diff "$OUT/grades.csv" - <<-END
		student,half_close,points
		anna b,10,10
		bert,0,0
		${long:0:60},0,0
	END
    [[ $(grade_class NAMES=half_close STUDENTS="anna b") = *"; 1 checked in "* ]]
    [[ $(grade_class NAMES=half_close STUDENTS="'anna b' bert") = *"; 2 checked in "* ]]
    run grade_class NAMES=half_close STUDENTS="'anna b"
    [ "$status" -eq 1 ] && [[ $output = "grade-class: a quote has no end in STUDENTS='anna b" ]]
}

@test "grade-class: grades that lie in the class are no student" {
    class
    OUT=$CLASS/grades
    hands_in anna half_close exercises/solutions/half_close.c
    grade_class NAMES=half_close
    [[ $(grade_class NAMES=half_close) = "1 student, 1 exercise: 1 done of 1; 0 checked in "* ]]
}

@test "grade-class: what is wrong is told" {
    class
    run grade_class
    [ "$status" -eq 1 ]
    [[ $output = "grade-class: $CLASS has no folders"* ]]
    hands_in anna half_close exercises/solutions/half_close.c
    run grade_class NAMES=nonsense
    [ "$status" -eq 1 ]
    [[ $output = "grade-class: there is no exercise 'nonsense'"* ]]
    run grade_class DIR=
    [ "$status" -eq 2 ]
    [[ $output = *"usage: make grade-class DIR=class"* ]]
    run grade_class EXERCISE_PLAIN=1
    [ "$status" -eq 1 ]
    [[ $output = *"there is no cage"* ]]
    run grade_class EXERCISE_PLAIN=1 PLAIN=1 NAMES=half_close
    [ "$status" -eq 0 ]
    grep -q '^anna,10,10$' "$OUT/grades.csv"
    [[ $(scripts/grade-class -h) = "grade-class [-h]: "* ]]
}

@test "grade-class: a teacher's own cases" {
    class
    hands_in anna half_close exercises/solutions/half_close.c
    mkdir "$BATS_TEST_TMPDIR/extra"
    cat >"$BATS_TEST_TMPDIR/extra/half_close.py" <<-'END'
	from half_close import exchange
	from harness import Wrong


	def check(lab):
	    with lab.case("the case that nobody knows"):
	        exchange(lab, b"a", b"b")
	        raise Wrong("that it was tried", "it was")
	END
    grade_class NAMES=half_close EXTRA="$BATS_TEST_TMPDIR/extra"
    grep -q "NO *your teacher's case: the case that nobody knows" "$OUT/reports/anna.md"
}

@test "handout: all that students need, nothing that solves" {
    class
    git -C "$ROOT" rev-parse 2>/dev/null || skip "an archive has no git"
    local out=$BATS_TEST_TMPDIR/out
    scripts/handout "$out"
    [ ! -e "$out/exercises/solutions" ]
    [ ! -e "$out/exercises/wrong" ]
    [ ! -e "$out/exercises/right" ]
    cmp "$out/exercises/half_close.c" exercises/starts/half_close.c
    run "$out/scripts/exercise" check half_close 3>&-
    [ "$status" -eq 1 ]
    [[ $output = *"Not yet. "* ]]
    FORCE=1 run "$out/scripts/exercise" solution half_close
    [ "$status" -eq 1 ]
    [[ $output = *"your teacher has them"* ]]
    run ! grep -rq ' - a solution' "$out/exercises"
    run scripts/handout "$out"
    [ "$status" -eq 1 ]
    [[ $output = "handout: $out is there already"* ]]
    run scripts/handout
    [ "$status" -eq 2 ]
}

@test "exercises-watch: checks on each save, cancels, goes on to the next" {
    class
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir "$copy"
    cp -r exercises scripts "$copy"
    cd "$copy" || return
    sed -i '/^[a-z]/{/^\(half_close\|icmp_checksum_odd\) /!d}' exercises/LIST
    cp exercises/starts/*.c exercises
    LOG=$BATS_TEST_TMPDIR/log
    scripts/exercises-watch >"$LOG" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'waiting for you to save half_close'
    cp exercises/solutions/half_close.c new.c
    mv new.c exercises/half_close.c # as editors do
    wait_for 'On to icmp_checksum_odd: exercises/icmp_checksum_odd.c'
    wait_for '^icmp_checksum_odd: '
    cp exercises/solutions/icmp_checksum_odd.c exercises # perhaps while the start is still being checked
    wait_for 'All done. Well done!'
}

@test "GitHub Classroom, GitLab and Gradescope: what docs/class has works" {
    class
    local name base=$BATS_TEST_TMPDIR/autograder
    for name in first_server half_close; do
        grep -q "command: scripts/exercise points $name$" docs/class/github-classroom.yml
        cp "exercises/solutions/$name.c" "$CLASS"
        DIR=$CLASS scripts/exercise points "$name" 3>&- | grep -q "^$name: 10 of 10 points"
    done
    grep -q 'make grade XML=grade.xml' docs/class/gitlab-ci.yml
    mkdir -p "$base/source" "$base/submission"
    ln -s "$ROOT" "$base/source/dialtone"
    cp exercises/solutions/half_close.c exercises/starts/icmp_checksum_odd.c "$base/submission"
    GRADESCOPE=$base docs/class/gradescope-run_autograder 3>&-
    python '
import json
results = json.load(open(sys.argv[1]))
assert results["score"] == 10 and [test["score"] for test in results["tests"]] == [10, 0]
assert [test["max_score"] for test in results["tests"]] == [10, 10] and results["tests"][0]["status"] == "passed"' \
        "$base/results/results.json"
    if command -v shellcheck >/dev/null; then shellcheck docs/class/gradescope-*; fi
}
