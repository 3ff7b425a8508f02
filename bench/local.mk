# The throughput harness and the peers it runs.

if BENCH
noinst_LTLIBRARIES += bench/libpeer.la
noinst_PROGRAMS += \
	bench/density-slotheap \
	bench/gc-glibc \
	bench/gc-slotheap \
	bench/image-fork \
	bench/store-floor \
	bench/store-glibc \
	bench/store-slotheap \
	bench/store-slotheap-drc
if HARNESS
noinst_LTLIBRARIES += bench/libjson.la bench/libversions.la
noinst_PROGRAMS += bench/slotheap-bench
endif
if HAVE_APR
noinst_PROGRAMS += bench/store-apr-pool
endif
if HAVE_BDWGC
noinst_PROGRAMS += bench/gc-bdwgc
endif
if HAVE_ERLANG
noinst_PROGRAMS += bench/density-erlang
noinst_DATA += bench/density.beam
endif
if HAVE_JEMALLOC
noinst_PROGRAMS += \
	bench/gc-jemalloc \
	bench/store-jemalloc-arena
endif
if HAVE_MIMALLOC
noinst_PROGRAMS += \
	bench/density-mimalloc-heap \
	bench/gc-mimalloc \
	bench/store-mimalloc \
	bench/store-mimalloc-heap
endif
endif

bench_slotheap_bench_SOURCES = \
	bench/all.c \
	bench/bench.h \
	bench/chain.c \
	bench/child.c \
	bench/child.h \
	bench/clock.h \
	bench/decommit.c \
	bench/density.c \
	bench/drop.c \
	bench/engine.c \
	bench/engine.h \
	bench/evacuate.c \
	bench/gc-commands.c \
	bench/gc.c \
	bench/gc.h \
	bench/graph.c \
	bench/image-graph.c \
	bench/image-live.c \
	bench/image-memory.c \
	bench/image-ways.c \
	bench/image.c \
	bench/image.h \
	bench/large.c \
	bench/main.c \
	bench/memory.h \
	bench/node.h \
	bench/options.c \
	bench/options.h \
	bench/page-draw.c \
	bench/page-facts.c \
	bench/page-html.c \
	bench/page-plots.c \
	bench/page.c \
	bench/page.h \
	bench/pause.c \
	bench/pin.c \
	bench/pin.h \
	bench/policy-choices.c \
	bench/policy-scenarios.c \
	bench/policy.c \
	bench/policy.h \
	bench/progress.c \
	bench/progress.h \
	bench/random.h \
	bench/report.c \
	bench/report.h \
	bench/roots.c \
	bench/scaling.c \
	bench/serve.c \
	bench/server.c \
	bench/server.h \
	bench/stats.c \
	bench/stats.h \
	bench/store.c \
	bench/syscalls.c \
	bench/syscalls.h \
	bench/table.c \
	bench/table.h \
	bench/touch.c \
	bench/units.c \
	bench/units.h \
	bench/workload.h
# Engines and the port are no part of the shared library's interface: what the
# bench calls of them comes out of the archive.
bench_slotheap_bench_LDADD = bench/libjson.la bench/libversions.la libslotheap.la libslotheap-internal.la -lm
# libtool's -static: of its own libraries only. The program can then be run,
# traced and moved as it is, without a wrapper script.
bench_slotheap_bench_LDFLAGS = $(AM_LDFLAGS) -static

# The JSON workload, which has a test of its own.
bench_libjson_la_SOURCES = \
	bench/json-baseline.c \
	bench/json-documents.c \
	bench/json-parse.c \
	bench/json-query.c \
	bench/json-values.c \
	bench/json-workload.c \
	bench/json-write.c \
	bench/json.h
bench_libjson_la_LIBTOOLFLAGS = $(NOT_SHARED)
bench_libjson_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(YAJL_CFLAGS)
bench_libjson_la_LIBADD = $(JANSSON_LIBS) $(YAJL_LIBS)

# What the page says of peers comes from their headers.
bench_libversions_la_SOURCES = bench/page-versions.c bench/page.h
bench_libversions_la_LIBTOOLFLAGS = $(NOT_SHARED)
bench_libversions_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(YAJL_CFLAGS) $(APR_CFLAGS) \
	$(BDWGC_CFLAGS) $(JEMALLOC_CFLAGS) $(MIMALLOC_CFLAGS)

# What all peers share.
bench_libpeer_la_SOURCES = bench/clock.h bench/node.h bench/peer.c bench/peer.h
bench_libpeer_la_LIBTOOLFLAGS = $(NOT_SHARED)

bench_store_floor_SOURCES = bench/peer-floor.c
bench_store_floor_LDADD = bench/libpeer.la

bench_store_glibc_SOURCES = bench/peer-glibc.c
bench_store_glibc_LDADD = bench/libpeer.la

bench_store_slotheap_SOURCES = bench/peer-slotheap.c
bench_store_slotheap_CPPFLAGS = $(AM_CPPFLAGS) -DPEER_COLLECTOR=SLH_COLLECTOR_COPYING
bench_store_slotheap_LDADD = bench/libpeer.la libslotheap.la
bench_store_slotheap_LDFLAGS = $(AM_LDFLAGS) -static

