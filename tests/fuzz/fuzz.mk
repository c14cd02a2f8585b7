# fuzz.mk - the fuzz targets of tests/fuzz, included by the Makefile
#
#   make fuzz          each target for FUZZ_S seconds with libFuzzer, under
#                      AddressSanitizer and UndefinedBehaviorSanitizer; needs clang
#   make fuzz FUZZ_CC=afl-clang-fast   the same with AFL++
#   make fuzz FUZZ_T="json toml"       only these
#
# What is found lies in build/fuzz/found and is, once mended, copied to
# tests/corpus/TARGET.  tests/fuzz.t gives all that is there to the same targets
# again, in any build.

FUZZ_S = 60
FUZZ_CC = clang
FUZZ_T = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_B = $(B)/$(if $(findstring afl,$(FUZZ_CC)),afl,fuzz)
FUZZ_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
REPLAYS = $(FUZZ_T:%=$(B)/tests/fuzz/replay_%)

$(B)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c \
		tests/fuzz/fuzz.h $(B)/tests/libbusyflux.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I. $(LDFLAGS) -o $@ $< tests/fuzz/replay.c \
		$(B)/tests/libbusyflux.a $(LDLIBS)

$(B)/tests/fuzz/run_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h \
		$(B)/tests/libbusyflux.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -I. $(LDFLAGS) -o $@ $< \
		$(B)/tests/libbusyflux.a $(LDLIBS)

replays: $(REPLAYS)
tests: replays

fuzz-build: $(FUZZ_T:%=$(B)/tests/fuzz/run_%)

fuzz:
	.ci/need $(FUZZ_CC) python3
	$(MAKE) B=$(FUZZ_B) CC=$(FUZZ_CC) HARDEN= \
		OPT="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link \
		$(FUZZ_SANITIZE)" LDFLAGS="$(FUZZ_SANITIZE)" fuzz-build
	B=$(FUZZ_B) FUZZ_S=$(FUZZ_S) tests/fuzz/run $(FUZZ_T)

.PHONY: fuzz fuzz-build replays
