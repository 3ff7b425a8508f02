/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Hans Boehm's GCBench, after John Ellis and Pete Kovac: trees of several
 * depths, built from the top down, which writes into nodes that are not new
 * any more, and from the bottom up, which does not, while a tree and an array
 * of numbers live on.
 */
#include "gc-peer.h"

#include <string.h>

#define STRETCH 2 /* the first tree is so much deeper than the long-lived one */
#define LEAST_DEPTH 4
#define NUMBERS 500000

struct node {
  MEM_HEADER
  mem_ref left;
  mem_ref right;
  int32_t i;
  int32_t j;
};

enum {
  GLOBAL_TREE,
  GLOBAL_NUMBERS
};

static struct mem_type node_type = {.name = "node", .layout = "rrii"};

static void open(void)
{
  mem_register(&node_type, sizeof(struct node));
}

static mem_ref new_node(struct mem mem, mem_ref left, mem_ref right)
{
  mem_ref node = mem_new(mem, &node_type, sizeof(struct node), &left, &right);

  MEM_INIT(mem, struct node, node, left, left);
  MEM_INIT(mem, struct node, node, right, right);
  MEM_AT(mem, struct node, node)->i = 0;
  MEM_AT(mem, struct node, node)->j = 0;
  return node;
}

static void populate(struct mem mem, uint32_t depth, mem_ref node)
{
  struct mem inner = mem_push(mem, node);
  mem_ref child;

  if (depth == 0)
    return;
  child = new_node(inner, MEM_NULL, MEM_NULL);
  node = mem_reload(mem, 0, node);
  MEM_SET(mem, struct node, node, left, child);
  child = new_node(inner, MEM_NULL, MEM_NULL);
  node = mem_reload(mem, 0, node);
  MEM_SET(mem, struct node, node, right, child);
  populate(inner, depth - 1, MEM_GET(mem, struct node, node, left));
  node = mem_reload(mem, 0, node);
  populate(inner, depth - 1, MEM_GET(mem, struct node, node, right));
}

static mem_ref build_down(struct mem mem, uint32_t depth)
{
  mem_ref tree = new_node(mem, MEM_NULL, MEM_NULL);

  populate(mem_push(mem, tree), depth, tree);
  return mem_reload(mem, 0, tree);
}

static mem_ref build_up(struct mem mem, uint32_t depth)
{
  mem_ref left, right;

  if (depth == 0)
    return new_node(mem, MEM_NULL, MEM_NULL);
  left = build_up(mem, depth - 1);
  right = build_up(mem_push(mem, left), depth - 1);
  return new_node(mem, mem_reload(mem, 0, left), right);
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

static uint64_t count(struct mem mem, mem_ref node)
{
  return mem_is_null(node) ? 0
                           : 1 + count(mem, MEM_GET(mem, struct node, node, left)) +
                                 count(mem, MEM_GET(mem, struct node, node, right));
}

static uint64_t tree_nodes(uint32_t depth)
{
  return (UINT64_C(2) << depth) - 1;
}

/* The original does not look at the trees it makes; dropping one does, where
 * that is the program's work. */
static void construct(struct mem mem, uint32_t depth, uint64_t trees, struct mem_outcome *outcome)
{
  for (uint64_t i = 0; i < trees; i++) {
    mem_ref tree = build_down(mem, depth);

    if (MEM_MANUAL)
      drop(mem, tree);
  }
  for (uint64_t i = 0; i < trees; i++) {
    mem_ref tree = build_up(mem, depth);

    if (MEM_MANUAL)
      drop(mem, tree);
  }
  outcome->operations += 2 * trees * tree_nodes(depth);
}

static mem_ref new_numbers(struct mem mem)
{
  mem_ref numbers = mem_new_bytes(mem, NUMBERS * sizeof(double), NULL, NULL);
  char *data = mem_bytes(mem, numbers);

  memset(data, 0, NUMBERS * sizeof(double));
  for (uint32_t i = 0; i < NUMBERS / 2; i++) {
    double number = 1.0 / (i + 1);

    memcpy(data + i * sizeof number, &number, sizeof number);
  }
  return numbers;
}

static uint64_t check(struct mem mem)
{
  double number;

  memcpy(&number, mem_bytes(mem, mem_global(mem, GLOBAL_NUMBERS)) + 1000 * sizeof number,
         sizeof number);
  return count(mem, mem_global(mem, GLOBAL_TREE)) + (uint64_t)(number * 1e9);
}

static struct mem_outcome run(struct mem mem, uint32_t size, uint64_t seed)
{
  struct mem_outcome outcome = {0, 0};
  uint64_t most = tree_nodes(size + STRETCH);
  mem_ref tree = build_up(mem, size + STRETCH);

  (void)seed;
  if (MEM_MANUAL)
    drop(mem, tree);
  mem_set_global(mem, GLOBAL_TREE, build_down(mem, size));
  mem_set_global(mem, GLOBAL_NUMBERS, new_numbers(mem));
  outcome.operations = most + tree_nodes(size);
  for (uint32_t depth = LEAST_DEPTH; depth <= size; depth += 2)
    construct(mem, depth, 2 * most / tree_nodes(depth), &outcome);
  outcome.check = check(mem);
  if (MEM_MANUAL) {
    drop(mem, mem_global(mem, GLOBAL_TREE));
    mem_drop(mem, mem_global(mem, GLOBAL_NUMBERS));
  }
  return outcome;
}

const struct mem_workload mem_workload_gcbench = {"gcbench", 10, open, run};
