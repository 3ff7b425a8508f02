/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Binary trees, as in the Computer Language Benchmarks Game: a tree to stretch
 * the memory, one that lives long, and very many that live short, from small
 * ones to some as large as the long-lived one. Each is built and counted.
 */
#include "gc-peer.h"

#define LEAST_DEPTH 4

struct node {
  MEM_HEADER
  mem_ref left;
  mem_ref right;
  MEM_SPARE(depth)
};

static struct mem_type node_type = {.name = "node"};

static void open(void)
{
  node_type.layout = sizeof(struct node) == 2 * sizeof(mem_ref) ? "rr" : "rri";
  mem_register(&node_type, sizeof(struct node));
}

static mem_ref build(struct mem mem, uint32_t depth)
{
  mem_ref left = MEM_NULL, right = MEM_NULL, node;

  if (depth > 0) {
    left = build(mem, depth - 1);
    right = build(mem_push(mem, left), depth - 1);
    left = mem_reload(mem, 0, left);
  }
  node = mem_new(mem, &node_type, sizeof(struct node), &left, &right);
  MEM_INIT(mem, struct node, node, left, left);
  MEM_INIT(mem, struct node, node, right, right);
  MEM_SET_SPARE(mem, struct node, node, depth, (int32_t)depth);
  return node;
}

static uint64_t count(struct mem mem, mem_ref node)
{
  mem_ref left = MEM_GET(mem, struct node, node, left);

  if (mem_is_null(left))
    return 1;
  return 1 + count(mem, left) + count(mem, MEM_GET(mem, struct node, node, right));
}

static void drop(struct mem mem, mem_ref node)
{
  mem_ref left = MEM_GET(mem, struct node, node, left);

  if (!mem_is_null(left)) {
    drop(mem, left);
    drop(mem, MEM_GET(mem, struct node, node, right));
  }
  mem_drop(mem, node);
}

static uint64_t build_count_drop(struct mem mem, uint32_t depth)
{
  mem_ref tree = build(mem, depth);
  uint64_t nodes = count(mem, tree);

  if (MEM_MANUAL)
    drop(mem, tree);
  return nodes;
}

/* The check weighs every count, so that it also tells where one was wrong. */
static void add(struct mem_outcome *outcome, uint64_t nodes)
{
  outcome->operations += nodes;
  outcome->check = outcome->check * 31 + nodes;
}

static struct mem_outcome run(struct mem mem, uint32_t size, uint64_t seed)
{
  struct mem_outcome outcome = {0, 0};
  uint32_t deepest = size < LEAST_DEPTH + 2 ? LEAST_DEPTH + 2 : size;
  mem_ref tree;

  (void)seed;
  add(&outcome, build_count_drop(mem, deepest + 1));
  mem_set_global(mem, 0, build(mem, deepest));
  for (uint32_t depth = LEAST_DEPTH; depth <= deepest; depth += 2) {
    uint64_t trees = UINT64_C(1) << (deepest - depth + LEAST_DEPTH);
    struct mem piece = mem_piece(mem);
    uint64_t nodes = 0;

    for (uint64_t i = 0; i < trees; i++) {
      nodes += build_count_drop(piece, depth);
      mem_piece_end(piece);
    }
    add(&outcome, nodes);
  }
  tree = mem_global(mem, 0);
  add(&outcome, count(mem, tree));
  if (MEM_MANUAL)
    drop(mem, tree);
  return outcome;
}

const struct mem_workload mem_workload_trees = {"trees", 12, open, run};
