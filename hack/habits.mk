# What whoever changes something runs all day: quick, format, check-static, coverage, and what an editor reads.

CORES := $(shell nproc)
SOURCES := $(sort $(PKG_SRC) $(DAEMON_SRC) $(wildcard tests/*/*.c))
# Of wire.c alone; the others do not know the name.
READ_FLAGS = $(CFLAGS_ALL) -DGATECERT_BUILT=0

# Sub-makes take all cores, unless -j says how many.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(CORES))
again = $(Q)$(MAKE) --no-print-directory $(JOBS)

.PHONY: quick format check-static coverage

# Layers, style and units, of which only those run whose code changed. The six that compute, or wait for the disk, for
# four seconds and more are left to `make test`: they are half of the time of all.
LONG_UNITS := $(addprefix unit-,bundle cert csr one_write sealed specdir_odd)
quick:
	$(again) TESTS='layers style $(filter-out $(LONG_UNITS),$(filter unit-%,$(SUITES)))' test

format_all = find pkg cmd tests hack -name '*.[ch]' -print0 | xargs -0 -n 20 -P $(CORES) clang-format
format:
	$(Q)$(format_all) -i

# For clangd and other tools; .clangd and .clang-tidy say the rest. Written when a source comes, goes or is built otherwise.
ifeq ($(B),build)
all: compile_commands.json
compile_commands.json: FORCE
	$(Q)hack/compile-commands $@ $(CC) $(READ_FLAGS) -- $(SOURCES)
endif

# Each source on its own, so that only what changed is looked at again: the other compiler, clang-tidy with the checks of
# .clang-tidy, and for what is shipped gcc's analyzer. What is excluded, and why, stands in .clang-tidy and hack/static-excluded.
STATIC := $(B)/static
check-static: check-layers check-style
	$(Q)hack/check-routes
	$(Q)shellcheck hack/setup .ci/run
	$(Q)$(format_all) --dry-run -Werror
	$(again) -k $(STATIC)/all.ok

$(STATIC)/all.ok: $(patsubst %.c,$(STATIC)/%.ok,$(SOURCES)) $(STATIC)/clang.ok
	$(Q)hack/check-static --unused $(STATIC)
	@touch $@

$(STATIC)/%.ok: %.c .clang-tidy tests/.clang-tidy hack/static-excluded hack/check-static
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CHECK $<")
	$(Q)hack/check-static $@ $< $(READ_FLAGS)
	@touch $@

# That it also links, with what only the optimizer sees.
$(STATIC)/clang.ok: $(PKG_SRC) $(DAEMON_SRC) $(wildcard pkg/*/*.h cmd/*/*.h)
	$(Q)$(MAKE) --no-print-directory CC=clang B=build/clang build/clang/gatecertd
	@mkdir -p $(@D) && touch $@

-include $(wildcard $(patsubst %.c,$(STATIC)/%.d,$(SOURCES)))

# Everything: both sanitizer builds run the whole suite again.
check: test
	$(again) check-static
	$(again) SAN=address,undefined test
	$(again) SAN=thread test

# The whole suite, or TESTS, on a build that counts. Also says where a failed test left it.
coverage:
	-$(again) B=build/coverage MODE='-O0 -g --coverage' MODE_LD=--coverage TESTS='$(TESTS)' test
	$(Q)hack/coverage build/coverage
