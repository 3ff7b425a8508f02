/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The plots: where each finds its figures. How they are drawn is in page-draw.c. */
#include "page.h"

#define NANOSECONDS 1e-9
#define TIME_Y "set format y '%.0s %cs'\n"
#define BYTES_X "set format x '%.0b %BB'\n"
#define COUNT_X "set format x '%.0s%c'\n"
#define FROM_0 "set yrange [0:*]\n"
#define PERCENTILES                                                                                \
  {                                                                                                \
    "ns_p50", "ns_p99", "ns_p999", "ns_max"                                                        \
  }
#define OVERHEAD(NAME, TITLE)                                                                      \
  {                                                                                                \
    NAME, TITLE, NAME, .metrics = {"overhead"},                                                    \
                       .y_label = "time, over the least seen without collections", .factor = 1,    \
                       .setup = FROM_0                                                             \
  }

const struct page_plot page_plots[] = {
    {"store", "store(n): take a heap, allocate n objects, drop it", "store",
     .metrics = {"ns_per_store"}, .key = "n=", .x_label = "n, objects of 16 bytes",
     .y_label = "time per store", .factor = NANOSECONDS, .setup = COUNT_X TIME_Y, .log_x = 10,
     .log_y = true},
    {"serve", "serve: how long stores take, and the slowest of them", "serve",
     .metrics = PERCENTILES, .y_label = "time per store", .factor = NANOSECONDS, .setup = TIME_Y,
     .log_y = true},
    {"scaling", "scaling: stores of 1,000 objects on more threads", "scaling",
     .metrics = {"stores_per_s"}, .key = "threads=", .x_label = "threads",
     .y_label = "stores per second", .factor = 1,
     .setup = FROM_0 "set xtics 1\nset format y '%.0s%c'\n"},
    {"image-start", "image: until a store can work; 1% of its pages are written", "image",
     .only = "written=1%", .metrics = {"start_ns"}, .key = "size=", .x_label = "size of the image",
     .y_label = "time per start", .factor = NANOSECONDS, .setup = BYTES_X TIME_Y, .log_x = 4,
     .log_y = true},
    {"image-cycle", "image: a store from start to end; 1% of its pages are written", "image",
     .only = "written=1%", .metrics = {"cycle_ns"}, .key = "size=", .x_label = "size of the image",
     .y_label = "time per store", .factor = NANOSECONDS, .setup = BYTES_X TIME_Y, .log_x = 4,
     .log_y = true},
    {"evacuate", "evacuate: a collection in which everything is alive", "evacuate",
     .metrics = {"ns_per_object"}, .key = "objects=", .x_label = "objects of 16 bytes alive",
     .y_label = "ns per object", .factor = 1, .setup = COUNT_X FROM_0, .log_x = 10},
    {"trees", "trees: binary trees are built, counted and dropped", "trees",
     .metrics = {"ns_per_node"}, .y_label = "ns per node", .factor = 1, .setup = FROM_0},
    OVERHEAD("gcbench", "gcbench: Boehm's GCBench"),
    OVERHEAD("splay", "splay: a splay tree with payloads"),
    OVERHEAD("lru", "lru: a cache"),
    OVERHEAD("strings", "strings: short strings are joined"),
    {"pause-tree", "pause: increments of a collection of a tree, by budget in bytes", "pause",
     .only = "tree", .metrics = PERCENTILES, .y_label = "time per increment", .factor = NANOSECONDS,
     .setup = TIME_Y, .log_y = true},
    {"pause-array", "pause: increments of a collection of an array, by budget in bytes", "pause",
     .only = "array", .metrics = PERCENTILES, .y_label = "time per increment",
     .factor = NANOSECONDS, .setup = TIME_Y, .log_y = true},
    {"policy-generational", "policy: with the generational collector", "policy",
     .only = "generational", .metrics = {"cpu_ratio_to_best"},
     .y_label = "processor time, over the best policy's", .factor = 1, .setup = FROM_0},
    {"policy-copying", "policy: with the copying collector", "policy", .only = "copying",
     .metrics = {"cpu_ratio_to_best"}, .y_label = "processor time, over the best policy's",
     .factor = 1, .setup = FROM_0},
    {"decommit", "decommit: one range is given back, by engine", "decommit",
     .only = "alone, 1 slot", .metrics = {"call_ns_per_page"}, .key = "of ",
     .x_label = "size of the range", .y_label = "time per page", .factor = NANOSECONDS,
     .setup = BYTES_X TIME_Y, .log_x = 4, .log_y = true},
    {"touch", "touch: a heap of 64 MiB gets its pages, is scrubbed, gives them back", "touch",
     .only = "64 MiB", .metrics = {"touch_ns_per_page", "scrub_ns_per_page", "return_ns_per_page"},
     .y_label = "ns per page", .factor = 1, .setup = FROM_0},
    {"density-memory", "density: memory of a heap of 30 objects", "density",
     .metrics = {"resident_bytes_per_heap"}, .y_label = "resident bytes per heap", .factor = 1,
     .setup = FROM_0},
    {"density-time", "density: a heap of 30 objects is made, collected, changed, released",
     "density", .metrics = {"create_ns", "collect_ns", "mutate_ns", "release_ns"},
     .y_label = "time per heap", .factor = NANOSECONDS, .setup = TIME_Y, .log_y = true},
    {.file = NULL}};
