# Tests. Those of examples/json-host have files of their own.

# ---- programs ----

if HAVE_CMOCKA
cmocka_tests = \
	tests/test-access \
	tests/test-allocation \
	tests/test-budget \
	tests/test-callbacks \
	tests/test-casts \
	tests/test-codegen \
	tests/test-collection \
	tests/test-collectors \
	tests/test-contract-access \
	tests/test-contract-collection \
	tests/test-contract-objects \
	tests/test-contract-outputs \
	tests/test-contract-roots \
	tests/test-contract-runtime \
	tests/test-contract-threads \
	tests/test-decay \
	tests/test-decommit \
	tests/test-decommit-filter \
	tests/test-decommit-refused \
	tests/test-decommit-ring \
	tests/test-dense-access \
	tests/test-dense-drc \
	tests/test-dense-drc-holes \
	tests/test-dense-growth \
	tests/test-dense-guards \
	tests/test-dense-plan \
	tests/test-dense-programs \
	tests/test-discard \
	tests/test-discard-kinds \
	tests/test-drc \
	tests/test-drc-forged \
	tests/test-drc-holes \
	tests/test-drc-images \
	tests/test-drc-life \
	tests/test-drc-memory \
	tests/test-enabling \
	tests/test-events \
	tests/test-every-failure \
	tests/test-externrefs \
	tests/test-finalizers \
	tests/test-forged-ids \
	tests/test-fork \
	tests/test-funcrefs \
	tests/test-generational \
	tests/test-generational-barriers \
	tests/test-generational-policy \
	tests/test-generational-tables \
	tests/test-graphs \
	tests/test-growth \
	tests/test-handles \
	tests/test-host-limits \
	tests/test-host-memory \
	tests/test-hostile \
	tests/test-hostile-steps \
	tests/test-image-contents \
	tests/test-image-dense-programs \
	tests/test-image-file \
	tests/test-image-file-damage \
	tests/test-image-file-forged \
	tests/test-image-file-save \
	tests/test-image-file-types \
	tests/test-image-file-write \
	tests/test-image-flow \
	tests/test-image-format \
	tests/test-image-freeze \
	tests/test-image-host-data \
	tests/test-image-programs \
	tests/test-image-sharing \
	tests/test-image-slots \
	tests/test-image-start \
	tests/test-image-suspend \
	tests/test-image-threads \
	tests/test-image-weak \
	tests/test-increment-work \
	tests/test-increments \
	tests/test-information-flow \
	tests/test-isolation \
	tests/test-jemalloc \
	tests/test-jit \
	tests/test-large \
	tests/test-layout \
	tests/test-limits \
	tests/test-listeners \
	tests/test-magazine-races \
	tests/test-magazines \
	tests/test-misuse \
	tests/test-misuse-handler \
	tests/test-options \
	tests/test-os-failures \
	tests/test-os-ranges \
	tests/test-plan \
	tests/test-policy \
	tests/test-policy-default \
	tests/test-policy-figures \
	tests/test-policy-programs \
	tests/test-programs \
	tests/test-protect \
	tests/test-real-limits \
	tests/test-refs \
	tests/test-registry \
	tests/test-reset \
	tests/test-residency \
	tests/test-resident-budget \
	tests/test-roots \
	tests/test-signals \
	tests/test-signatures \
	tests/test-slab \
	tests/test-slots \
	tests/test-step-for \
	tests/test-threads \
	tests/test-traps \
	tests/test-types \
	tests/test-verify \
	tests/test-versions \
	tests/test-visiting \
	tests/test-waiting \
	tests/test-weak \
	tests/test-zeal \
	tests/test-zeroes
AM_CPPFLAGS += $(CMOCKA_CFLAGS)
if HARNESS
cmocka_tests += tests/test-json-workload
endif
if HAVE_YAJL
cmocka_tests += $(export_tests)
endif
TESTS += $(cmocka_tests)
check_PROGRAMS += $(cmocka_tests)
check_LTLIBRARIES += tests/libhelper.la
else
check-local:
	@echo "cmocka was not found: all tests that need it are skipped"
endif

# ---- what they link ----

