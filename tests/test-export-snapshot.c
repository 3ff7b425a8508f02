/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Snapshots and summaries of small heaps, known to the byte; of random ones, whose
 * dominators are found anew by taking objects away; and of corrupt ones.
 */
#include "tests/exported.h"

#define NODE_FIELDS 7
#define EDGE_FIELDS 3

/* A snapshot, read back. */
struct snapshot {
  yajl_val json, nodes, edges, strings;
  size_t node_count, edge_count;
};

static struct snapshot take(struct store *store)
{
  struct exported exported;
  struct snapshot s;
  yajl_val head;

  exported_open(&exported);
  assert_ok(slh_snapshot_write(store->heap, NULL, exported.out, NULL));
  s.json = exported_json(&exported);
  head = exported_member(s.json, "snapshot");
  s.nodes = exported_member(s.json, "nodes");
  s.edges = exported_member(s.json, "edges");
  s.strings = exported_member(s.json, "strings");
  s.node_count = (size_t)exported_number(head, "node_count");
  s.edge_count = (size_t)exported_number(head, "edge_count");
  assert_int_equal(YAJL_GET_ARRAY(s.nodes)->len, NODE_FIELDS * s.node_count);
  assert_int_equal(YAJL_GET_ARRAY(s.edges)->len, EDGE_FIELDS * s.edge_count);
  return s;
}

static uint64_t node(const struct snapshot *s, size_t number, size_t field)
{
  return (uint64_t)YAJL_GET_INTEGER(exported_item(s->nodes, NODE_FIELDS * number + field));
}

static uint64_t edge(const struct snapshot *s, size_t number, size_t field)
{
  return (uint64_t)YAJL_GET_INTEGER(exported_item(s->edges, EDGE_FIELDS * number + field));
}

static const char *string(const struct snapshot *s, uint64_t number)
{
  return YAJL_GET_STRING(exported_item(s->strings, number));
}

static size_t find(const struct snapshot *s, const char *name)
{
  for (size_t i = 0; i < s->node_count; i++) {
    if (strcmp(string(s, node(s, i, 1)), name) == 0)
      return i;
  }
  fail_msg("no node %s", name);
  return 0;
}

/* The first edge of a node. */
static size_t edges_of(const struct snapshot *s, size_t number)
{
  size_t first = 0;

  for (size_t i = 0; i < number; i++)
    first += node(s, i, 4);
  return first;
}

/* Numbers of nodes and edges agree, and ids differ. */
static void check(const struct snapshot *s)
{
  assert_int_equal(edges_of(s, s->node_count), s->edge_count);
  for (size_t i = 0; i < s->edge_count; i++) {
    assert_int_equal(edge(s, i, 2) % NODE_FIELDS, 0);
    assert_true(edge(s, i, 2) / NODE_FIELDS < s->node_count);
  }
  for (size_t i = 0; i < s->node_count; i++) {
    assert_int_equal(node(s, i, 2) % 2, 1);
    for (size_t j = 0; j < i; j++)
      assert_int_not_equal(node(s, i, 2), node(s, j, 2));
  }
}

/* ---- snapshots ---- */

static void empty_heap(void **state)
{
  struct snapshot s = take(*state);

  check(&s);
  assert_string_equal(string(&s, node(&s, 0, 1)), "");
  assert_string_equal(string(&s, node(&s, 1, 1)), "(GC roots)");
  yajl_tree_free(s.json);
}

static void fields_and_elements(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->refs, 3);
  slh_ref child = store_node(store, SLH_NULL, slh_i31(7), 1);
  slh_ref parent = store_node(store, child, array, 2);
  slh_owned owned;
  struct snapshot s;
  size_t at;

  assert_ok(slh_array_set_ref(store->heap, array, 2, parent));
  assert_ok(slh_owned_new(store->heap, parent, &owned));
  s = take(store);
  check(&s);
  at = find(&s, "(owned roots)");
  assert_int_equal(node(&s, at, 0), 9); /* synthetic */
  assert_int_equal(node(&s, at, 4), 1);
  at = edge(&s, edges_of(&s, at), 2) / NODE_FIELDS;
  assert_int_equal(node(&s, at, 2), parent.bits + 1u);
  assert_int_equal(node(&s, at, 3), 16);
  assert_int_equal(node(&s, at, 4), 2);
  at = edge(&s, edges_of(&s, at) + 1, 2) / NODE_FIELDS;
  assert_int_equal(node(&s, at, 2), array.bits + 1u);
  assert_int_equal(node(&s, at, 3), slh_array_size(store->refs, 3));
  assert_int_equal(node(&s, at, 4), 1);
  assert_int_equal(edge(&s, edges_of(&s, at), 0), 1); /* element */
  assert_int_equal(edge(&s, edges_of(&s, at), 1), 2);
  yajl_tree_free(s.json);
}

