# What the pages say exists, and what they claim is seen.
load ../scripts/bats_helper

# pages CODE: run CODE in Python, at the root of the repository, with what reads
# the pages; a problem is added to `wrong`, and then the test fails.
pages() {
    cd "$ROOT" && /usr/bin/python3 -c "
import os, re, shutil, subprocess, sys
def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()
def table(page, head):
    '''The rows of the table whose first line begins with HEAD, as lists of cells.'''
    rows = read(page).split('\n| ' + head)[1].split('\n\n')[0].split('\n')[2:]
    return [[cell.strip() for cell in row.strip('|').split('|')] for row in rows]
def spans(text):
    return re.findall('\x60([^\x60]+)\x60', text)
def source(demo):
    '''The C of a demo, without comments.'''
    text = ''.join(read(demo + '/' + name) for name in sorted(os.listdir(demo)) if name[-2:] in ('.c', '.h'))
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
def demo_in(cell):
    '''The demo that a cell links to; it has to be one.'''
    name = re.fullmatch(r'\[(\w+)\]\(\.\./\1\)', cell).group(1)
    assert os.path.exists(name + '/' + name + '.c'), name + ' is no demo'
    return name
wrong = []
$1
if wrong:
    sys.exit('\n'.join(wrong))
" 3>&-
}

@test "python-to-c: the C call of each row is made in the demo of that row" {
    pages '
rows = table("docs/python-to-c.md", "Python | C |")
for python, c, differs, demo in rows:
    text = source(demo_in(demo))
    for call in spans(c):
        # A call has its argument list behind it; SO_... stand as they are.
        found = re.search(r"\b" + re.escape(call.rstrip(")")), text) if "(" in call else \
            re.search(r"\b" + call + r"\b", text)
        if not found:
            wrong.append("%s: %s is not in the source of %s" % (python, call, demo))
assert len(rows) >= 25
'
}

@test "python-to-c: each method that the tutorials teach has its row" {
    pages '
first = " ".join(row[0] for row in table("docs/python-to-c.md", "Python | C |"))
for method in """socket bind listen accept connect connect_ex recv send sendall recvfrom sendto getpeername
        getsockname getsockopt setsockopt close setblocking settimeout gettimeout fileno makefile
        shutdown""".split():
    if not re.search(r"\.%s\(" % method, first):
        wrong.append(method)
'
}

@test "python-to-c: each exception is the one that Python raises for that errno, and the demo knows it" {
    pages '
import errno
for python, number, when, demo in table("docs/python-to-c.md", "Python | errno |"):
    number, = spans(number)
    raised = type(OSError(getattr(errno, number), "")).__name__
    if spans(python) != [raised]:
        wrong.append("%s is %s" % (number, raised))
    demo = demo_in(demo)
    if number not in source(demo) + read(demo + "/README.md"):
        wrong.append("%s does not know %s" % (demo, number))
'
}

@test "python-to-c: each Python session comes out as printed" {
    pages '
import doctest
blocks = re.findall("\x60\x60\x60python\n(.*?)\x60\x60\x60", read("docs/python-to-c.md"), re.S)
everything = {}
for number, block in enumerate(blocks):
    test = doctest.DocTestParser().get_doctest(block, everything, "block %d" % number, None, 0)
    runner = doctest.DocTestRunner()
    runner.run(test, out=wrong.append, clear_globs=False)
    everything.update(test.globs)
assert len(blocks) >= 4
'
}

@test "python-to-c: the programs in C compile without a warning, and do what is said of them" {
    run_it() { # N: the Nth C program of the page
        awk -v n="$1" '/^```c$/ { here = ++count == n; next } /^```$/ { here = 0 } here' \
            "$ROOT/docs/python-to-c.md" >"$BATS_TEST_TMPDIR/$1.c"
        cc -std=gnu11 -Wall -Wextra -Wpedantic -Werror -o "$BATS_TEST_TMPDIR/$1" "$BATS_TEST_TMPDIR/$1.c"
        "$BATS_TEST_TMPDIR/$1"
    }
    run run_it 1
    [ "$status" -eq 0 ]
    grep -qx 'lo 127.0.0.1' <<<"$output"
    run run_it 2
    [ "$status" -eq 0 ]
    grep -qxF "$output" "$ROOT/docs/python-to-c.md"
    [ "$output" = "127.0.0.2 and 127.0.0.2" ]
}

