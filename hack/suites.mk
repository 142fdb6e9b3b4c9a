# The suites: each leaves $(RESULTS)/NAME.xml behind, whatever happens, and runs again when what it tests has changed.
# `make test` runs all of them and adds up; the results of what did not run again count as they stand.

RESULTS := $(B)/results
RUN := hack/run-test --results $(RESULTS)
export GATECERT_BUILD := $(B)

# What failed runs again, whether or not anything changed.
ifneq ($(filter test check,$(MAKECMDGOALS)),)
$(shell grep -lsE '<(failure|error)[ />]' $(RESULTS)/*.xml | xargs -r rm -f)
endif

INTEGRATION := $(wildcard tests/integration/test_*.py)
HARNESS := tests/integration/conftest.py $(wildcard tests/integration/harness/*.py hack/stack hack/stacklib/*.py)
CONFORMANCE := $(wildcard tests/conformance/*.test.mjs)
CONTRACT_BIN := $(patsubst tests/contract/%.c,$(B)/contract/%,$(wildcard tests/contract/*.c))

SUITES := $(patsubst $(B)/unit/test_%,unit-%,$(UNIT_BIN)) $(patsubst $(B)/sim/test_%,sim-%,$(SIM_BIN)) \
	$(patsubst $(B)/fuzz/%,fuzz-%,$(FUZZ_BIN)) \
	$(patsubst tests/integration/test_%.py,integration-%,$(INTEGRATION)) \
	$(if $(SAN),,$(patsubst tests/conformance/%.test.mjs,conformance-%,$(CONFORMANCE)) layers routes style)
CHOSEN := $(if $(TESTS),$(filter $(TESTS),$(SUITES)),$(SUITES))

$(B)/contract/%: $(B)/obj/tests/contract/%.o $(B)/libgatecert.a
	$(call link,-lcmocka $(LIBS))

$(RESULTS)/unit-%.xml: $(B)/unit/test_%
	-$(Q)$(RUN) --cmocka unit-$* $<

$(RESULTS)/sim-%.xml: $(B)/sim/test_%
	-$(Q)$(RUN) --cmocka sim-$* $<

$(RESULTS)/fuzz-%.xml: $(B)/fuzz/% $(wildcard tests/fuzz/seeds/*/*)
	-$(Q)$(RUN) --plain fuzz-$* $< $(wildcard tests/fuzz/seeds/$*/*)

$(RESULTS)/integration-%.xml: tests/integration/test_%.py $(HARNESS) $(B)/gatecertd $(B)/azuresim $(CONTRACT_BIN)
	-$(Q)$(RUN) --pytest integration-$* $<

$(RESULTS)/conformance-%.xml: tests/conformance/%.test.mjs $(wildcard tests/conformance/*.mjs) $(B)/azuresim
	-$(Q)$(RUN) --node conformance-$* $<

$(RESULTS)/layers.xml: hack/check-layers $(PKG_SRC) $(wildcard pkg/*/*.h)
	-$(Q)$(RUN) --plain layers hack/check-layers

$(RESULTS)/style.xml: hack/check-style $(PKG_SRC) $(DAEMON_SRC) $(WORLD_SRC) $(wildcard pkg/*/*.h cmd/*/*.h)
	-$(Q)$(RUN) --plain style hack/check-style

$(RESULTS)/routes.xml: hack/check-routes manifests/openapi.yaml $(PKG_SRC) $(wildcard pkg/*/*.h)
	-$(Q)$(RUN) --plain routes hack/check-routes

# What else these hold to account.
$(RESULTS)/conformance-openapi.xml: $(wildcard manifests/*.yaml manifests/schema/* manifests/examples/*)
$(RESULTS)/integration-http_api.xml $(RESULTS)/integration-http_import.xml: manifests/openapi.yaml
$(RESULTS)/integration-check_routes.xml: hack/check-routes manifests/openapi.yaml $(PKG_SRC)

list-tests:
	@printf '%s\n' $(SUITES)

test: $(patsubst %,$(RESULTS)/%.xml,$(CHOSEN))
	$(Q)hack/summary $(RESULTS) $(CHOSEN)

check: test
	$(Q)$(MAKE) --no-print-directory CC=clang B=build/clang build/clang/gatecertd
