# busyflux: no configure step
#
#   make              build/, an install tree: bin, include, lib/pkgconfig, share/man
#   make static       build/static/bin/busyflux, with no dynamic section
#   make demo         modules loaded, listed, called, traced, reloaded, removed
#   make check        all tests
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
ALL_CFLAGS = $(CSTD) $(WARN) $(WERROR) -fvisibility=hidden -fPIC -pthread \
	-DBUSYFLUX_VERSION='"$(VERSION)"' $(CFLAGS)
LDLIBS = -pthread -ldl

B = build
SRCS = $(sort $(wildcard *.c))
OBJS = $(SRCS:%.c=$(B)/obj/%.o)
STATIC_CC = $(shell command -v musl-gcc || echo $(CC))
STATIC_OBJS = $(SRCS:%.c=$(B)/static/obj/%.o)
EXAMPLES = $(patsubst examples/%.c,$(B)/lib/flux/modules/%.so,\
	$(wildcard examples/*.c))
MANS = $(wildcard man/*.[1-9])

all: $(B)/bin/busyflux headers $(EXAMPLES)

# ---- the program ---------------------------------------------------------

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -c -o $@ $<

$(B)/static/obj/%.o: %.c
	@mkdir -p $(@D)
	$(STATIC_CC) $(ALL_CFLAGS) -Os -g0 -fno-PIC -ffunction-sections \
		-fdata-sections -DBUSYFLUX_STATIC -MMD -c -o $@ $<

-include $(OBJS:.o=.d) $(STATIC_OBJS:.o=.d)

$(B)/bin/busyflux: $(OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@.new $(OBJS) $(LDLIBS)
	mv $@.new $@
	$@ --install -s $(@D)

static: $(B)/static/bin/busyflux

$(B)/static/bin/busyflux: $(STATIC_OBJS)
	@mkdir -p $(@D)
	$(STATIC_CC) $(LDFLAGS) -static -no-pie -Wl,--gc-sections -s \
		-o $@.new $(STATIC_OBJS) -pthread
	mv $@.new $@
	$@ --install -s $(@D)

# ---- what module authors compile against ------------------------------------

headers: $(B)/include/flux/core.h $(B)/include/jansson.h \
	$(B)/lib/pkgconfig/flux-core.pc

$(B)/include/flux/core.h: flux.h
	@mkdir -p $(@D)
	cp $< $@

$(B)/include/jansson.h: json.h
	@mkdir -p $(@D)
	cp $< $@

$(B)/lib/pkgconfig/flux-core.pc: flux-core.pc.in
	@mkdir -p $(@D)
	cp $< $@

$(B)/lib/flux/modules/%.so: examples/%.c $(B)/include/flux/core.h \
		$(B)/include/jansson.h
	@mkdir -p $(@D)
	$(CC) -std=c99 $(filter-out -Wmissing-prototypes,$(WARN)) $(WERROR) \
		$(CFLAGS) -shared -fPIC \
		-I$(B)/include -o $@ $<

# ---- installation --------------------------------------------------------------

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/flux \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/lib/flux/modules
	cp $(B)/bin/busyflux $(DESTDIR)$(PREFIX)/bin/busyflux
	$(DESTDIR)$(PREFIX)/bin/busyflux --install -s $(DESTDIR)$(PREFIX)/bin
	cp $(B)/include/flux/core.h $(DESTDIR)$(PREFIX)/include/flux/core.h
	cp $(B)/include/jansson.h $(DESTDIR)$(PREFIX)/include/jansson.h
	cp $(B)/lib/pkgconfig/flux-core.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	for m in $(MANS); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; \
		mkdir -p $$d && cp $$m $$d/ || exit 1; \
	done

uninstall:
	for a in busyflux `$(B)/bin/busyflux --list`; do \
		rm -f $(DESTDIR)$(PREFIX)/bin/$$a; \
	done
	for m in $(MANS); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; \
	done
	rm -f $(DESTDIR)$(PREFIX)/include/flux/core.h \
		$(DESTDIR)$(PREFIX)/include/jansson.h \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig/flux-core.pc
	-rmdir $(DESTDIR)$(PREFIX)/include/flux \
		$(DESTDIR)$(PREFIX)/lib/flux/modules \
		$(DESTDIR)$(PREFIX)/lib/flux 2>/dev/null

clean:
	rm -rf $(B)

.PHONY: all static headers install uninstall clean