# What reads docs/claims.md: claims is a list of (heading, verdict, proofs), each
# proof a (command, lines to look for, asserted by).
CLAIMS='
claims, lines, proofs, needs = [], read("docs/claims.md").split("\n"), [], {}
for line in lines:
    field = re.fullmatch(r"- (Shown by|Look for|Asserted by|Needs): (.*)", line)
    if line.startswith("### "):
        claims.append((line[4:], [], []))
    elif line.startswith("**") and claims and not claims[-1][1]:
        claims[-1][1].append(line)
    elif field and field.group(1) == "Shown by":
        claims[-1][2].append((spans(field.group(2))[0], [], []))
    elif field and field.group(1) == "Look for":
        claims[-1][2][-1][1].append(re.fullmatch("\x60(.*)\x60", field.group(2)).group(1))
    elif field and field.group(1) == "Asserted by":
        claims[-1][2][-1][2].append(field.group(2))
    elif field:
        needs[claims[-1][0]] = field.group(2).split(" (")[0].split(" and ")
'

@test "claims: each has a verdict, a command, a line to look for and a test that exists" {
    pages "$CLAIMS"'
for claim, verdict, proofs in claims:
    if not (verdict and re.match(r"\*\*(True|False|Half true)[.*]", verdict[0])):
        wrong.append(claim + ": true, half true or false?")
    if not proofs:
        wrong.append(claim + ": what shows it?")
    for command, look_for, asserted in proofs:
        named = [re.fullmatch("((?:\\w+)).bats, \"(.*)\"", text) for text in asserted]
        if not look_for or not named or None in named:
            wrong.append(claim + ": " + command + ": what to look for, and who asserts it?")
            continue
        for match in named:
            file = next((folder + "/" + match.group(1) + ".bats" for folder in (match.group(1), "scripts", "docs")
                if os.path.exists(folder + "/" + match.group(1) + ".bats")), None)
            if file is None or "@test \"%s\" {" % match.group(2) not in read(file):
                wrong.append("%s: there is no such test: %s" % (claim, match.group(0)))
verdicts = {re.match(r"\*\*(.*?)[.*]", verdict[0]).group(1) for claim, verdict, proofs in claims}
assert len(claims) >= 30 and verdicts == {"True", "Half true", "False"}, verdicts
'
}

@test "claims: each command prints the lines that prove the claim" {
    pages "$CLAIMS"'
import concurrent.futures
here = {
    # The sandbox has one for root even where user namespaces, which the demos ask for, are off.
    "a network of its own": all(subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0
        for words in (["scripts/sandbox", "true"], ["unshare", "-Urn", "true"])),
    "IPv6": os.path.exists("/proc/net/if_inet6") and "0" * 31 + "1 " in read("/proc/net/if_inet6"),
}
def lacks(claim):
    "What this machine does not have that the claim needs."
    return " and ".join(need for need in needs.get(claim, []) if not here[need])
def look(command):
    "Its output; a command that failed has proved nothing."
    done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=90)
    if done.returncode != 0:
        wrong.append("%s: status %d; %s" % (command, done.returncode, done.stderr))
    return done.stdout
# Each story once, however many claims it proves.
commands = sorted({proof[0] for claim, verdict, proofs in claims for proof in proofs if not lacks(claim)})
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    printed = dict(zip(commands, pool.map(look, commands)))
for claim, verdict, proofs in claims:
    if lacks(claim):
        print(claim + ": left out, this machine lacks " + lacks(claim))
        if os.environ.get("CI"):
            wrong.append(claim + ": CI must have " + lacks(claim))
        continue
    for command, look_for, asserted in proofs:
        for text in look_for:
            pattern = r"\s+".join(re.sub("<\\w+>", r"\\S+", re.escape(word)) for word in text.split())
            if not re.search(r"(?m)(^|\s)" + pattern + r"(\s|$)", printed[command]):
                wrong.append("%s: %s does not print: %s" % (claim, command, text))
'
}

