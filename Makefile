# dialtone: one Makefile for everything. `make help` lists the targets.

# The demos in reading order, a line for each part of the course. A new demo is a
# folder and a word here.
# 1 two programs talk
DEMOS += tcp_server tcp_client sock_address tcp_disconnect tcp_reset tcp_sigpipe tcp_reuseaddr
# 2 many at once
DEMOS += tcp_fork tcp_thread tcp_poll tcp_epoll tcp_reuseport
# 3 a stream has no messages
DEMOS += tcp_framing sock_struct tcp_sendall tcp_nodelay tcp_halfclose tcp_fdopen
# 4 waiting
DEMOS += tcp_timeout tcp_deadline tcp_keepalive tcp_nonblock tcp_connect
# 5 what the kernel does
DEMOS += tcp_handshake tcp_backlog tcp_close sock_options
# 6 datagrams
DEMOS += udp_demo udp_boundaries udp_unreliable udp_silence udp_broadcast udp_multicast udp_checksum
# 7 one machine
DEMOS += unix_demo unix_stale unix_pair unix_fdpass
# 8 names and families
DEMOS += sock_resolve sock_dualstack
# 9 below
DEMOS += raw_icmp raw_sniff

# A zip from a web page, or a Windows disk, may have lost the run bits.
ifeq ($(shell [ -x scripts/demo ] || chmod +x $$(grep -sl '^\#!' scripts/* bench/run .ci/run book/* book/lab/* book/lab/root/etc/* book/lab/root/root/bin/*); [ -x scripts/demo ] && echo yes),)
$(error nothing can be run in this folder: is it mounted noexec? Copy it: cp -r . /var/tmp/dialtone)
endif

CFLAGS  ?= -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wformat=2
HARDEN  ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
           -fPIE -pie -Wl,-z,relro,-z,now
COMPILE  = $(CC) $(CPPFLAGS) $(WARNINGS) $(HARDEN) $(CFLAGS) $(LDFLAGS)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

# Handed on to the demos: make demo-tcp HOST=192.168.1.7 PORT=9000,
# make demo-unix SOCKET=/tmp/my.sock
# They count from make's command line only: csh sets HOST in the environment.
$(foreach v,HOST PORT SOCKET SCENE VIEW,$(if $(filter command,$(origin $v)),,$(eval override $v :=)))
export HOST PORT SOCKET

BINS := $(foreach d,$(DEMOS),$d/$d)

all: $(BINS) ## build every demo (what plain `make` does)

# Into a file of its own and then renamed: two terminals may build at once.
.SECONDEXPANSION:
tcp_thread/tcp_thread: LDLIBS = -pthread # for glibc before 2.34
$(BINS): $$(wildcard $$(@D)/*.[ch]) $(wildcard *.h) .flags
	@[ -w $(@D) ] || { printf '$(@D) cannot be written\nhint: copy it all: cp -r . /var/tmp/dialtone\n' >&2; false; }
	$(COMPILE) -o $@.$$$$ $(filter %.c,$^) $(LDLIBS) && mv -f $@.$$$$ $@

# A binary is as old as the flags it was built with.
.flags: FORCE
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@
FORCE:

## demo-tcp: two-terminal echo; type it in a first terminal and in a second
## demo-udp: the same over UDP
## demo-unix: the same over AF_UNIX
## demo-icmp: a ping, in a network of its own; HOST=... to ping another computer
## demo-sniff: the packets of a TCP conversation, in a network of its own
## demo-FOLDER: one demo, for every folder that `make demo` lists
demo: ## the menu of demos
	@scripts/demo

demo-tcp demo-tcp-server demo-tcp-client: tcp_server/tcp_server tcp_client/tcp_client
demo-udp demo-udp-server demo-udp-client: udp_demo/udp_demo
demo-unix demo-unix-server demo-unix-client: unix_demo/unix_demo
demo-icmp: raw_icmp/raw_icmp
demo-sniff demo-raw_sniff: raw_sniff/raw_sniff tcp_server/tcp_server tcp_client/tcp_client

SPECIAL = $(foreach c,tcp udp unix,demo-$c demo-$c-server demo-$c-client) \
          demo-icmp demo-sniff
$(SPECIAL):
	@scripts/demo $(@:demo-%=%)

$(DEMOS:%=demo-%): demo-%: $$*/$$*
	@scripts/demo $*

## trace-FOLDER: one demo, each of its calls below its source line (ARGS=..., SCENE=1)
$(DEMOS:%=trace-%): trace-%: all
	@scripts/record -n demo $* $(ARGS) | scripts/show trace -p $* $(if $(SCENE),-s '$(SCENE)')

## ladder-FOLDER: calls, segments and states between its two ends (SCENE=1, VIEW=svg)
$(DEMOS:%=ladder-%): ladder-%: all
	@scripts/record demo $* | scripts/show $(or $(VIEW),ladder) $(if $(SCENE),-s '$(SCENE)')

## ladder-exercise-NAME: the same for your program, exercises/NAME.c
ladder-exercise-%: all
	@scripts/record exercise $* | scripts/show ladder

tour: all ## every demo once, by itself, in this terminal
	@scripts/tour $(DEMOS)

doctor: ## what this machine can show, what not, and what mends it
	@scripts/doctor

watch: ## the sockets of the running demos and their states, as they change
	@scripts/watch

# The student's files are those in exercises/, or in DIR=.
export DIR FORCE XML OUT NAMES STUDENTS HOSTS EXTRA SEED PLAIN
EXERCISE = CC='$(CC)' scripts/exercise
exercises: ## broken programs to mend: which are done, which is next
	@$(EXERCISE) list

## exercise-NAME: check your repair of one; also hint-NAME, solution-NAME, reset-NAME
# On a terminal the last line is the verdict, and not make's "Error 1".
exercise-%: FORCE
	@$(EXERCISE) check $* || { status=$$?; [ $$status -eq 1 ] && [ -t 1 ] && [ -t 2 ]; }

hint-%: FORCE
	@$(EXERCISE) hint $*

solution-%: FORCE
	@$(EXERCISE) solution $*

reset-%: FORCE
	@$(EXERCISE) reset $*

exercises-watch: ## check the next exercise on each save
	@scripts/exercises-watch

# Not in a handout.
TEACHERS = test -x scripts/$(1) || { echo '$(1) is in the whole toolkit, which your teacher has'; exit 1; }; scripts/$(1)
handout: ## the toolkit for students, without solutions (OUT=folder)
	@$(call TEACHERS,handout) '$(OUT)'

grade-class: ## check a whole class: DIR=class OUT=grades (scripts/grade-class -h)
	@$(call TEACHERS,grade-class)

grade: ## check all exercises of a student (DIR=folder), write grade.xml (XML=file)
	@$(EXERCISE) grade

## unkind-FOLDER: one demo under an unkind kernel: short reads and writes, EINTR
$(DEMOS:%=unkind-%): unkind-%: $$*/$$*
	@$(EXERCISE) unkind scripts/demo $*

## test-FOLDER: the tests of one folder, the slow ones too
# The longest first: so none of them is left running alone at the end.
LONGEST = scripts/contract docs/transcripts udp_demo/udp_demo raw_icmp/raw_icmp scripts/demo tcp_backlog/tcp_backlog \
          docs/docs tcp_poll/tcp_poll tcp_client/tcp_client tcp_keepalive/tcp_keepalive tcp_server/tcp_server \
          tcp_connect/tcp_connect tcp_handshake/tcp_handshake tcp_epoll/tcp_epoll unix_demo/unix_demo \
          tcp_thread/tcp_thread unix_stale/unix_stale scripts/stories
TESTS = $(LONGEST:%=%.bats) $(filter-out $(LONGEST:%=%.bats),$(wildcard */*.bats))
BATS_JOBS = $(shell command -v parallel >/dev/null && echo --jobs $$(($(EACH) * $$(nproc))))
# Tests at once for each processor: most of them wait, the slow ones compute.
EACH = 6
test-slow: EACH = 3
# A test that types `make demo-tcp` is a user, not a part of this make; variables
# from the command line reach it by the environment.
# A path of AF_UNIX has 107 bytes at most: a deep TMPDIR leaves none for the tests.
BATS  = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(shell [ $${#TMPDIR} -lt 40 ] || echo TMPDIR=/tmp) bats $(BATS_JOBS)
ALSO = # what is slow, and yet wanted
# The tests of a file one after the other: bats then starts half as many processes.
test: ## run the tests (bats-core), replay all transcripts: a minute
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc)) all
	$(BATS) $(if $(BATS_JOBS),--no-parallelize-within-files) --filter-tags '!slow' $(ALSO) $(TESTS)

# Marked "# bats test_tags=slow" or file_tags: crowds, hostile clients and classes, the
# tests of tools that test, calls that fail, real minutes.
test-slow: all ## the tests that `make test` leaves out: some minutes
	$(BATS) --filter-tags slow $(TESTS)

test-all: test test-slow ## both

$(DEMOS:%=test-%) test-scripts test-docs test-exercises: test-%: all
	$(BATS) $*

BENCH = bench/echo bench/load $(if $(wildcard /usr/include/uv.h),bench/uv)
bench: all $(BENCH) ## our servers beside bare system calls and libuv, many clients
	bench/run

bench/uv: LDLIBS = -luv
bench/%: bench/%.c $(wildcard *.h) .flags
	$(COMPILE) -o $@ $< $(LDLIBS)

lab: ## a page with terminals on a small Linux, in build/lab/ (Debian, node, npm)
	@book/lab/build

test-lab: ## drive that page in headless Chromium
	@book/lab/test

# exercises/*.c are the students', and their starts are wrong on purpose.
C_FILES = $(filter-out exercises/% $(if $(wildcard /usr/include/uv.h),,bench/uv.c),$(wildcard *.h */*.c */*.h)) \
          exercises/unkind.c $(wildcard exercises/solutions/*.c)
SCRIPTS = $(shell grep -slE '^\#!/(bin/sh|usr/bin/env bash|bin/bash)' scripts/* bench/* .ci/run \
            book/lab/* book/lab/root/etc/* book/lab/root/root/bin/* 2>/dev/null) \
          $(wildcard scripts/*.bash exercises/*.bash */*.bats)
# Words that are right: Inh is a line of /proc/PID/status, CapInh; the lates are the late clients.
SPELT_RIGHT = inh,lates
PYTHON = $(shell grep -slE '^\#!/usr/bin/(env )?python3' scripts/* bench/* book/* book/lab/*) \
         $(wildcard exercises/checks/*.py scripts/recorder/*.py book/*.py)
lint: all ## the budget, clang-format, clang-tidy, cppcheck, shellcheck, pylint, codespell
	scripts/budget
	clang-format --dry-run -Werror $(C_FILES)
	@echo 'no line of C is wider than 80 columns'; for file in $(C_FILES); do \
		expand $$file | grep -n '.\{81\}' | sed "s,^,$$file:,"; done | { ! grep .; }
	printf '%s\n' $(filter %.c,$(C_FILES)) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet "$$@" -- $(WARNINGS)' sh
	cppcheck -j $$(nproc) --quiet --enable=warning,performance,portability \
		--error-exitcode=1 --inline-suppr $(filter %.c,$(C_FILES))
	shellcheck -x $(SCRIPTS)
	pylint -j $$(nproc) $(filter-out exercises/%,$(PYTHON))
	pylint --disable=all --enable=line-too-long $(filter scripts/record% scripts/show scripts/pictures,$(PYTHON))
	pylint -j $$(nproc) --disable=unused-import $(filter exercises/%,$(PYTHON)) # a check may be another's, imported
	git ls-files -z | xargs -0 codespell -L $(SPELT_RIGHT)

format: ## lay out all C files as lint wants them
	clang-format -i $(C_FILES)

# Leaks are for `make memcheck`: LeakSanitizer cannot work under strace.
# Of scripts/, what runs the demos; the other tests meet no program that is built in this way.
sanitize: ## build with ASan and UBSan, and run the demos' tests on that
	ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=0:thread_local_quarantine_size_kb=0 $(MAKE) CFLAGS='$(SANITIZE)' HARDEN= test \
		ALSO='--filter-tags witness' TESTS='$(wildcard scripts/contract.bats scripts/stories.bats docs/transcripts.bats scripts/demo.bats scripts/abuse.bats $(DEMOS:%=%/*.bats))'

musl: ## build with musl, statically, and run the demos' tests on that
	$(MAKE) CC=musl-gcc LDFLAGS=-static HARDEN= test ALSO='--filter-tags witness' \
		TESTS='scripts/stories.bats $(wildcard $(DEMOS:%=%/*.bats))'

# valgrind has no business inside strace or a test's time-outs: it takes the tour. What
# is not freed at the end is no error; that servers do not grow is a test (scripts/abuse).
# It keeps descriptors for itself, and lets nobody set the limit that unix_fdpass needs.
VALGRIND = valgrind -q --error-exitcode=99
memcheck: all ## every demo once under valgrind
	@printf '%s\n' $(filter-out unix_fdpass,$(DEMOS)) | UNDER='$(VALGRIND)' xargs -P $$(nproc) -n 1 \
		sh -c 'log=$$(scripts/tour "$$1" 2>&1) || { echo "$$log"; exit 1; }' sh

coverage: ## what the tests reach, by gcov (90 % is asked), and the fault matrix
	scripts/coverage $(DEMOS)

analyze: ## what gcc's own analyzer thinks
	$(MAKE) -B CC=gcc CFLAGS='-O2 -g -fanalyzer -Werror'

cross: ## the demos as plain cc builds them, with musl, on i686, s390x and arm64
	scripts/cross

RUNS ?= 1000000
fuzz: ## feed the parsers hostile bytes (clang; RUNS=1000000 inputs each)
	RUNS=$(RUNS) FLAGS='$(WARNINGS) $(SANITIZE)' scripts/fuzz $(wildcard */fuzz/*.c)

pictures: all ## write the ladders in all pages anew
	scripts/pictures -w $$(git grep -lE '^(%%|\$$) make ladder-' '*.md')

table: ## write the tables in README.md and docs/symptoms.md anew
	scripts/table -w

clean: ## remove what was built
	rm -f $(BINS) $(BINS:=.[0-9]*) .flags bench/echo bench/load bench/uv
	rm -f */*.gcda */*.gcno
	rm -rf build

mutants: ## change each story at one place after the other: does it notice? (tcc; STORY=...)
	scripts/mutants $(STORY)

soak: ## `make test` ten times over, with a table (scripts/soak -h)
	scripts/soak

crowd: all ## 10,000 clients come and go for two minutes at each server for many
	scripts/crowd

faults: all ## let each demo's socket calls fail, be slow, be interrupted: a choice
	scripts/faults

faults-all: all ## the same with each errno at each place
	scripts/faults -a

book: all ## the browser book, build/book: packages mkdocs mkdocs-material python3-pygments python3-polib (EDITION=zh)
	/usr/bin/python3 book/make $(EDITION)

book-serve: book ## look at it, at http://127.0.0.1:8000/ (PORT=...)
	/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory build/book $(or $(PORT),8000)

book-pdf: book ## the whole as build/book.pdf (package chromium)
	chromium --headless $(if $(filter 0,$(shell id -u)),--no-sandbox) --disable-gpu --no-pdf-header-footer --generate-pdf-document-outline \
		--disable-background-networking --user-data-dir=build/chromium --print-to-pdf=build/book.pdf \
		'file://$(CURDIR)/build/book/en/print.html'

book-check: ## every page and every step of it, in headless Chromium (AXE=axe.min.js)
	AXE='$(AXE)' /usr/bin/python3 book/check

help: ## this list
	@sed -n -e 's/^## \([^:]*\): \(.*\)/\1\t\2/p' \
		-e 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		awk -F'\t' '{ printf "make %-14s %s\n", $$1, $$2 }'

.PHONY: book book-serve book-pdf book-check all FORCE demo doctor tour watch test test-slow test-all test-scripts test-docs test-exercises bench \
	exercises exercises-watch handout grade grade-class lint format sanitize musl memcheck coverage analyze cross fuzz \
	table pictures crowd faults faults-all mutants soak lab test-lab clean help $(SPECIAL) \
	$(foreach d,$(DEMOS),demo-$d test-$d ladder-$d trace-$d unkind-$d)