bench_store_slotheap_drc_SOURCES = bench/peer-slotheap.c
bench_store_slotheap_drc_CPPFLAGS = $(AM_CPPFLAGS) -DPEER_COLLECTOR=SLH_COLLECTOR_DRC
bench_store_slotheap_drc_LDADD = bench/libpeer.la libslotheap.la
bench_store_slotheap_drc_LDFLAGS = $(AM_LDFLAGS) -static

bench_store_mimalloc_SOURCES = bench/peer-mimalloc.c
bench_store_mimalloc_CPPFLAGS = $(AM_CPPFLAGS) $(MIMALLOC_CFLAGS)
bench_store_mimalloc_LDADD = bench/libpeer.la $(MIMALLOC_LIBS)

bench_store_mimalloc_heap_SOURCES = bench/peer-mimalloc-heap.c
bench_store_mimalloc_heap_CPPFLAGS = $(AM_CPPFLAGS) $(MIMALLOC_CFLAGS)
bench_store_mimalloc_heap_LDADD = bench/libpeer.la $(MIMALLOC_LIBS)

bench_store_jemalloc_arena_SOURCES = bench/peer-jemalloc-arena.c
bench_store_jemalloc_arena_CPPFLAGS = $(AM_CPPFLAGS) $(JEMALLOC_CFLAGS)
bench_store_jemalloc_arena_LDADD = bench/libpeer.la $(JEMALLOC_LIBS)

bench_store_apr_pool_SOURCES = bench/peer-apr-pool.c
bench_store_apr_pool_CPPFLAGS = $(AM_CPPFLAGS) $(APR_CFLAGS)
bench_store_apr_pool_LDADD = bench/libpeer.la $(APR_LIBS)

# Programs that make garbage: the same sources for every system.
gc_workloads = \
	bench/clock.h \
	bench/gc-bdwgc.h \
	bench/gc-gcbench.c \
	bench/gc-lru.c \
	bench/gc-malloc.h \
	bench/gc-memory.h \
	bench/gc-peer.c \
	bench/gc-peer.h \
	bench/gc-pointers.h \
	bench/gc-slotheap.h \
	bench/gc-splay.c \
	bench/gc-strings.c \
	bench/gc-trees.c \
	bench/random.h

bench_gc_slotheap_SOURCES = $(gc_workloads) bench/gc-peer-slotheap.c
bench_gc_slotheap_CPPFLAGS = $(AM_CPPFLAGS) -DMEM_SLOTHEAP
bench_gc_slotheap_LDADD = libslotheap.la
bench_gc_slotheap_LDFLAGS = $(AM_LDFLAGS) -static

bench_gc_glibc_SOURCES = $(gc_workloads) bench/gc-peer-malloc.c
bench_gc_glibc_LDADD =

bench_gc_jemalloc_SOURCES = $(gc_workloads) bench/gc-peer-malloc.c
bench_gc_jemalloc_LDADD = $(JEMALLOC_LIBS)

bench_gc_mimalloc_SOURCES = $(gc_workloads) bench/gc-peer-malloc.c
bench_gc_mimalloc_CPPFLAGS = $(AM_CPPFLAGS) -DMEM_MIMALLOC $(MIMALLOC_CFLAGS)
bench_gc_mimalloc_LDADD = $(MIMALLOC_LIBS)

bench_gc_bdwgc_SOURCES = $(gc_workloads) bench/gc-peer-bdwgc.c
bench_gc_bdwgc_CPPFLAGS = $(AM_CPPFLAGS) -DMEM_BDWGC $(BDWGC_CFLAGS)
bench_gc_bdwgc_LDADD = $(BDWGC_LIBS)

# A million heaps. Erlang's is a module, and a program that runs it.
density_peer = \
	bench/clock.h \
	bench/density-peer.c \
	bench/density-peer.h

bench_density_slotheap_SOURCES = $(density_peer) bench/density-slotheap.c bench/node.h
bench_density_slotheap_LDADD = libslotheap.la
bench_density_slotheap_LDFLAGS = $(AM_LDFLAGS) -static

bench_image_fork_SOURCES = \
	bench/clock.h \
	bench/image-fork.c \
	bench/image-graph.c \
	bench/image-memory.c \
	bench/image.h \
	bench/memory.h \
	bench/node.h
bench_image_fork_LDADD = libslotheap.la libslotheap-internal.la
bench_image_fork_LDFLAGS = $(AM_LDFLAGS) -static

bench_density_mimalloc_heap_SOURCES = $(density_peer) bench/density-mimalloc-heap.c bench/peer.h
bench_density_mimalloc_heap_CPPFLAGS = $(AM_CPPFLAGS) $(MIMALLOC_CFLAGS)
bench_density_mimalloc_heap_LDADD = $(MIMALLOC_LIBS)

bench_density_erlang_SOURCES = bench/density-erlang.c
bench_density_erlang_LDADD =

bench/density.beam: bench/density.erl
	$(AM_V_GEN)$(MKDIR_P) bench && $(ERLC) -Werror +deterministic -o bench $(srcdir)/bench/density.erl

EXTRA_DIST += bench/density.erl
CLEANFILES += bench/density.beam