/* Entries keep their values for as long as their keys live. */
static void ephemerons_are_edges_of_their_keys(void **state)
{
  struct store *store = *state;
  slh_ref key = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref value = store_node(store, SLH_NULL, SLH_NULL, 2);
  slh_ephemerons table;
  struct snapshot s;
  size_t at;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  assert_ok(slh_ephemerons_set(store->heap, table, key, value));
  store->roots[0] = key;
  s = take(store);
  check(&s);
  for (at = 0; node(&s, at, 2) != key.bits + 1u;)
    at++;
  assert_int_equal(node(&s, at, 4), 1);
  assert_int_equal(edge(&s, edges_of(&s, at), 0), 3); /* internal */
  at = edge(&s, edges_of(&s, at), 2) / NODE_FIELDS;
  assert_int_equal(node(&s, at, 2), value.bits + 1u);
  yajl_tree_free(s.json);
}

/* What an image brought is there, kept, and keeps what it refers to. */
static void image_is_part_of_it(void **state)
{
  struct store *store = *state;
  slh_image_root root = {"root", store_node(store, SLH_NULL, SLH_NULL, 1)};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct store copy = *store;
  slh_image *image;
  slh_ref first, fresh;
  struct snapshot s;
  struct exported exported;
  char *text;

  exported_open(&exported);
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  options.runtime = store->runtime;
  options.image = image;
  assert_ok(slh_heap_acquire(store->pool, &options, &copy.heap));
  first = slh_image_root_at(image, 0, NULL);
  slh_image_free(image);
  fresh = store_node(&copy, SLH_NULL, SLH_NULL, 2);
  slh_set_ref(copy.heap, first, HELPER_LEFT, fresh);
  s = take(&copy);
  check(&s);
  assert_int_equal(node(&s, find(&s, "(image)"), 4), 1);
  yajl_tree_free(s.json);
  assert_ok(slh_snapshot_summary(copy.heap, NULL, 0, exported.out, NULL));
  text = exported_text(&exported);
  assert_non_null(strstr(text, "Reachable: 32 bytes, 2 objects; dead: 0 bytes, 0 objects"));
  free(text);
  slh_heap_release(copy.heap);
}

/* ---- summaries ---- */

static char *summary(struct store *store, uint32_t top)
{
  struct exported exported;

  exported_open(&exported);
  assert_ok(slh_snapshot_summary(store->heap, NULL, top, exported.out, NULL));
  return exported_text(&exported);
}

#define NODES 24

struct random_graph {
  slh_ref at[NODES];
  int left[NODES], right[NODES], root; /* numbers; NODES: null */
};

static void make_random(struct store *store, uint64_t *random, struct random_graph *g)
{
  slh_heap_reset(store->heap);
  for (int i = 0; i < NODES; i++)
    g->at[i] = store_node(store, SLH_NULL, SLH_NULL, i);
  for (int i = 0; i < NODES; i++) {
    g->left[i] = (int)helper_below(random, NODES + 1);
    g->right[i] = (int)helper_below(random, NODES + 8);
    if (g->left[i] < NODES)
      slh_set_ref(store->heap, g->at[i], HELPER_LEFT, g->at[g->left[i]]);
    if (g->right[i] < NODES)
      slh_set_ref(store->heap, g->at[i], HELPER_RIGHT, g->at[g->right[i]]);
  }
  g->root = (int)helper_below(random, NODES);
  memset(store->roots, 0, sizeof store->roots);
  store->roots[0] = g->at[g->root];
}

/* Nodes that are reached if `without` was not there, a bit each. */
static uint32_t reached(const struct random_graph *g, int without)
{
  uint32_t met = 0, pending = g->root == without ? 0 : 1u << g->root;

  while (pending != 0) {
    int i = __builtin_ctz(pending);

    met |= 1u << i;
    if (g->left[i] < NODES && g->left[i] != without)
      pending |= 1u << g->left[i];
    if (g->right[i] < NODES && g->right[i] != without)
      pending |= 1u << g->right[i];
    pending &= ~met;
  }
  return met;
}

