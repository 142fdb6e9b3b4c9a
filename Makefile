# gatecert
#
#   make                       build gatecertd and the test tools into build/
#   make demo                  local stack, three hostnames, fetched over TLS (HOLD=1 keeps it running)
#   make quick                 layers, style and the units whose code changed, but for six long ones: under half a minute
#   make test                  every test: unit, simulation, integration, conformance
#   make check-static          layers, style, routes, the other compiler, clang-tidy, gcc's analyzer
#   make check                 make test, make check-static, and the tests again under the sanitizers
#   make format                clang-format over all C
#   make coverage              the tests on a build that counts; lines and branches of each package (also TESTS=...)
#   make SAN=address,undefined test    the same in build/san-address,undefined/ (also SAN=thread)
#   make fuzz-NAME SECONDS=600   search for inputs that break tests/fuzz/fuzz_NAME.c (make test replays its seeds)
#   make bench                 rates and p99 of the HTTP API, as ratios to a bare libmicrohttpd
#   make attack MINUTES=30     clients, files, SIGHUP and another tool all at once, then a judge (also with SAN=...)
#   make soak MINUTES=60       the daemon's memory over time, with certificates that live two minutes
#   make schema                write manifests/schema from the tables that the daemon reads
#   make install               into DESTDIR and PREFIX (default /usr)
#   make clean                 remove what was built (build/tools and node_modules stay)
#   make help                  this text
#
# V=1 shows the commands. TESTS='a b' runs only the suites of these names (see make list-tests).

CC ?= gcc
SAN ?=
DESTDIR ?=
PREFIX ?= /usr

comma := ,
B := $(if $(SAN),build/san-$(SAN),build)
Q := $(if $(V),,@)
$(if $(filter /%,$(B)),$(error B is a path below this folder))
VERSION := 1.0.0

