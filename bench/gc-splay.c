/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A splay tree, as in Octane's test of that name: each step inserts a node
 * with a payload, and removes the one whose key comes before it. Every search
 * turns the tree around, so many more references are written than objects made,
 * most of them into old objects.
 */
#include "gc-peer.h"
#include "random.h"

#include <string.h>

#define STEPS_A_NODE 8
#define PAYLOAD_DEPTH 2
#define LEAF_NUMBERS 10

struct node {
  MEM_HEADER
  mem_ref left;
  mem_ref right;
  mem_ref payload;
  int64_t key;
};

/* A payload is a small tree of pairs; in the lowest, arrays. */
struct pair {
  MEM_HEADER
  mem_ref first;
  mem_ref second;
};

enum {
  GLOBAL_ROOT,
  GLOBAL_SCRATCH /* a node that splaying hangs the two halves on */
};

static struct mem_type node_type = {.name = "node", .layout = "rrrl"};
static struct mem_type pair_type = {.name = "pair", .layout = "rr"};

static void open(void)
{
  mem_register(&node_type, sizeof(struct node));
  mem_register(&pair_type, sizeof(struct pair));
}

#define LEFT(at) MEM_GET(mem, struct node, at, left)
#define RIGHT(at) MEM_GET(mem, struct node, at, right)
#define SET_LEFT(at, value) MEM_SET(mem, struct node, at, left, value)
#define SET_RIGHT(at, value) MEM_SET(mem, struct node, at, right, value)
#define KEY(at) (MEM_AT(mem, struct node, at)->key)
#define ROOT mem_global(mem, GLOBAL_ROOT)
#define SET_ROOT(node) mem_set_global(mem, GLOBAL_ROOT, node)

/* ---- payloads ---- */

static mem_ref new_pair(struct mem mem, mem_ref first, mem_ref second)
{
  mem_ref pair = mem_new(mem, &pair_type, sizeof(struct pair), &first, &second);

  MEM_INIT(mem, struct pair, pair, first, first);
  MEM_INIT(mem, struct pair, pair, second, second);
  return pair;
}

static mem_ref new_payload(struct mem mem, uint32_t depth, int64_t key)
{
  mem_ref first, second;

  if (depth == 0) {
    first = mem_new_bytes(mem, LEAF_NUMBERS * sizeof(int32_t), NULL, NULL);
    memset(mem_bytes(mem, first), (int)(key & 0x7f), LEAF_NUMBERS * sizeof(int32_t));
    second = mem_new_bytes(mem, 16, &first, NULL);
    memcpy(mem_bytes(mem, second), "a leaf of ", 10);
    memcpy(mem_bytes(mem, second) + 10, &key, 6);
  } else {
    first = new_payload(mem, depth - 1, key);
    second = new_payload(mem_push(mem, first), depth - 1, key);
    first = mem_reload(mem, 0, first);
  }
  return new_pair(mem, first, second);
}

static uint64_t read_payload(struct mem mem, mem_ref payload, uint32_t depth)
{
  mem_ref first = MEM_GET(mem, struct pair, payload, first);
  mem_ref second = MEM_GET(mem, struct pair, payload, second);

  if (depth == 0)
    return (uint64_t)mem_bytes(mem, first)[7] + (uint64_t)mem_bytes(mem, second)[0] +
           mem_bytes_length(mem, second);
  return read_payload(mem, first, depth - 1) + 3 * read_payload(mem, second, depth - 1);
}

static void drop_payload(struct mem mem, mem_ref payload, uint32_t depth)
{
  mem_ref first = MEM_GET(mem, struct pair, payload, first);
  mem_ref second = MEM_GET(mem, struct pair, payload, second);

  if (depth == 0) {
    mem_drop(mem, first);
    mem_drop(mem, second);
  } else {
    drop_payload(mem, first, depth - 1);
    drop_payload(mem, second, depth - 1);
  }
  mem_drop(mem, payload);
}

/* ---- the tree (Sleator and Tarjan, "Self-adjusting binary search trees",
 * JACM 32:3, 1985; splaying from the top down) ---- */

static mem_ref new_node(struct mem mem, int64_t key, mem_ref payload)
{
  mem_ref node = mem_new(mem, &node_type, sizeof(struct node), &payload, NULL);

  MEM_INIT(mem, struct node, node, left, MEM_NULL);
  MEM_INIT(mem, struct node, node, right, MEM_NULL);
  MEM_INIT(mem, struct node, node, payload, payload);
  KEY(node) = key;
  return node;
}

/* Brings the node with that key, or a neighbour in order, to the root of the
 * tree, which is not empty. Allocates nothing. */
