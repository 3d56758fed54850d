# SPDX-License-Identifier: MIT
# The front door. meson and ninja do the work; each goal first installs what is missing.

BUILD ?= build
ASAN  ?= build-asan
TSAN  ?= build-tsan
FUZZ  ?= build-fuzz

.PHONY: all demo check check-fast tsan bench fuzz lint install clean
.DEFAULT_GOAL := all

define setup
	@tools/bootstrap $(1)
	@test -f $(2)/build.ninja || meson setup $(3) $(2) >/dev/null || { cat $(2)/meson-logs/meson-log.txt; exit 1; }
	@ninja --quiet -C $(2)
endef

all:
	$(call setup,build,$(BUILD))
	@echo "built $(BUILD)/nestbox"

# The main job: an unmodified VFIO program on a host that nests, and on one that does not.
demo:
	$(call setup,demo,$(BUILD))
	@tools/demo $(BUILD)

# Every test on the normal build, then on one with AddressSanitizer, LeakSanitizer and UBSan.
check:
	$(call setup,check,$(BUILD))
	$(call setup,check,$(ASAN),-Db_sanitize=address$(comma)undefined -Db_lundef=false)
	@tools/check $(BUILD) $(ASAN)

check-fast:
	$(call setup,check,$(BUILD))
	@tools/check $(BUILD)

# The gate under the storms of signals and lifetimes, and what has threads below it, on a build with
# ThreadSanitizer (which warns of fences; readers that it knows use others, src/tlb/port.h).
tsan:
	$(call setup,check,$(TSAN),-Db_sanitize=thread -Db_lundef=false -Dc_args=-Wno-tsan)
	@tools/tsan $(TSAN)

# Ratios against named references in the same run; writes $(BUILD)/bench.json.
bench:
	$(call setup,bench,$(BUILD))
	@$(BUILD)/bench/bench --json $(BUILD)/bench.json
	@$(BUILD)/bench/tables

# Coverage-guided fuzzing under ASan and UBSan for FUZZ_SECONDS (20 minutes), by two workers.
fuzz:
	@tools/bootstrap fuzz
	@tools/fuzz $(FUZZ)

lint:
	@tools/bootstrap lint
	@tools/lint

install:
	$(call setup,build,$(BUILD))
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(ASAN) $(TSAN) $(FUZZ) build-clang

comma := ,
