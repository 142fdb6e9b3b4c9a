# The suites. What a suite tests is said here; make finds out which are due and lists them, hack/run-suites runs them,
# and each leaves $(RESULTS)/NAME.xml behind, whatever happens. `make test` adds up: the results of what did not run
# again count as they stand.

RESULTS := $(B)/results
DUE := $(RESULTS)/.due
export GATECERT_BUILD := $(B)

# What failed runs again, whether or not anything changed; its old times still tell how long it takes.
ifneq ($(filter test check,$(MAKECMDGOALS)),)
$(shell mkdir -p $(RESULTS) && : >$(DUE) && hack/summary --again $(RESULTS) | xargs -r touch -d @0)
endif

# The list of what is due: NAME KIND COMMAND...
due = @echo '$(basename $(@F)) $(1)' >>$(DUE)

INTEGRATION := $(wildcard tests/integration/test_*.py)
HARNESS := tests/integration/conftest.py $(wildcard tests/integration/harness/*.py hack/stack hack/stacklib/*.py)
CONFORMANCE := $(wildcard tests/conformance/*.test.mjs)
CONTRACT_BIN := $(patsubst tests/contract/%.c,$(B)/contract/%,$(wildcard tests/contract/*.c))

SUITES := $(patsubst $(B)/unit/test_%,unit-%,$(UNIT_BIN)) $(patsubst $(B)/sim/test_%,sim-%,$(SIM_BIN)) \
	$(patsubst $(B)/fuzz/%,fuzz-%,$(FUZZ_BIN)) \
	$(patsubst tests/integration/test_%.py,integration-%,$(INTEGRATION)) \
	$(if $(SAN),,$(patsubst tests/conformance/%.test.mjs,conformance-%,$(CONFORMANCE)) layers luck routes style)
CHOSEN := $(if $(TESTS),$(filter $(TESTS),$(SUITES)),$(SUITES))

$(B)/contract/%: $(B)/obj/tests/contract/%.o $(B)/libgatecert.a
	$(call link,-lcmocka $(LIBS))

$(RESULTS)/unit-%.xml: $(B)/unit/test_%
	$(call due,cmocka $<)

$(RESULTS)/sim-%.xml: $(B)/sim/test_%
	$(call due,cmocka $<)

$(RESULTS)/fuzz-%.xml: $(B)/fuzz/% $(wildcard tests/fuzz/seeds/*/*)
	$(call due,plain $< $(wildcard tests/fuzz/seeds/$*/*))

$(RESULTS)/integration-%.xml: tests/integration/test_%.py $(HARNESS) $(B)/gatecertd $(B)/azuresim $(CONTRACT_BIN)
	$(call due,pytest $<)

$(RESULTS)/conformance-%.xml: tests/conformance/%.test.mjs $(wildcard tests/conformance/*.mjs) $(B)/azuresim
	$(call due,node $<)

$(RESULTS)/layers.xml: hack/check-layers $(PKG_SRC) $(wildcard pkg/*/*.h)
	$(call due,plain hack/check-layers)

$(RESULTS)/style.xml: hack/check-style $(PKG_SRC) $(DAEMON_SRC) $(WORLD_SRC) $(wildcard pkg/*/*.h cmd/*/*.h)
	$(call due,plain hack/check-style)

$(RESULTS)/routes.xml: hack/check-routes manifests/openapi.yaml $(PKG_SRC) $(wildcard pkg/*/*.h)
	$(call due,plain hack/check-routes)

$(RESULTS)/luck.xml: hack/check-luck $(wildcard tests/*/*.[ch] tests/conformance/*.mjs) $(INTEGRATION) $(HARNESS)
	$(call due,plain hack/check-luck)

# What else these hold to account.
$(RESULTS)/conformance-openapi.xml: $(wildcard manifests/*.yaml manifests/schema/* manifests/examples/*)
$(RESULTS)/integration-http_api.xml $(RESULTS)/integration-http_import.xml: manifests/openapi.yaml
$(RESULTS)/integration-results.xml $(RESULTS)/integration-run_suites.xml: \
	$(addprefix hack/,run-test run-suites summary list-rows cmocka_rows.c $(notdir $(wildcard hack/*.py)))
$(RESULTS)/integration-check_luck.xml: hack/check-luck
$(RESULTS)/integration-check_routes.xml: hack/check-routes manifests/openapi.yaml $(PKG_SRC)

list-tests:
	@printf '%s\n' $(SUITES)

test: $(patsubst %,$(RESULTS)/%.xml,$(CHOSEN))
	$(Q)hack/run-suites $(RESULTS) $(DUE)
	$(Q)hack/summary $(RESULTS) $(CHOSEN)