static mem_ref splay(struct mem mem, mem_ref tree, int64_t key)
{
  mem_ref scratch = mem_global(mem, GLOBAL_SCRATCH);
  mem_ref less = scratch, greater = scratch;

  SET_LEFT(scratch, MEM_NULL);
  SET_RIGHT(scratch, MEM_NULL);
  while (KEY(tree) != key) {
    bool left = key < KEY(tree);
    mem_ref child = mem_keep(mem, left ? LEFT(tree) : RIGHT(tree));

    if (mem_is_null(child))
      break;
    if (left && key < KEY(child)) {
      SET_LEFT(tree, RIGHT(child));
      SET_RIGHT(child, tree);
      tree = child;
    } else if (!left && key > KEY(child)) {
      SET_RIGHT(tree, LEFT(child));
      SET_LEFT(child, tree);
      tree = child;
    }
    child = mem_keep(mem, left ? LEFT(tree) : RIGHT(tree));
    if (mem_is_null(child))
      break;
    if (left) {
      SET_LEFT(greater, tree);
      greater = tree;
    } else {
      SET_RIGHT(less, tree);
      less = tree;
    }
    tree = child;
  }
  SET_RIGHT(less, LEFT(tree));
  SET_LEFT(greater, RIGHT(tree));
  SET_LEFT(tree, RIGHT(scratch));
  SET_RIGHT(tree, LEFT(scratch));
  return tree;
}

/* False if the key is there already. */
static bool insert(struct mem mem, int64_t key)
{
  mem_ref node, root;

  if (!mem_is_null(ROOT)) {
    SET_ROOT(splay(mem, ROOT, key));
    if (KEY(ROOT) == key)
      return false;
  }
  node = new_node(mem, key, new_payload(mem, PAYLOAD_DEPTH, key));
  root = ROOT;
  if (!mem_is_null(root) && key > KEY(root)) {
    SET_LEFT(node, root);
    SET_RIGHT(node, RIGHT(root));
    SET_RIGHT(root, MEM_NULL);
  } else if (!mem_is_null(root)) {
    SET_RIGHT(node, root);
    SET_LEFT(node, LEFT(root));
    SET_LEFT(root, MEM_NULL);
  }
  SET_ROOT(node);
  return true;
}

/* The key that comes before `key`, which is the root's; or `key`. */
static int64_t key_before(struct mem mem, int64_t key)
{
  mem_ref node = LEFT(ROOT);

  if (mem_is_null(node))
    return key;
  while (!mem_is_null(RIGHT(node)))
    node = RIGHT(node);
  return KEY(node);
}

/* Removes the node with that key; a figure of its payload. */
static uint64_t remove_key(struct mem mem, int64_t key)
{
  mem_ref node = splay(mem, ROOT, key);
  mem_ref left = LEFT(node);
  uint64_t figure = read_payload(mem, MEM_GET(mem, struct node, node, payload), PAYLOAD_DEPTH);

  if (mem_is_null(left)) {
    SET_ROOT(RIGHT(node));
  } else {
    mem_ref root = splay(mem, left, key);

    SET_RIGHT(root, RIGHT(node));
    SET_ROOT(root);
  }
  if (MEM_MANUAL) {
    drop_payload(mem, MEM_GET(mem, struct node, node, payload), PAYLOAD_DEPTH);
    mem_drop(mem, node);
  }
  return figure;
}

/* ---- the program ---- */

static int64_t insert_one(struct mem mem, struct random *random)
{
  int64_t key;

  do
    key = (int64_t)(random_bits(random) >> 1);
  while (!insert(mem, key));
  return key;
}

static struct mem_outcome run(struct mem mem, uint32_t size, uint64_t seed)
{
  struct mem_outcome outcome = {0, 0};
  struct random random = random_seed(seed, 0);

  SET_ROOT(MEM_NULL);
  mem_set_global(mem, GLOBAL_SCRATCH, new_node(mem, 0, MEM_NULL));
  for (uint32_t i = 0; i < size; i++)
    insert_one(mem, &random);
  for (uint64_t i = 0; i < (uint64_t)size * STEPS_A_NODE; i++) {
    int64_t key = key_before(mem, insert_one(mem, &random));

    outcome.check = outcome.check * 31 + remove_key(mem, key) + (uint64_t)key;
    outcome.operations++;
  }
  if (MEM_MANUAL) {
    while (!mem_is_null(ROOT))
      remove_key(mem, KEY(ROOT));
    mem_drop(mem, mem_global(mem, GLOBAL_SCRATCH));
  }
  return outcome;
}

const struct mem_workload mem_workload_splay = {"splay", 2000, open, run};
