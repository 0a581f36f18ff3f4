# dialtone: one Makefile for everything. `make help` lists the targets.

# The demos in reading order. A new demo is a folder and a word here.
DEMOS := tcp_server tcp_client

# -O3, not -O2: it is what lets gcc turn to upper case 16 bytes at a time.
CFLAGS  ?= -O3 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wformat=2
HARDEN  ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
           -fPIE -pie -Wl,-z,relro,-z,now
COMPILE  = $(CC) $(CPPFLAGS) $(WARNINGS) $(HARDEN) $(CFLAGS) $(LDFLAGS)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

# Handed on to the demos: make demo-tcp HOST=192.168.1.7 PORT=9000
export HOST PORT

BINS := $(foreach d,$(DEMOS),$d/$d)

all: $(BINS) ## build every demo (what plain `make` does)

# Into a file of its own and then renamed: two terminals may build at once.
.SECONDEXPANSION:
$(BINS): $$(wildcard $$(@D)/*.[ch]) $(wildcard *.h) .flags
	$(COMPILE) -o $@.$$$$ $(filter %.c,$^) && mv -f $@.$$$$ $@

# A binary is as old as the flags it was built with.
.flags: FORCE
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@
FORCE:

## demo-tcp: two-terminal echo; type it in a first terminal and in a second
## demo-FOLDER: one demo, for every folder that `make demo` lists
demo: ## the menu of demos
	@scripts/demo

demo-tcp demo-tcp-server demo-tcp-client: tcp_server/tcp_server tcp_client/tcp_client
	@scripts/demo $(@:demo-%=%)

$(DEMOS:%=demo-%): demo-%: $$*/$$*
	@scripts/demo $*

## trace-FOLDER: one demo under strace, each call below its source line (ARGS=...)
$(DEMOS:%=trace-%): trace-%: $$*/$$*
	@scripts/trace $* $(ARGS)

tour: all ## every demo once, by itself, in this terminal
	@scripts/tour $(DEMOS)

watch: ## the sockets of the running demos and their states, as they change
	@scripts/watch

# The student's files are those in exercises/, or in DIR=.
export DIR FORCE XML
EXERCISE = CC='$(CC)' scripts/exercise
exercises: ## broken programs to mend: which are done, which is next
	@$(EXERCISE) list

## exercise-NAME: check your repair of one; also hint-NAME, solution-NAME, reset-NAME
exercise-%: FORCE
	@$(EXERCISE) check $*

hint-%: FORCE
	@$(EXERCISE) hint $*

solution-%: FORCE
	@$(EXERCISE) solution $*

reset-%: FORCE
	@$(EXERCISE) reset $*

grade: ## check all exercises of a student (DIR=folder), write grade.xml (XML=file)
	@$(EXERCISE) grade

## unkind-FOLDER: one demo under an unkind kernel: short reads and writes, EINTR
$(DEMOS:%=unkind-%): unkind-%: $$*/$$*
	@$(EXERCISE) unkind scripts/demo $*

## test-FOLDER: the tests of one folder
TESTS = $(wildcard $(DEMOS:%=%/*.bats) scripts/*.bats docs/*.bats exercises/*.bats)
JOBS  = $(shell command -v parallel >/dev/null && echo --jobs $$((4 * $$(nproc))))
# A test that types `make demo-tcp` is a user, not a part of this make; variables
# from the command line reach it by the environment.
BATS  = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL bats $(JOBS)
test: all ## run all tests (bats-core), replay all transcripts
	$(BATS) $(TESTS)

$(DEMOS:%=test-%) test-scripts test-docs test-exercises: test-%: all
	$(BATS) $*

bench: all bench/echo ## our servers beside bare system calls
	bench/run

bench/%: bench/%.c common.h .flags
	$(COMPILE) -o $@ $<

# exercises/*.c are the students', and their starts are wrong on purpose.
C_FILES = $(filter-out exercises/%,$(wildcard *.h */*.c */*.h)) \
          exercises/unkind.c $(wildcard exercises/solutions/*.c)
SCRIPTS = $(shell grep -lE '^\#!/(bin/sh|usr/bin/env bash|bin/bash)' scripts/* bench/* .ci/run) \
          $(wildcard scripts/*.bash */*.bats)
lint: ## clang-format, clang-tidy, cppcheck, shellcheck
	clang-format --dry-run -Werror $(C_FILES)
	clang-tidy --quiet $(filter %.c,$(C_FILES)) -- $(WARNINGS)
	cppcheck --quiet --enable=warning,performance,portability \
		--error-exitcode=1 --inline-suppr $(filter %.c,$(C_FILES))
	shellcheck -x $(SCRIPTS)

format: ## lay out all C files as lint wants them
	clang-format -i $(C_FILES)

# Leaks are for `make memcheck`: LeakSanitizer cannot work under strace.
sanitize: ## build with ASan and UBSan, and run the tests on that
	ASAN_OPTIONS=detect_leaks=0 $(MAKE) CFLAGS='$(SANITIZE)' HARDEN= test

table: ## write the table of demos in README.md anew
	scripts/table -w

clean: ## remove what was built
	rm -f $(BINS) $(BINS:=.[0-9]*) .flags bench/echo

faults: all ## let every socket call of every demo fail once
	scripts/faults

help: ## this list
	@sed -n -e 's/^## \([^:]*\): \(.*\)/\1\t\2/p' \
		-e 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		awk -F'\t' '{ printf "make %-14s %s\n", $$1, $$2 }'

.PHONY: all FORCE demo test test-scripts test-docs test-exercises bench exercises grade lint format sanitize table faults clean help \
	tour watch demo-tcp demo-tcp-server demo-tcp-client \
	$(foreach d,$(DEMOS),demo-$d test-$d trace-$d unkind-$d)
