# busyflux: no configure step
#
#   make              build/, an install tree: bin, include, lib/pkgconfig, share/man
#   make static       build/static/bin/busyflux, with no dynamic section
#   make demo         modules loaded, listed, called, traced, reloaded, removed
#   make check        all tests; T="tests/a.t tests/b.t" for some
#   make check-asan   the same under sanitizers; check-ubsan, check-tsan,
#                     check-valgrind
#   make V=1          with the commands printed
#   make HARDEN=      without stack protector, FORTIFY and full RELRO
#   make check-reload modules reloaded under load, ten times as long
#   make check-siege  hostile peers at their full numbers, for some minutes
#   make check-kill   each broker of 16 is killed in traffic, in two trees
#   make soak         everything at once for SOAK_S (600) seconds, all accounted for
#   make check-oom    calls of the system fail in turn
#   make check-eintr  calls of the system are interrupted, in 50 orders
#   make check-cross  what reads and writes bytes, as 32-bit and big-endian
#   make coverage     which lines the tests run, file by file
#   make analyze      clang-tidy and gcc -fanalyzer, which take minutes
#   make fuzz         FUZZ_S seconds of random input for each reader
#   make install      PREFIX=/usr/local DESTDIR=
#   make lint         compilers' warnings as errors, static analysis, manual pages

VERSION = 0.1.0
PREFIX = /usr/local
DESTDIR =
CC = cc
CSTD = -std=c99 -D_XOPEN_SOURCE=700
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
WERROR =
OPT = -O2 -g
CFLAGS = $(OPT)
ALL_CFLAGS = $(CSTD) $(WARN) $(WERROR) -fvisibility=hidden -fPIC -fno-semantic-interposition -pthread \
	-DBUSYFLUX_VERSION='"$(VERSION)"' $(CFLAGS)
LDLIBS = -pthread -ldl

# Which of the options $(2), each in quotes, the compiler $(1) has.
having = $(shell for o in $(2); do \
	$(1) $$o -Werror -include stdio.h -E -x c /dev/null >/dev/null 2>&1 && \
	echo $$o; done)

# What makes an error in our memory harder to use; HARDEN= builds without.
# The compilers are asked when first needed.  FORTIFY wants an optimising one.
# The static program goes without stack protector, 12 of its 452 KiB, and has
# its constants beside the code, which saves 8 of page ends.
HARDEN = "-fstack-protector-strong" $(FORTIFY)
FORTIFY = "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
HARDEN_LINK = $(if $(HARDEN),-Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)
HARD = $(eval HARD := $(call having,$(CC) $(CFLAGS),$(HARDEN)))$(HARD)
STATIC_HARD = $(eval STATIC_HARD := \
	$(call having,$(STATIC_CC) $(CFLAGS),$(if $(HARDEN),$(FORTIFY))))$(STATIC_HARD)
comma := ,

# musl finds by this path the two libraries that a module may name; glibc's
# linker is told of them in another way (dso.c), and would look for the C library
# there at each start.
MUSL_PATH = $(if $(findstring musl,$(CC)$(shell $(CC) -dumpmachine)),\
	-Wl$(comma)-rpath$(comma)'$$ORIGIN/../lib:$$ORIGIN/../lib/busyflux')

PYTHON = python3
PACKAGE = $(wildcard python/flux/*.py python/flux/*/*.py)