@test "SO_REUSEADDR does not take the name of a dead AF_UNIX server" {
    cd "$BATS_TEST_TMPDIR"
    python '
import errno
s = socket.socket(socket.AF_UNIX); s.bind("left"); s.close()
s = socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind("left")
    sys.exit("bind took it")
except OSError as error:
    assert error.errno == errno.EADDRINUSE
os.unlink("left"); s.bind("left")'
}

# What reads all pages: code is a list of (page, text) of what stands in code
# spans and in fenced blocks, prompts is one of the commands among them.
CODE='
all_pages = [os.path.join(folder, name)[2:] for folder, _, names in sorted(os.walk("."))
    if not folder.startswith(("./.", "./build")) for name in sorted(names) if name.endswith(".md")]
demos = subprocess.run(["scripts/table", "-d"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
code, prompts, prose = [], [], []
for page in all_pages:
    fences = re.split(r"^ *\x60\x60\x60(?=[^\x60]*$)", read(page), flags=re.M)
    for text in fences[0::2]:
        text = text.split("\n", 1)[1] if text is not fences[0] and "\n" in text else text
        prose.append((page, re.sub("\x60[^\x60]+\x60", " ", text)))
        for span in spans(text):
            span = " ".join(span.split())
            code.append((page, span))
            if re.match(r"[\w./][\w./+-]* -[a-zA-Z]", span):
                prompts.append((page, span))
    for block in fences[1::2]:
        kind, text = block.split("\n", 1)
        code.append((page, text))
        if kind.startswith("console"):
            prompts += [(page, command) for command in re.findall(r"^ *\d*\$ (.*)", text, re.M)]
        elif kind == "sh":
            prompts += [(page, command) for command in text.split("\n") if command.strip()]
'

@test "ask: the kernel answers each question as the pages say, for an ordinary user, too" {
    local public # nobody may not read a clone in root's home
    public=$(mktemp -d /tmp/dialtone.XXXXXX)
    FOLDERS+=("$public")
    cp -r "$ROOT/scripts" "$public"
    chmod -R a+rX "$public"
    run as_user "$public/scripts/ask" all
    [ "$status" -ne 125 ] || missing "a network of its own"
    [ "$status" -eq 0 ] || {
        echo "status $status: $output"
        return 1
    }
    # Each question is asked in some page, and each has been asked here.
    local name rest said=$output
    run ! grep -E '.{81}' <<<"$said"
    while read -r name rest; do
        grep -qF "\`scripts/ask $name\`" "$ROOT"/docs/*.md || {
            echo "no page asks $name"
            return 1
        }
        grep -qxF "$name: $rest" <<<"$said" || {
            echo "not asked: $name"
            return 1
        }
    done < <("$ROOT/scripts/ask")
}

@test "each question to scripts/ask that a page names is one, and so is each symptom's" {
    pages "$CODE"'
questions = {line.split()[0] for line in subprocess.run(["scripts/ask"], stdout=subprocess.PIPE, text=True,
    check=True).stdout.split("\n") if line}
for page, text in code:
    for name in re.findall(r"scripts/ask ([\w-]+)", text):
        if name not in questions:
            wrong.append("%s: there is no question %s" % (page, name))
rows = table("docs/symptoms.md", "symptom | cure | see it |")
for row in rows:
    if not row[-1].startswith(("\x60scripts/ask ", "\x60nc -N ")):
        wrong.append("what shows it? " + row[0])
assert len(rows) >= 15
'
}

@test "ask: on a kernel that does otherwise it says so, status 1" {
    command -v strace >/dev/null || missing strace
    run strace -qq -f -o /dev/null -e trace=connect -e inject=connect:retval=0:when=2 "$ROOT/scripts/ask" twice
    [ "$status" -eq 1 ]
    [[ $output = *"ask: not on this kernel: "* ]]
    run strace -qq -f -o /dev/null -e trace=bind -e inject=bind:error=EACCES "$ROOT/scripts/ask" not-mine
    [ "$status" -eq 1 ] && [[ $output = *"ask: not on this kernel: "* ]]
}

@test "ask: -h helps, anything that is no question is wrong use" {
    run --separate-stderr "$ROOT/scripts/ask" -h
    [ "$status" -eq 0 ]
    [[ $output = "usage: ask "* ]]
    [ -z "$stderr" ]
    run --separate-stderr "$ROOT/scripts/ask" clients nothing
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [ "$stderr" = $'ask: there is no question \'nothing\'\nusage: ask [-h] [QUESTION...]' ]
}

@test "the course takes every demo, in reading order, by part, and every exercise" {
    pages "$CODE"'
text = read("docs/course.md")
alone, lessons = text.split("## Alone")[1].split("## In class")
rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| \d.*", alone, re.M)]
if [demo_in(row[1]) for row in rows] != demos:
    wrong.append("the demos of the tables for learning alone are not DEMOS")
if [int(row[0]) for row in rows] != list(range(1, len(rows) + 1)):
    wrong.append("they are not numbered from 1")
parts = subprocess.run(["scripts/table", "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout
if re.findall(r"^### Part (\d): (.*)|^\| \d+ \| \[(\w+)", alone, re.M) != [
        (line[0], line[2:], "") if line[0].isdigit() else ("", "", line) for line in parts.split("\n") if line]:
    wrong.append("the parts are not those of scripts/table")
for row in rows:
    if not row[2].endswith("?"):
        wrong.append(row[1] + ": no question")
for demo in demos:
    if "(../%s)" % demo not in lessons:
        wrong.append(demo + " is in no lesson")
given = re.findall(r"make exercise-([a-z_]+)", " ".join(row[4] for row in rows))
there = [line.split()[:2] for line in read("exercises/LIST").split("\n") if line.strip() and line[0] != "#"]
if sorted(given) != sorted(name for name, demo in there):
    wrong.append("exercises: %s; the course has %s" % (there, given))
for name, demo in there:
    if not any(demo_in(row[1]) == demo and "exercise-%s\x60" % name in row[4] for row in rows):
        wrong.append("%s does not stand with %s" % (name, demo))
    if "make exercise-%s\x60" % name not in lessons:
        wrong.append("%s is in no lesson" % name)
if [row[:2] for row in table("docs/exercises.md", "exercise | demo |")] != [
        ["\x60%s\x60" % name, "[%s](../%s)" % (demo, demo)] for name, demo in there]:
    wrong.append("the table of docs/exercises.md is not exercises/LIST")
'
}

# The lessons of the course: LESSONS is a list of (heading, rows), each row the
# minutes and the commands of its last column.
LESSONS='
text = read("docs/course.md")
lessons = [(part.split("\n")[0], [(int(minutes), spans(how))
        for minutes, how in re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|$", part, re.M)])
    for part in text.split("\n### ") if "| minutes |" in part]
'

@test "the course: each lesson takes 45 minutes, and what it shows is there" {
    pages "$LESSONS"'
for lesson, rows in lessons:
    if sum(minutes for minutes, how in rows) != 45:
        wrong.append("%s: %d minutes" % (lesson, sum(minutes for minutes, how in rows)))
    part = text.split("\n### " + lesson)[1].split("\n### ")[0]
    if not re.search(r"\| [^|]*[Gg]uess[^|]*\| [^|]*\|(?s:.)*make demo", part):
        wrong.append(lesson + ": no guess before a demo")
for names, file in re.findall(r"[Rr]ead (\x60[^|]*\x60) of (\w+\.[ch])", text):
    for name in spans(names):
        if not re.search(r"\b%s\(" % name, read(file) if file == "common.h" else source(file[:-2])):
            wrong.append("%s has no %s" % (file, name))
for demo, scene in re.findall(r"make ladder-(\w+) SCENE=(\d)", text):
    if len(re.findall(r"^\s*scene\(", source(demo), re.M)) < int(scene):
        wrong.append("%s has no scene %s" % (demo, scene))
# A scene cannot be run alone, so nothing sends a reader to one.
for page in os.listdir("docs"):
    if page.endswith(".md") and page != "how-to-read-a-story.md":
        wrong += ["%s names a scene: %s" % (page, found) for found in re.findall(r".*\bscenes? \d.*", read("docs/" + page))]
assert len(lessons) == 14
'
}

# bats test_tags=slow
@test "the course, a dry run: its commands take less than a fifth of the minutes planned" {
    "$ROOT/scripts/sandbox" true || missing "a network of its own"
    pages "$LESSONS"'
import time
two_terminals = {"tcp": "tcp_server", "tcp-server": "tcp_server", "udp": "udp_demo", "unix": "unix_demo"}
taken, ran = {}, 0
for lesson, rows in lessons:
    for minutes, commands in rows:
        seconds = 0
        for command in commands:
            name = re.fullmatch(r"make (demo|ladder)-([\w-]+)( SCENE=\d)?|scripts/ask [\w-]+", command)
            if not name:
                continue
            if command not in taken:
                began = time.monotonic()
                what, demo = name.group(1), name.group(2)
                demo = two_terminals.get(demo, demo)
                talks = what == "demo" and demo not in ("icmp", "sniff") and "begin_story(" not in source(demo)
                words = ["scripts/tour", demo] if talks else command.split()
                environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
                done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, env=environment, text=True, timeout=100)
                taken[command] = time.monotonic() - began
                if done.returncode != 0:
                    wrong.append("%s: status %d: %s" % (command, done.returncode, done.stdout[-500:]))
            seconds += taken[command]
            ran += 1
        if seconds > minutes * 60 / 5:
            wrong.append("%s: %.0f of %d minutes go into waiting: %s" % (lesson, seconds / 60, minutes, commands))
print("%d commands, %.0f s in all; the longest: %s, %.1f s" % (ran, sum(taken.values()),
    *max(taken.items(), key=lambda item: item[1])))
assert ran > 30, ran
'
}

@test "the taster: the lines of Python talk to tcp_server" {
    start tcp_server 127.0.0.1 0
    local lines
    # shellcheck disable=SC2016 # backticks of the page, not of the shell
    lines=$(sed -n '/^```python$/,/^```$/{/^```/!p}' "$ROOT/docs/course.md" |
        sed -e "s/8080/$PORT/" -e 's/^s\.recv(1024)$/assert s.recv(1024) == b"HELLO FROM PYTHON"; print("answered")/')
    run python "$lines"
    [ "$output" = answered ]
    wait_for 'says "hello from Python"'
}

@test "how to read a story: what it quotes stands in the source, and each word is explained" {
    pages '
page = read("docs/how-to-read-a-story.md")
blocks = re.findall("\x60\x60\x60c\n(.*?)\x60\x60\x60", page, re.S)
assert len(blocks) == 2
for block, file in zip(blocks, ("tcp_sigpipe/tcp_sigpipe.c", "common.h")):
    if block not in read(file):
        wrong.append("%s has not: %s" % (file, block))
for row in table("docs/how-to-read-a-story.md", "word | what it does |"):
    word = re.match("\x60(\\w+)\\(", row[0]).group(1)
    if not re.search(r"(define |\b)%s\(" % word, read("common.h")):
        wrong.append("common.h has no " + word)
story_words = set(re.findall(r"^(?:#define|static inline [\w ]+?\*?)\s*(\w+)\(", read("common.h").split("---- Stories")[1], re.M))
told = story_words - {"narrate", "ring"} # what stands behind the words
for word in told:
    if "\x60%s(" % word not in page:
        wrong.append("not explained: " + word)
for message in re.findall(r"\x60(?:scene 2: |tcp_sigpipe: socket: )([a-z0-9 ;]+)", page):
    if message.strip() not in read("common.h"):
        wrong.append("common.h does not say: " + message)
assert len(told) >= 8, told
'
}

@test "nc does not end after a pipe, unless it is told to say so (-N)" {
    nc -h 2>&1 | grep -qE '^\s*-N\s' || missing "nc with -N (netcat-openbsd)"
    start tcp_server 127.0.0.1 0
    # Both said all that they had; only one of them tells the server.
    run timeout 1 nc 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 124 ]
    [ "$output" = HELLO ]
    run timeout 10 nc -N 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ] && [ "$output" = HELLO ]
}

@test "the glossary is in alphabetical order, and each word has its Chinese and a demo" {
    pages "$CODE"'
rows = [row for row in table("docs/glossary.md", "word | ") if row != [""]]
for word, chinese, meaning, see in rows:
    demo_in(see)
    if not chinese or not meaning:
        wrong.append(word + ": a cell is empty")
words = [row[0].lower() for row in rows]
if words != sorted(words) or len(set(words)) != len(words):
    wrong.append("not in order: " + ", ".join(a for a, b in zip(words, sorted(words)) if a != b))
assert len(rows) >= 90, len(rows)
'
}

@test "every link leads to a page, and to a heading of it" {
    pages "$CODE"'
def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
links = 0
for page in all_pages:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub("\x60[^\x60]*\x60", "", read(page))):
        if target.startswith(("http://", "https://")):
            continue
        links += 1
        path, _, heading = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(path):
            wrong.append("%s: %s is not there" % (page, target))
        elif heading and heading not in map(slug, re.findall("^#+ (.*)", read(path), re.M)):
            wrong.append("%s: no heading %s" % (page, target))
assert links > 30
'
}

@test "every demo, script and file that a page names is there" {
    pages "$CODE"'
# Words of the same form that are no demos: settings of the kernel, and C names.
others = {"tcp_tw_recycle", "unix_sock", "sock_fprog", "sock_filter", "tcp_info", "udp_echo"}
others |= set(os.listdir("/proc/sys/net/ipv4")) | {"tcp_mem", "udp_mem"}
others |= {name[:-2] for name in os.listdir("exercises") if name.endswith(".c")}
for page, text in code + prose:
    for word in re.findall(r"(?<![\w/.-])(?:tcp|udp|unix|sock|raw)_[a-z0-9]+(?:_[a-z0-9]+)*", text):
        # A name in _fd is a variable.
        if word not in demos and word not in others and not word.endswith("_fd"):
            wrong.append("%s: there is no %s" % (page, word))
    for path in re.findall(r"(?<![\w/.$-])((?:scripts|docs|exercises|bench|\.ci|\.github|%s)/[\w./-]*\w)" % "|".join(demos), text):
        # exercises/NAME.c stands for many.
        if not os.path.exists(path if not re.search("[A-Z]{4}", path) else os.path.dirname(path)):
            wrong.append("%s: there is no %s" % (page, path))
'
}

@test "every make target that a page names exists" {
    pages "$CODE"'
database = subprocess.run(["make", "-pqrR", "-f", "Makefile", "nothing"], stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL, text=True).stdout
targets = [re.escape(name).replace("%", ".+") for line in re.findall(r"^([^\s#:=][^:=\n]*):(?!=)", database, re.M)
    for name in line.split()]
exists = re.compile("(" + "|".join(targets) + r")\Z").match
seen = 0
for page, text in code:
    for words in re.findall(r"(?m)(?:^(?: *\d*\$)?|&&|;) *make((?: +[\w-]+(?:=\S*)?)*)", text):
        for target in words.split():
            if "=" in target or target.startswith("-"):
                continue
            seen += 1
            name = target.replace("FOLDER", demos[0]).replace("-NAME", "-first_server")
            exercise = re.match("(?:exercise|hint|solution|reset)-(?!NAME)(.*)", target)
            if not exists(name) or exercise and not os.path.exists("exercises/%s.c" % exercise.group(1)):
                wrong.append("%s: make %s" % (page, target))
assert seen > 20
'
}

@test "every command that a page names is a command" {
    pages "$CODE"'
import shlex
# What not every machine has, and no test needs.
elsewhere = set("sudo apt-get nc socat tcpdump valgrind nft iptables ufw firewall-cmd ping traceroute"
    " sysctl ip ss codespell gdb bpftrace perf wireshark yes rev".split())
builtin = set("cd echo kill wait export exec true false set source . : [ test ulimit for do done while read if then fi".split())
places = os.environ["PATH"] + ":/usr/sbin:/sbin"
for page, text in prompts:
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        words = list(lexer)
    except ValueError:
        words = text.split()[:1]
    first = True
    for number, word in enumerate(words):
        if set(word) <= set("|&;()<>"):
            first = word[0] in "|&;(" # what is behind < and > is a file
        elif first and re.match(r"\w+=", word):
            pass
        elif first:
            first = False
            if word in elsewhere | builtin or word in demos or re.match("[A-Z<]", word):
                first = word in ("sudo", "do", "then", "exec")
                continue
            if not (os.access(word, os.X_OK) if "/" in word else shutil.which(word, path=places)):
                wrong.append("%s: %s is no command, in: %s" % (page, word, text))
assert len(prompts) > 30
'
}
