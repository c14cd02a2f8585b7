# bench.mk - the benchmark of tests/bench, included by the Makefile
#
#   make bench         the whole table; FLUX=/path/to/flux for that one's, too
#   make bench-quick   one short pass that checks the form of the table

BENCH_SRCS = $(wildcard tests/bench/*.c)
BENCH_OBJS = $(patsubst tests/bench/%.c,$(B)/bench/obj/%.o,\
	$(filter-out tests/bench/echo.c,$(BENCH_SRCS)))

$(B)/bench/obj/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L $(WARN) $(WERROR) $(CFLAGS) \
		-MMD -c -o $@ $<

-include $(BENCH_OBJS:.o=.d)

$(B)/bench/bench: $(BENCH_OBJS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(BENCH_OBJS) -pthread

$(B)/bench/echo.so: tests/bench/echo.c headers
	@mkdir -p $(@D)
	$(CC) -std=c99 $(CFLAGS) -shared -fPIC -I$(B)/include -o $@ $<

bench-build: all $(B)/bench/bench $(B)/bench/echo.so

bench: bench-build
	@B=$(B) tests/bench/bench.sh $(BENCH_FLAGS)

bench-quick: bench-build
	@B=$(B) tests/bench/bench.sh --quick

.PHONY: bench bench-build bench-quick
