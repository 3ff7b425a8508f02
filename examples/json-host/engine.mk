# The engine of examples/json-host: the same sources for two memories.

json_host_engine = \
	examples/json-host/compare.c \
	examples/json-host/compare.h \
	examples/json-host/engine.c \
	examples/json-host/engine.h \
	examples/json-host/functions-order.c \
	examples/json-host/functions.c \
	examples/json-host/functions.h \
	examples/json-host/merge.c \
	examples/json-host/merge.h \
	examples/json-host/names.h \
	examples/json-host/object.c \
	examples/json-host/object.h \
	examples/json-host/parse.c \
	examples/json-host/parse.h \
	examples/json-host/prelude.c \
	examples/json-host/prelude.h \
	examples/json-host/query-evaluate.c \
	examples/json-host/query-lists.c \
	examples/json-host/query-parse.c \
	examples/json-host/query-parse.h \
	examples/json-host/query-token.c \
	examples/json-host/query-token.h \
	examples/json-host/query.c \
	examples/json-host/query.h \
	examples/json-host/recent.c \
	examples/json-host/recent.h \
	examples/json-host/store.c \
	examples/json-host/store.h \
	examples/json-host/value-make.h \
	examples/json-host/value.h \
	examples/json-host/write.c \
	examples/json-host/write.h

EXTRA_LTLIBRARIES = \
	examples/json-host/libengine.la \
	examples/json-host/libengine-malloc.la \
	examples/json-host/libengine-slotheap.la

# automake forgets them.
CLEANFILES += $(EXTRA_LTLIBRARIES)

# What has nothing to do with memory.
examples_json_host_libengine_la_LIBTOOLFLAGS = $(NOT_SHARED)
examples_json_host_libengine_la_SOURCES = \
	examples/json-host/number.c \
	examples/json-host/number.h \
	examples/json-host/problem.c \
	examples/json-host/text.c \
	examples/json-host/text.h

examples_json_host_libengine_malloc_la_LIBTOOLFLAGS = $(NOT_SHARED)
examples_json_host_libengine_malloc_la_SOURCES = \
	$(json_host_engine) \
	examples/json-host/memory-malloc.c \
	examples/json-host/value-make-malloc.h \
	examples/json-host/value-malloc.h
examples_json_host_libengine_malloc_la_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS) -DMEMORY_MALLOC

examples_json_host_libengine_slotheap_la_LIBTOOLFLAGS = $(NOT_SHARED)
examples_json_host_libengine_slotheap_la_SOURCES = \
	$(json_host_engine) \
	examples/json-host/engine-slotheap.c \
	examples/json-host/memory-slotheap.c \
	examples/json-host/memory-slotheap.h \
	examples/json-host/session-slotheap.c \
	examples/json-host/value-make-slotheap.h \
	examples/json-host/value-slotheap.h
examples_json_host_libengine_slotheap_la_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS) -DMEMORY_SLOTHEAP

# What programs that have both link; both memories need each of it.
json_host_engines = \
	examples/json-host/libengine-malloc.la \
	examples/json-host/libengine-slotheap.la \
	examples/json-host/libengine.la
json_host_engine_libraries = libslotheap-export.la libslotheap.la $(YAJL_LIBS) -lm

# Their tests, in one process, without a server.
if HAVE_CMOCKA
if JSON_ENGINE
json_engine_tests = \
	tests/json-host/test-engine-damage \
	tests/json-host/test-engine-limits \
	tests/json-host/test-engine-memory \
	tests/json-host/test-engine-queries \
	tests/json-host/test-engine-random \
	tests/json-host/test-engine-refusals \
	tests/json-host/test-engine-sessions \
	tests/json-host/test-engine-text \
	tests/json-host/test-engine-threads
TESTS += $(json_engine_tests)
check_PROGRAMS += $(json_engine_tests)
check_LTLIBRARIES += tests/json-host/libengines.la
endif
endif

tests_json_host_libengines_la_LIBTOOLFLAGS = $(NOT_SHARED)
tests_json_host_libengines_la_SOURCES = \
	tests/json-host/engine-random.c \
	tests/json-host/engine-random.h \
	tests/json-host/engines.c \
	tests/json-host/engines.h

JSON_ENGINE_LDADD = tests/json-host/libengines.la $(json_host_engines) $(EXPORT_LDADD) $(COVERAGE_LIBS) -lm
tests_json_host_test_engine_damage_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_limits_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_memory_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_memory_LDFLAGS = \
	$(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_json_host_test_engine_queries_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_random_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_refusals_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_sessions_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_text_LDADD = $(JSON_ENGINE_LDADD)
tests_json_host_test_engine_threads_LDADD = $(JSON_ENGINE_LDADD)

EXTRA_DIST += doc/json-query.md
