# SPDX-License-Identifier: BSD-2-Clause
# Assay: `make help` lists the targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build
# A set of sanitizers, such as address,undefined: built apart, in $(BUILD)/<set>.
SANITIZE ?=

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PKG_CONFIG ?= pkg-config

PACKAGES := libcrypto zlib libelf sqlite3 jansson libcbor inih tss2-mu
# Only their headers: loaded when first needed (core/library).
LOADED := libarchive librnp
CFLAGS ?= -O2 -g
CPPFLAGS ?= -D_FORTIFY_SOURCE=2
LDFLAGS ?= -Wl,-z,relro,-z,now
WERROR ?= $(if $(CI),-Werror)

comma := ,
# `make V=1` shows the commands.
Q := $(if $(V),,@)
O := $(BUILD)$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wundef -Wcast-qual -Wwrite-strings \
	-Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-sign-conversion $(WERROR)
SAN_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE)
ALL_CPPFLAGS = -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DASSAY_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS = -std=c11 -pthread -fstack-protector-strong -fPIE $(CFLAGS) $(WARNINGS) $(SAN_FLAGS)
ALL_LDFLAGS = -pie -pthread $(LDFLAGS) $(SAN_FLAGS)

# Asked for only when something is built, so that `make deps` runs where nothing is installed.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LOADED)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PACKAGES)) -ldl)$(PKG_LIBS)

