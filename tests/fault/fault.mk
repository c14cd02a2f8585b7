# fault.mk - the library that makes calls fail, included by the Makefile
#
#   make check-oom     each call of each function fails once, in every operation

FAULT = $(B)/tests/libfault.so

# It needs another name for the C library's malloc(); where there is none the
# tests skip.
$(FAULT): tests/fault/fault.c
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(WARN) $(WERROR) -Wno-missing-prototypes $(OPT) \
		-D_FORTIFY_SOURCE=0 -shared -fPIC -o $@ $< -ldl -Wl,-z,defs || \
		echo "$@: not made"

tests: $(FAULT)

check-oom: all $(FAULT)
	.ci/need python3
	timeout 1800 python3 tests/fault/fault.py $(FAULT) \
		$(abspath $(B)/bin/flux) $(abspath $(B)/lib/flux/modules)

.PHONY: check-oom