# A test NAME is tests/NAME.c; what is linked differently says so here.
tests_libhelper_la_SOURCES = \
	tests/collectors.c \
	tests/collectors.h \
	tests/counted.c \
	tests/counted.h \
	tests/coverage.c \
	tests/datum.c \
	tests/datum.h \
	tests/failing.h \
	tests/faults.c \
	tests/faults.h \
	tests/footprint.c \
	tests/footprint.h \
	tests/generational.c \
	tests/generational.h \
	tests/guest-compare.c \
	tests/guest-types.c \
	tests/guest.c \
	tests/guest.h \
	tests/helper.c \
	tests/helper.h \
	tests/image-bytes.c \
	tests/image-bytes.h \
	tests/image-sound.c \
	tests/image-sound.h \
	tests/imaged.c \
	tests/imaged.h \
	tests/life-image.c \
	tests/life-store.c \
	tests/life.c \
	tests/life.h \
	tests/meter.c \
	tests/meter.h \
	tests/model.c \
	tests/model.h \
	tests/pages.c \
	tests/pages.h \
	tests/policed.c \
	tests/policed.h \
	tests/pooled.c \
	tests/pooled.h \
	tests/program-compare.c \
	tests/program.c \
	tests/program.h \
	tests/store.c \
	tests/store.h \
	tests/traps.c \
	tests/traps.h \
	tests/victim.c \
	tests/victim.h \
	tests/weak-model.c \
	tests/weak-model.h
tests_libhelper_la_LIBTOOLFLAGS = $(NOT_SHARED)
LDADD = tests/libhelper.la libslotheap-internal.la $(CMOCKA_LIBS) $(COVERAGE_LIBS)

# tests/faults.c defines __wrap_mmap and so on, and calls __real_mmap.
WRAP_OS = -Wl,--wrap=mmap,--wrap=munmap,--wrap=mprotect,--wrap=madvise,--wrap=mincore,--wrap=syscall
WRAP_OS += -Wl,--wrap=mremap,--wrap=memfd_create,--wrap=shm_open,--wrap=ftruncate,--wrap=posix_fallocate,--wrap=fcntl,--wrap=pthread_create
WRAP_OS += -Wl,--wrap=open,--wrap=mkostemps,--wrap=read,--wrap=write,--wrap=fsync,--wrap=rename
WRAP_OS += -Wl,--wrap=io_uring_queue_init,--wrap=io_uring_submit,--wrap=__io_uring_get_cqe
tests_test_budget_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_contract_collection_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_contract_runtime_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_decommit_filter_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_decommit_refused_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_dense_guards_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_every_failure_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_growth_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_image_flow_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_image_sharing_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_image_slots_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_information_flow_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_os_failures_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_registry_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_reset_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)
tests_test_zeroes_LDFLAGS = $(AM_LDFLAGS) $(WRAP_OS)

# The same programs, in dense pools.
tests_test_dense_drc_SOURCES = tests/dense-programs.c tests/test-drc.c
tests_test_dense_drc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=helper_pool
tests_test_dense_drc_holes_SOURCES = tests/dense-programs.c tests/test-drc-holes.c
tests_test_dense_drc_holes_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=helper_pool
tests_test_dense_programs_SOURCES = tests/dense-programs.c tests/test-programs.c
tests_test_dense_programs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=helper_pool
tests_test_image_dense_programs_SOURCES = tests/dense-programs.c tests/test-image-programs.c
tests_test_image_dense_programs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=helper_pool

# ---- corrupted heaps ----

# Corrupted heaps. As a test it takes less than a minute; ./dev torture takes more.
if HAVE_CMOCKA
if HAVE_ARGP
TESTS += tests/torture/torture
check_PROGRAMS += tests/torture/torture
endif
endif
tests_torture_torture_SOURCES = \
	tests/torture/arenas.c \
	tests/torture/build.c \
	tests/torture/calls-allocation.c \
	tests/torture/calls-collection.c \
	tests/torture/calls-fields.c \
	tests/torture/calls-image.c \
	tests/torture/calls-inline.c \
	tests/torture/calls-objects.c \
	tests/torture/calls-pool.c \
	tests/torture/calls-tables.c \
	tests/torture/calls-weak.c \
	tests/torture/calls.c \
	tests/torture/canaries.c \
	tests/torture/corruptions.c \
	tests/torture/driver.c \
	tests/torture/driver.h \
	tests/torture/figures.c \
	tests/torture/figures.h \
	tests/torture/main.c \
	tests/torture/overlaps.c \
	tests/torture/round.c \
	tests/torture/torture.h \
	tests/torture/worlds.c

# ---- of the companion ----

export_tests = \
	tests/test-export-snapshot \
	tests/test-export-statistics \
	tests/test-export-trace
EXPORT_LDADD = tests/libhelper.la libslotheap-export-internal.la libslotheap-internal.la $(CMOCKA_LIBS)
tests_test_export_snapshot_SOURCES = tests/exported.h tests/test-export-snapshot.c
tests_test_export_snapshot_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS)
tests_test_export_snapshot_LDADD = $(EXPORT_LDADD)
tests_test_export_statistics_SOURCES = tests/exported.h tests/test-export-statistics.c
tests_test_export_statistics_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS)
tests_test_export_statistics_LDADD = $(EXPORT_LDADD)
tests_test_export_trace_SOURCES = tests/exported.h tests/test-export-trace.c
tests_test_export_trace_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS)
tests_test_export_trace_LDADD = $(EXPORT_LDADD)