/* By definition: what an object retains is what is not reached without it. */
static void retained_sizes_are_right(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(500); round-- > 0;) {
    struct random_graph g;
    uint32_t all;
    char *text;

    make_random(store, &random, &g);
    all = reached(&g, NODES);
    text = summary(store, 1000);
    for (int i = 0; i < NODES; i++) {
      int retained = 16 * __builtin_popcount(all & ~reached(&g, i));
      char place[32];
      const char *found, *line;

      snprintf(place, sizeof place, " at %#x\n", g.at[i].bits);
      found = strstr(text, place);
      assert_int_equal(found != NULL, (all >> i) & 1);
      if (!found)
        continue;
      for (line = found; line[-1] != '\n';)
        line--;
      assert_int_equal(atoi(line), retained);
    }
    free(text);
  }
}

/* Of a list as long as a heap can have one: nothing recurses, nothing is quadratic. */
static void long_list(void **state)
{
  struct store *store = *state;
  uint64_t length = helper_rounds(200000);
  char *text, expected[64];

  assert_ok(slh_heap_grow(store->heap, 16 * length));
  for (uint64_t i = 0; i < length; i++)
    store->roots[0] = store_node(store, store->roots[0], store->roots[0], 0);
  text = summary(store, 5);
  snprintf(expected, sizeof expected, "Reachable: %llu bytes, %llu objects; dead: 0 bytes",
           (unsigned long long)(16 * length), (unsigned long long)length);
  assert_non_null(strstr(text, expected));
  free(text);
}

static void dead_objects_are_told_apart(void **state)
{
  struct store *store = *state;
  char *text;

  (void)store_node(store, SLH_NULL, SLH_NULL, 1);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 2);
  text = summary(store, 0);
  assert_non_null(strstr(text, "Reachable: 16 bytes, 1 objects; dead: 16 bytes, 1 objects"));
  assert_non_null(strstr(text, "          32           2  "));
  free(text);
}

/* ---- what is not as it should be ---- */

static void refused(struct store *store, const slh_roots *roots, slh_status expected)
{
  struct exported exported;
  slh_error error = {.message = ""};

  exported_open(&exported);
  assert_status(slh_snapshot_write(store->heap, roots, exported.out, &error), expected);
  assert_true(strlen(error.message) > 10);
  assert_status(slh_snapshot_summary(store->heap, roots, 0, exported.out, NULL), expected);
  free(exported_text(&exported));
}

static void corrupt_heaps_are_refused(void **state)
{
  struct store *store = *state;
  slh_ref at = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref wild = {at.bits + 8};
  slh_roots *roots;

  assert_ok(slh_roots_new(store->runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &wild, 1, NULL));
  refused(store, roots, SLH_E_CORRUPT);
  slh_roots_free(roots);
  slh_init_ref(store->heap, at, HELPER_LEFT, wild);
  refused(store, NULL, SLH_E_CORRUPT);
  *store_word(store, at.bits) = 0;
  refused(store, NULL, SLH_E_CORRUPT);
}

/* Whatever bytes a heap holds: an answer. */
static void random_words(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(2000); round-- > 0;) {
    struct random_graph g;
    struct exported exported;

    exported_open(&exported);
    make_random(store, &random, &g);
    for (uint64_t i = 1 + helper_below(&random, 3); i-- > 0;) {
      uint32_t *word = store_word(store, g.at[0].bits + 4 * helper_below(&random, 4 * NODES));

      *word = helper_one_in(&random, 2) ? (uint32_t)helper_random(&random)
                                        : *word ^ 1u << helper_below(&random, 32);
    }
    (void)!slh_snapshot_write(store->heap, NULL, exported.out, NULL);
    (void)!slh_snapshot_summary(store->heap, NULL, 3, exported.out, NULL);
    free(exported_text(&exported));
  }
}

static void full_disks_are_told(void **state)
{
  struct store *store = *state;
  FILE *full = fopen("/dev/full", "we");

  if (!full)
    skip();
  assert_status(slh_snapshot_write(store->heap, NULL, full, NULL), SLH_E_SYSTEM);
  assert_status(slh_snapshot_summary(store->heap, NULL, 0, full, NULL), SLH_E_SYSTEM);
  fclose(full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(empty_heap),
      TEST(fields_and_elements),
      TEST(ephemerons_are_edges_of_their_keys),
      TEST(image_is_part_of_it),
      TEST(retained_sizes_are_right),
      TEST(long_list),
      TEST(dead_objects_are_told_apart),
      TEST(corrupt_heaps_are_refused),
      TEST(random_words),
      TEST(full_disks_are_told),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