# The build takes all cores, unless -j says how many.
ifeq ($(MAKELEVEL)$(filter-out all test check unit-bins,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

ifneq ($(MAKECMDGOALS),$(filter clean help,$(MAKECMDGOALS)))
NEEDS := $(patsubst %,--%,$(filter bench,$(MAKECMDGOALS)) $(if $(filter check check-static format,$(MAKECMDGOALS)),check))
SETUP := $(shell hack/setup $(NEEDS) 1>&2 || echo failed)
ifneq ($(SETUP),)
$(error hack/setup did not succeed: see above)
endif
endif
ifeq ($(MAKECMDGOALS),)
SETUP := $(shell hack/setup 1>&2 || echo failed)
endif

PKGS := libcurl libcrypto yaml-0.1 libcjson libmicrohttpd gnutls libsystemd libcares libidn2 libpsl
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wswitch-enum
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now
ifeq ($(SAN),)
MODE := -O2 -g -Werror $(HARDEN)
MODE_LD := $(HARDEN_LD)
else
MODE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN)
MODE_LD := -fsanitize=$(SAN)
endif

CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -DGATECERT_VERSION='"$(VERSION)"' $(WARN) $(MODE) -Ipkg -Itests \
	$(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LDFLAGS_ALL = $(MODE_LD) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -lpthread
SIM_LIBS = $(LIBS) -lssl

PKG_SRC := $(wildcard pkg/*/*.c)
DAEMON_SRC := $(wildcard cmd/gatecertd/*.c)
WORLD_SRC := $(filter-out tests/world/main.c,$(wildcard tests/world/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
SIM_SRC := $(wildcard tests/sim/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
SIM_COMMON := $(filter-out $(SIM_SRC),$(wildcard tests/sim/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
SIM_BIN := $(patsubst tests/sim/%.c,$(B)/sim/%,$(SIM_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(FUZZ_SRC))

.PHONY: all schema demo bench attack soak test check clean help install unit-bins list-tests check-layers check-luck check-style FORCE
.DELETE_ON_ERROR:
.PRECIOUS: $(B)/obj/%.o

all: $(B)/gatecertd $(B)/azuresim $(B)/routes.ok

# A route that is not described, or the reverse, is no build.
$(B)/routes.ok: hack/check-routes manifests/openapi.yaml $(PKG_SRC)
	$(Q)hack/check-routes
	@mkdir -p $(@D) && touch $@

help:
	@sed -n '/^# gatecert/,/^$$/s/^# \{0,1\}//p' Makefile

# No clock of a machine that runs the daemon can be right before this.
BUILT := $(or $(SOURCE_DATE_EPOCH),$(shell date +%s))
$(B)/obj/cmd/gatecertd/wire.o: CFLAGS_ALL += -DGATECERT_BUILT=$(BUILT)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/libgatecert.a: $(call obj,$(PKG_SRC))
	$(if $(V),,@echo "  AR    $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/libworld.a: $(call obj,$(WORLD_SRC))
	$(if $(V),,@echo "  AR    $@")
	$(Q)rm -f $@ && ar rcs $@ $^

define link
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(1)
endef

$(B)/gatecertd: $(call obj,$(DAEMON_SRC)) $(B)/libgatecert.a
	$(call link,$(LIBS))

$(B)/azuresim: $(B)/obj/tests/world/main.o $(B)/libworld.a $(B)/libgatecert.a
	$(call link,$(SIM_LIBS))

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libworld.a $(B)/libgatecert.a
	$(call link,-lcmocka $(SIM_LIBS))

# The daemon's own tables are tested without its loop.
CONFIG_SRC := $(filter cmd/gatecertd/config%.c cmd/gatecertd/options.c,$(DAEMON_SRC))
CONFIG_TESTS := $(addprefix $(B)/unit/,test_config test_config_files test_config_keys test_options)
$(CONFIG_TESTS): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(call obj,$(CONFIG_SRC)) $(B)/libgatecert.a
	$(call link,-lcmocka $(LIBS))

$(B)/unit/test_clockwatch: $(B)/obj/tests/unit/test_clockwatch.o $(call obj,cmd/gatecertd/clockwatch.c) $(B)/libgatecert.a
	$(call link,-lcmocka $(LIBS))

$(B)/sim/%: $(B)/obj/tests/sim/%.o $(call obj,$(SIM_COMMON)) $(B)/libworld.a $(B)/libgatecert.a
	$(call link,-lcmocka $(SIM_LIBS))

$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(B)/libworld.a $(B)/libgatecert.a
	$(call link,$(SIM_LIBS))

unit-bins: $(UNIT_BIN) $(SIM_BIN) $(FUZZ_BIN)

# What the search finds is kept in $(FUZZING): the corpus, and crash-* and the like. Make a seed of it.
FUZZING := build/fuzzing
SECONDS ?= 60
fuzz-%: tests/fuzz/fuzz_%.c
	@mkdir -p $(FUZZING)/corpus/$* $(FUZZING)/found/$*
	$(Q)$(MAKE) --no-print-directory CC=clang B=$(FUZZING) MODE_LD=-fsanitize=fuzzer,address,undefined \
		MODE='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined' $(FUZZING)/search/$*
	$(Q)$(FUZZING)/search/$* -max_total_time=$(SECONDS) -timeout=20 -artifact_prefix=$(FUZZING)/found/$*/ \
		$(FUZZING)/corpus/$* tests/fuzz/seeds/$*

$(B)/search/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/libworld.a $(B)/libgatecert.a
	$(call link,$(SIM_LIBS))

-include $(patsubst %.o,%.d,$(call obj,$(PKG_SRC) $(DAEMON_SRC) $(wildcard tests/*/*.c)))

# Suites, in hack/suites.mk: each leaves build/results/NAME.xml behind.
-include hack/suites.mk
-include hack/install.mk
-include hack/habits.mk

check-layers:
	$(Q)hack/check-layers

check-luck:
	$(Q)hack/check-luck

check-style:
	$(Q)hack/check-style

schema: $(B)/gatecertd
	$(Q)for kind in spec config; do $< --print-schema $$kind >manifests/schema/$$kind.schema.json || exit; done

demo: all
	$(Q)GATECERT_BUILD=$(B) HOLD=$(HOLD) hack/demo

$(B)/bench/bare: $(B)/obj/tests/bench/bare.o
	$(call link,$(LIBS))

bench: all $(B)/bench/bare
	$(Q)GATECERT_BUILD=$(B) hack/bench

attack: all
	$(Q)hack/attack --build $(B) --minutes $(or $(MINUTES),1)

soak: all
	$(Q)hack/soak --build $(B) --minutes $(or $(MINUTES),60)

clean:
	rm -rf compile_commands.json build/routes.ok build/static build/clang build/coverage build/obj build/unit build/sim build/fuzz build/fuzzing build/bench build/results build/pytest build/nine-runs build/*.a build/gatecertd build/azuresim build/san-*