# Each is empty on processors that it is not for.
tests_test_jit_SOURCES = \
	tests/jit-aarch64.S \
	tests/jit-x86_64.S \
	tests/jit.h \
	tests/test-jit.c

tests_test_json_workload_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_test_json_workload_LDADD = bench/libjson.la $(LDADD)

# ---- fuzz targets ----

# Fuzz targets. Without --enable-fuzz each is a test that runs its corpus.
fuzz_targets = tests/fuzz/fuzz-image
if HAVE_ARGP
fuzz_targets += tests/fuzz/fuzz-plan
endif
if HAVE_CMOCKA
fuzz_targets += tests/fuzz/fuzz-programs
endif
if HARNESS
fuzz_targets += tests/fuzz/fuzz-json
endif
check_PROGRAMS += $(fuzz_targets)
fuzz_sources = tests/fuzz/fuzz.h
if FUZZ
fuzz_flags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
TESTS += $(fuzz_targets)
fuzz_flags = $(AM_LDFLAGS)
fuzz_sources += tests/fuzz/driver.c
endif
tests_fuzz_fuzz_image_SOURCES = $(fuzz_sources) tests/fuzz/fuzz-image.c
tests_fuzz_fuzz_image_LDFLAGS = $(fuzz_flags)
tests_fuzz_fuzz_image_LDADD = libslotheap-internal.la
tests_fuzz_fuzz_json_SOURCES = $(fuzz_sources) tests/fuzz/fuzz-json.c
tests_fuzz_fuzz_json_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS)
tests_fuzz_fuzz_json_LDFLAGS = $(fuzz_flags)
tests_fuzz_fuzz_json_LDADD = bench/libjson.la libslotheap-internal.la
tests_fuzz_fuzz_plan_SOURCES = $(fuzz_sources) tests/fuzz/fuzz-plan.c tool/size.c tool/tool.h
tests_fuzz_fuzz_plan_LDFLAGS = $(fuzz_flags)
tests_fuzz_fuzz_plan_LDADD = libslotheap-internal.la
tests_fuzz_fuzz_programs_SOURCES = $(fuzz_sources) tests/fuzz/fuzz-programs.c
tests_fuzz_fuzz_programs_LDFLAGS = $(fuzz_flags)

# ---- scripts ----

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
script_tests = \
	tests/test-calc.sh \
	tests/test-cpp.sh \
	tests/test-embedding.sh \
	tests/test-event-loop.sh \
	tests/test-gdb.sh \
	tests/test-heapsnapshot.sh \
	tests/test-layering.sh \
	tests/test-manual.sh \
	tests/test-readme.sh \
	tests/test-report.sh \
	tests/test-tool.sh
TESTS += $(script_tests)
EXTRA_DIST += $(script_tests)

# What they run, besides the examples and the command.
check_PROGRAMS += tests/debuggee tests/make-image
tests_debuggee_LDADD = libslotheap-internal.la
tests_make_image_LDADD = libslotheap.la
if HAVE_YAJL
check_PROGRAMS += tests/make-snapshot
endif
tests_make_snapshot_LDADD = libslotheap-export.la libslotheap.la
if MEMORY_TOOLS
TESTS += tests/test-memory-tools.sh
check_PROGRAMS += tests/wild-read
endif
tests_wild_read_LDADD = libslotheap-internal.la

EXTRA_DIST += \
	pool/attention.pml \
	pool/magazine.pml \
	pool/stack.pml \
	tests/fuzz/corpus \
	tests/installed/check.sh \
	tests/installed/export.c \
	tests/installed/hello.c \
	tests/installed/hello.cc \
	tests/installed/load.c \
	tests/installed/raii.cc \
	tests/npm/check.js \
	tests/npm/package-lock.json \
	tests/npm/package.json \
	tests/report-figures.json \
	tests/test-calc.expected \
	tests/test-cpp.cc \
	tests/test-memory-tools.sh \
	tests/test-protocol.sh

# ---- make installcheck ----

installcheck-local:
	CC='$(CC)' CXX="$${CXX-c++}" NM='$(NM)' PKG_CONFIG='$(PKG_CONFIG)' \
	SANITIZER_FLAGS='$(SANITIZER_FLAGS)' DESTDIR='$(DESTDIR)' \
	$(SHELL) $(srcdir)/tests/installed/check.sh '$(libdir)'

include $(srcdir)/tests/json-host/local.mk
