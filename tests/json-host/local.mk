# Tests of examples/json-host over sockets, of the server that was built.
if JSON_HOST_TESTS
json_host_tests = \
	tests/json-host/test-bad-input \
	tests/json-host/test-balanced \
	tests/json-host/test-limits \
	tests/json-host/test-metrics \
	tests/json-host/test-queries \
	tests/json-host/test-rfc8259 \
	tests/json-host/test-sessions-directory \
	tests/json-host/test-shutdown
if HAVE_HIREDIS
json_host_tests += tests/json-host/test-sessions-redis
endif
TESTS += $(json_host_tests)
check_PROGRAMS += $(json_host_tests)
check_LTLIBRARIES += tests/json-host/libharness.la
endif

tests_json_host_libharness_la_SOURCES = \
	tests/json-host/canary.c \
	tests/json-host/canary.h \
	tests/json-host/child.c \
	tests/json-host/child.h \
	tests/json-host/client.c \
	tests/json-host/client.h \
	tests/json-host/raw.c \
	tests/json-host/raw.h \
	tests/json-host/server.c \
	tests/json-host/server.h \
	tests/json-host/services.c \
	tests/json-host/services.h \
	tests/json-host/updaters.c \
	tests/json-host/updaters.h
tests_json_host_libharness_la_LIBTOOLFLAGS = $(NOT_SHARED)
tests_json_host_libharness_la_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)

JSON_HOST_TEST_LDADD = tests/json-host/libharness.la $(LDADD) $(CURL_LIBS)
tests_json_host_test_bad_input_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_balanced_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_limits_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_metrics_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_queries_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_rfc8259_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_sessions_directory_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_sessions_redis_LDADD = $(JSON_HOST_TEST_LDADD)
tests_json_host_test_shutdown_LDADD = $(JSON_HOST_TEST_LDADD)

EXTRA_DIST += \
	doc/json-host-bench.md \
	examples/json-host/bench/bodies.py \
	examples/json-host/bench/compare.py \
	examples/json-host/bench/nginx.conf \
	examples/json-host/bench/request.lua \
	examples/json-host/bench/serving.py \
	examples/json-host/bench/shares.py \
	tests/json-host/rfc8259.txt