B = build
SRCS = $(sort $(wildcard *.c))
OBJS = $(SRCS:%.c=$(B)/obj/%.o)
STATIC_CC = $(shell command -v musl-gcc || echo $(CC))
STATIC_OBJS = $(SRCS:%.c=$(B)/static/obj/%.o)
# Options of the static program, as far as its compiler has them.
SMALL = $(eval SMALL := $(call having,$(STATIC_CC),-g0 -fno-PIC -Os -Oz \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -flto=auto))$(SMALL)
EXAMPLES = $(patsubst examples/%.c,$(B)/lib/flux/modules/%.so,\
	$(wildcard examples/*.c))
MANS = $(wildcard man/*.[1-9])

# What is built is told in a line for each file; V=1 prints the commands.
V =
Q = $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo '  $(1)  $(2)')

all: $(B)/bin/busyflux headers libraries manuals $(EXAMPLES)

# ---- the program ---------------------------------------------------------

$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARD) -MMD -c -o $@ $<

$(B)/static/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(ALL_CFLAGS) $(STATIC_HARD) $(SMALL) -DBUSYFLUX_STATIC -MMD -c -o $@ $<

-include $(OBJS:.o=.d) $(STATIC_OBJS:.o=.d)

# The package `flux` as a zip archive at the program's end; without python3 there
# is none.  The static program gets the sources alone.
$(B)/obj/flux.zip: tools/mkzip.py $(PACKAGE)
	@mkdir -p $(@D)
	$(Q)if command -v $(PYTHON) >/dev/null; then \
		$(PYTHON) tools/mkzip.py python/flux >$@.new; else : >$@.new; fi
	$(Q)mv $@.new $@

$(B)/static/obj/flux.zip: tools/mkzip.py $(PACKAGE)
	@mkdir -p $(@D)
	$(Q)if command -v $(PYTHON) >/dev/null; then \
		$(PYTHON) tools/mkzip.py -s python/flux >$@.new; else : >$@.new; fi
	$(Q)mv $@.new $@

$(B)/bin/busyflux: $(OBJS) $(B)/obj/flux.zip
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(HARDEN_LINK) $(MUSL_PATH) -pie -rdynamic -o $@.new $(OBJS) $(LDLIBS)
	$(Q)cat $(B)/obj/flux.zip >>$@.new
	$(Q)mv $@.new $@
	$(Q)$@ --install -s $(@D)

static: $(B)/static/bin/busyflux

$(B)/static/bin/busyflux: $(STATIC_OBJS) $(B)/static/obj/flux.zip
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(SMALL) $(LDFLAGS) $(HARDEN_LINK) -static -no-pie -Wl,--gc-sections \
		-Wl,--build-id=none,-z,noseparate-code -s -o $@.new $(STATIC_OBJS) -pthread
	$(Q)cat $(B)/static/obj/flux.zip >>$@.new
	$(Q)mv $@.new $@
	$(Q)$@ --install -s $(@D)

# ---- what module authors compile against ------------------------------------

headers: $(B)/include/flux/core.h $(B)/include/jansson.h

$(B)/include/flux/core.h: flux.h
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/include/jansson.h: json.h
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The two libraries under the names that Flux and jansson give them.  What they
# export is what is published, which is what the program exports.  The first
# has no JSON of its own: a process must not have it twice.
.PHONY: libraries
libraries: $(B)/lib/libflux-core.so.2 $(B)/lib/libjansson.so.4 \
	$(B)/lib/pkgconfig/flux-core.pc $(B)/lib/pkgconfig/jansson.pc

JSON_ONLY = $(filter $(B)/obj/json.o $(B)/obj/json_%,$(OBJS))
JSON_OBJS = $(JSON_ONLY) $(patsubst %,$(B)/obj/%.o,buf plain sys table util)
NEED = nm -D --defined-only $(B)/bin/busyflux | \
	sed -n 's/.* T \(flux_[a-z0-9_]*\)$$/-Wl,-u,\1/p'

$(B)/lib/libjansson.so.4: $(JSON_OBJS) libjansson.map
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(HARDEN_LINK) -shared -Wl,-soname,$(@F) \
		-Wl,--version-script=libjansson.map -o $@ $(JSON_OBJS) -pthread
	$(Q)ln -sf $(@F) $(B)/lib/libjansson.so

$(B)/obj/libflux-core.a: $(OBJS)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter-out %/applet.o $(JSON_ONLY),$(OBJS))

$(B)/lib/libflux-core.so.2: $(B)/obj/libflux-core.a $(B)/bin/busyflux \
		$(B)/lib/libjansson.so.4
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(HARDEN_LINK) -shared -Wl,-soname,$(@F) -o $@ `$(NEED)` \
		$(B)/obj/libflux-core.a $(B)/lib/libjansson.so.4 $(LDLIBS)
	$(Q)ln -sf $(@F) $(B)/lib/libflux-core.so

$(B)/lib/pkgconfig/%.pc: %.pc.in
	@mkdir -p $(@D)
	$(Q)sed 's,@up@,../..,; s,@include@,include,' $< >$@

$(B)/lib/flux/modules/%.so: examples/%.c $(B)/include/flux/core.h \
		$(B)/include/jansson.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c99 $(filter-out -Wmissing-prototypes,$(WARN)) $(WERROR) \
		$(CFLAGS) -shared -fPIC \
		-I$(B)/include -o $@ $<

# ---- tests, demonstration ------------------------------------------------------

TEST_MODULES = $(patsubst tests/modules/%.c,$(B)/tests/modules/%.so,\
	$(wildcard tests/modules/*.c))
UNIT_TESTS = $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
CLIENTS = $(patsubst tests/%.c,$(B)/tests/%,tests/pipeline.c \
	$(wildcard tests/client_*.c))
T = $(UNIT_TESTS) $(sort $(wildcard tests/*.t tests/issues/*.t))
TEST_SECONDS = 300
PROVE = B=$(abspath $(B)) prove -j2 -f -o -e "timeout -k 5 $(TEST_SECONDS)"

$(B)/tests/libbusyflux.a: $(OBJS)
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter-out %/applet.o,$(OBJS))

$(B)/tests/test_%: tests/test_%.c tests/tap.h $(B)/tests/libbusyflux.a
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I. $(LDFLAGS) -o $@ $< \
		$(B)/tests/libbusyflux.a $(LDLIBS) -lm

# Programs that tests use.
$(CLIENTS): $(B)/tests/%: tests/%.c tests/tap.h $(B)/tests/libbusyflux.a
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I. $(LDFLAGS) -o $@ $< \
		$(B)/tests/libbusyflux.a $(LDLIBS) -lm

$(B)/tests/modules/%.so: tests/modules/%.c $(B)/include/flux/core.h \
		$(B)/include/jansson.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARN) $(WERROR) -Wno-missing-prototypes $(CFLAGS) \
		-shared -fPIC -I$(B)/include -o $@ $<

tests: all $(UNIT_TESTS) $(CLIENTS) $(TEST_MODULES)

# Two jobs, if nobody has said how many.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j2)

# static.t's program is made before: it takes longer than a test may.
check:
	.ci/need cc make python3 prove
	$(MAKE) $(JOBS) tests
	$(if $(TEST_BUILD),,$(if $(filter tests/static.t,$(T)),-$(MAKE) $(JOBS) static))
	$(PROVE) $(T)

# The sieges at their full numbers, on a quiet machine: see innocent.py.
check-siege: TEST_SECONDS = 900
check-siege: tests
	SIEGE=full $(PROVE) -j1 --verbose tests/siege_peers.t \
		tests/siege_bytes.t tests/hostile.t tests/siege_system.t tests/flood.t

# Reloads under load, ten times as long as in check.
check-reload: tests
	RELOAD_FACTOR=10 $(PROVE) tests/reload.t

SANITIZED = HARDEN= OPT="-O1 -g -fno-omit-frame-pointer $(1)" LDFLAGS="$(1)"
UNDEFINED = -fsanitize=undefined -fno-sanitize-recover=undefined

check-asan:
	ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
	TEST_BUILD=asan $(MAKE) B=$(B)/asan \
		$(call SANITIZED,-fsanitize=address $(UNDEFINED)) check

# Undefined behaviour alone, which check-asan looks for too, but sooner done.
check-ubsan:
	UBSAN_OPTIONS=print_stacktrace=1 TEST_BUILD=ubsan $(MAKE) B=$(B)/ubsan \
		$(call SANITIZED,$(UNDEFINED)) check

check-tsan:
	TSAN_OPTIONS=report_thread_leaks=0 TEST_BUILD=tsan $(MAKE) B=$(B)/tsan \
		$(call SANITIZED,-fsanitize=thread) check

# Everything at once for SOAK_S seconds, each message accounted for.
SOAK_S = 600
soak: tests
	B=$(abspath $(B)) SOAK_S=$(SOAK_S) tests/soak.t

check-valgrind: all tests
	.ci/need valgrind
	B=$(B) PROVE='prove -j2 -e "timeout -k 5 600"' tests/valgrind

check-kill: tests
	KILL_VICTIMS="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15" \
	KILL_TOPOS="kary:2 kary:4" $(PROVE) tests/kill.t

check-eintr: tests
	EINTR_SEEDS="`seq 50`" $(PROVE) tests/eintr.t

check-cross:
	.ci/need gcc
	B=$(B) MAKE="$(MAKE)" tests/cross i386 s390x aarch64

# Also where a test fails, since some measure what this build is slower at.
coverage:
	.ci/need gcov
	rm -f $(B)/coverage/obj/*.gcda
	mkdir -p $(B)/coverage
	$(CC) $(CSTD) -fPIC -fvisibility=hidden -c -o $(B)/coverage/ending.o tools/ending.c
	-TEST_BUILD=coverage $(MAKE) B=$(B)/coverage HARDEN= \
		LDFLAGS="--coverage $(B)/coverage/ending.o" OPT="-O0 -g --coverage -fprofile-update=prefer-atomic" check
	tools/coverage $(B)/coverage/obj $(B)/coverage/lines

demo: all
	.ci/need cc
	B=$(abspath $(B)) CC="$(CC)" examples/demo.sh

# ---- static analysis -------------------------------------------------------------

lint:
	.ci/need make gcc clang cppcheck shellcheck python3 mandoc
	B=$(B) MAKE="$(MAKE)" .ci/lint

# clang-tidy's checks are in .clang-tidy.  What gcc's analyzer says wrongly is in
# .ci/analyzer.known, with the reasons.
analyze:
	.ci/need gcc clang-tidy
	B=$(B) .ci/analyze $(SRCS)
	printf '%s\n' $(SRCS) | xargs -P2 -n8 sh -c 'clang-tidy --quiet "$$@" -- \
		$(CSTD) -DBUSYFLUX_VERSION=\"\"' sh

manuals:
	@for m in $(MANS); do \
		d=$(B)/share/man/man$${m##*.}; \
		mkdir -p $$d && cp $$m $$d/ || exit 1; \
	done

# ---- installation --------------------------------------------------------------

# What others compile and link against goes into folders of our own, so that it
# hides no one else's.
install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/flux/modules \
		$(DESTDIR)$(PREFIX)/include/busyflux/flux \
		$(DESTDIR)$(PREFIX)/lib/busyflux/pkgconfig
	cp $(B)/bin/busyflux $(DESTDIR)$(PREFIX)/bin/busyflux
	$(DESTDIR)$(PREFIX)/bin/busyflux --install -s $(DESTDIR)$(PREFIX)/bin
	cp flux.h $(DESTDIR)$(PREFIX)/include/busyflux/flux/core.h
	cp json.h $(DESTDIR)$(PREFIX)/include/busyflux/jansson.h
	cp -P $(B)/lib/lib*.so* $(DESTDIR)$(PREFIX)/lib/busyflux/
	for p in flux-core jansson; do \
		sed 's,@up@,../../..,; s,@include@,include/busyflux,' $$p.pc.in \
			>$(DESTDIR)$(PREFIX)/lib/busyflux/pkgconfig/$$p.pc || exit 1; \
	done
	for m in $(MANS); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; \
		mkdir -p $$d && cp $$m $$d/ || exit 1; \
	done
	mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	cp completion/busyflux.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/busyflux
	for a in `$(B)/bin/busyflux --list`; do ln -sf busyflux \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$a || exit 1; \
	done

uninstall:
	for a in busyflux `$(B)/bin/busyflux --list`; do \
		rm -f $(DESTDIR)$(PREFIX)/bin/$$a; \
		rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$a; \
	done
	for m in $(MANS); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; \
	done
	rm -rf $(DESTDIR)$(PREFIX)/include/busyflux \
		$(DESTDIR)$(PREFIX)/lib/busyflux
	-rmdir $(DESTDIR)$(PREFIX)/lib/flux/modules \
		$(DESTDIR)$(PREFIX)/lib/flux 2>/dev/null

-include tests/bench/bench.mk tests/fuzz/fuzz.mk tests/fault/fault.mk

clean:
	rm -rf $(B)

.PHONY: all static headers manuals install uninstall clean tests check soak check-siege check-reload check-asan \
	check-ubsan check-tsan check-valgrind check-kill check-cross check-eintr coverage \
	analyze demo lint