# Two levels of folders: module folders are no deeper.
LIB_SRC := $(sort $(foreach d,core db replay refgen audit,$(wildcard $d/*.c $d/*/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$O/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$O/%)
UNIT_LIB_SRC := $(sort $(wildcard tests/unit/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_REPLAY := $(FUZZ_SRC:tests/fuzz/%.c=$O/tests/fuzz/%)
# Programs that only the tests and the benchmarks use: each file one program.
TOOL_SRC := $(sort $(wildcard tests/bench/*.c tests/tools/*.c))
TOOL_BIN := $(TOOL_SRC:%.c=$O/%)

all: $O/assay

$O/assay: $O/assay.o $O/libassay.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$O/libassay.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$O/%.o: %.c $O/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Rewritten only when what we compile with changes, so that everything is rebuilt then.
$O/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS)) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS)) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

# Unit tests can make any allocation of ours fail (tests/unit/test.h).
ALLOC_WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
$(UNIT_BIN): $O/%: $O/%.o $(UNIT_LIB_SRC:%.c=$O/%.o) $O/libassay.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CC) $(ALL_LDFLAGS) $(ALLOC_WRAP) -o $@ $^ $(PKG_LIBS) -larchive -lcmocka

# Fuzz targets replay their corpus with a plain main in `make check` ...
$(FUZZ_REPLAY): $O/tests/fuzz/%: $O/tests/fuzz/%.o $O/tests/fuzz/replay_main.o $O/libassay.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# ... and are built for libFuzzer from all sources anew by `make fuzz`.
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_OBJ := $(LIB_SRC:%.c=$(BUILD)/fuzz/obj/%.o)
$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo '  FUZZ-CC $<')
	$(Q)$(CLANG) $(filter-out -D_FORTIFY_SOURCE=2,$(ALL_CPPFLAGS)) $(PKG_CFLAGS) -std=c11 -O1 -g -pthread \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -MMD -MP -c -o $@ $<
$(FUZZ_BIN): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(FUZZ_OBJ)
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CLANG) -pthread $(FUZZ_FLAGS) -o $@ $^ $(PKG_LIBS)

$(TOOL_BIN): $O/%: $O/%.o $O/libassay.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# --- tests ---------------------------------------------------------------------------------------

E2E := $(sort $(filter-out tests/e2e/lib.sh tests/e2e/swtpm.sh,$(wildcard tests/e2e/*.sh)))
# One part of the tests: make check TESTS='build/tests/unit/core/test_reader tests/e2e/db.sh'
TESTS ?= $(UNIT_BIN) $(FUZZ_REPLAY) $(E2E)
JOBS ?= $(shell nproc)

check: deps
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@ASSAY=$(abspath $O/assay) TEST_PROGRAMS=$(abspath $O/tests) tests/run -j $(JOBS) $(if $(V),-v) $(TESTS)

test-programs: $O/assay $(UNIT_BIN) $(FUZZ_REPLAY) $(TOOL_BIN)

# Each target for FUZZ_SECONDS; what is found stays in $(BUILD)/fuzz/found.
FUZZ_SECONDS ?= 60
fuzz: deps
	@$(MAKE) --no-print-directory -j$(JOBS) fuzz-programs
	@BUILD=$(BUILD) JOBS=$(JOBS) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_BIN)

fuzz-programs: $(FUZZ_BIN)

bench: deps
	@.ci/deps bench
	@$(MAKE) --no-print-directory -j$(JOBS) $O/assay $(TOOL_BIN)
	@ASSAY=$(abspath $O/assay) BENCH_PROGRAMS=$(abspath $O/tests/bench) tests/bench/run $(LOADS)

check-vm: deps
	@.ci/deps vm
	@$(MAKE) --no-print-directory -j$(JOBS) $O/assay
	@ASSAY=$(abspath $O/assay) tests/vm/check

# The whole main job on real input, in a scratch folder (DEMO_DIR to choose it).
demo: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $O/assay $O/tests/tools/ima_measure $O/tests/tools/log_edit
	@ASSAY=$(abspath $O/assay) TEST_PROGRAMS=$(abspath $O/tests) tests/demo/demo.sh $(DEMO_DIR)

# Stored outputs of the end-to-end tests, written anew; read the difference before committing it.
update-golden: deps
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@ASSAY=$(abspath $O/assay) TEST_PROGRAMS=$(abspath $O/tests) UPDATE_GOLDEN=1 tests/run $(TESTS)

lint: deps
	@.ci/lint
	@$(MAKE) --no-print-directory -j$(JOBS) CC=gcc WERROR=-Werror BUILD=$(BUILD) test-programs
	@$(MAKE) --no-print-directory -j$(JOBS) CC=$(CLANG) WERROR=-Werror BUILD=$(BUILD)/clang test-programs

format:
	git ls-files -z '*.c' '*.h' | xargs -0 -n 8 clang-format -i

deps:
	@.ci/deps build test

# --- installation ----------------------------------------------------------------------------------

BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 \
		$(DESTDIR)$(DATADIR)/bash-completion/completions $(DESTDIR)$(DATADIR)/zsh/site-functions
	install -m 755 $O/assay $(DESTDIR)$(BINDIR)/assay
	install -m 644 man/*.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 man/completion/assay.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/assay
	install -m 644 man/completion/_assay $(DESTDIR)$(DATADIR)/zsh/site-functions/_assay

help:
	@echo 'make            build $(O)/assay'
	@echo 'make demo       install what is missing, build, do the whole main job on real input'
	@echo 'make check      install what is missing, build, run all tests (V=1: say more)'
	@echo 'make check SANITIZE=address,undefined    the same under sanitizers'
	@echo 'make check-vm   boot virtual machines and audit what they measured'
	@echo 'make fuzz       fuzz every parser for FUZZ_SECONDS (60) each'
	@echo 'make bench      time Assay beside its peers (LOADS="L1 L3": only these)'
	@echo 'make lint       layout, licences, dependencies between folders, both compilers, scripts, manuals'
	@echo 'make format     lay the code out as .clang-format says'
	@echo 'make install    install below $$(DESTDIR)$$(PREFIX) ($(PREFIX))'
	@echo 'make deps       install what is missing to build and test (as root; else says what it would run)'
	@echo 'make update-golden   rewrite the stored outputs of the tests'
	@echo 'make clean      remove $(BUILD)'

clean:
	rm -rf $(BUILD)

force:
.PHONY: all bench check check-vm clean demo deps force format fuzz fuzz-programs help install lint \
	test-programs update-golden
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
