# The server of examples/json-host; its engine is in engine.mk.
if JSON_HOST
check_PROGRAMS += examples/json-host/json-host
examples_json_host_json_host_SOURCES = \
	examples/json-host/failure.c \
	examples/json-host/failure.h \
	examples/json-host/http-answer.c \
	examples/json-host/http-connections.c \
	examples/json-host/http-request.c \
	examples/json-host/http-server.c \
	examples/json-host/http-session.c \
	examples/json-host/http-text.c \
	examples/json-host/http-text.h \
	examples/json-host/http-worker.c \
	examples/json-host/http-worker.h \
	examples/json-host/http.h \
	examples/json-host/main.c \
	examples/json-host/metrics.c \
	examples/json-host/metrics.h \
	examples/json-host/options.c \
	examples/json-host/options.h \
	examples/json-host/sessions-directory.c \
	examples/json-host/sessions.c \
	examples/json-host/sessions.h
if HAVE_HIREDIS
examples_json_host_json_host_SOURCES += \
	examples/json-host/sessions-redis-link.c \
	examples/json-host/sessions-redis-link.h \
	examples/json-host/sessions-redis.c
endif
examples_json_host_json_host_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS) $(HIREDIS_CFLAGS)
# As it is, without a wrapper script: it can be killed, traced and moved.
examples_json_host_json_host_LDFLAGS = $(AM_LDFLAGS) -static
examples_json_host_json_host_LDADD = \
	$(json_host_engines) $(json_host_engine_libraries) $(MICROHTTPD_LIBS) $(HIREDIS_LIBS)
endif

EXTRA_DIST += doc/json-host.md
