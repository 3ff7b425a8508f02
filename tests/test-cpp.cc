// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C++ header: what it makes it releases, once; what fails throws, or returns a
// status. Run by tests/test-cpp.sh.
#undef NDEBUG
#include <slotheap.hpp>

#include <cassert>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

// Moves, and does not copy: so nothing is released twice.
template <typename T> constexpr bool is_owner()
{
  return std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
         !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
}

static_assert(is_owner<slotheap::runtime>());
static_assert(is_owner<slotheap::pool>());
static_assert(is_owner<slotheap::heap>());
static_assert(is_owner<slotheap::owned>());
static_assert(is_owner<slotheap::roots>());
static_assert(is_owner<slotheap::image>());
static_assert(!std::is_move_constructible_v<slotheap::frame>);
static_assert(!std::is_move_constructible_v<slotheap::no_gc>);
static_assert(sizeof(slotheap::heap) == sizeof(slh_heap *));

static slh_pool_options small_pool()
{
  slh_pool_options options = slotheap::pool_options();

  options.slots = 4; // a little: it also runs under sanitizers
  options.max_collections = 2;
  return options;
}

// What most tests need.
struct world {
  slotheap::runtime runtime;
  slotheap::pool pool{small_pool()};
  const slh_type *pair = runtime.struct_type("pair", {{"first", SLH_REF, 0}, {"rest", SLH_REF, 0}});
  const slh_type *numbers = runtime.array_type("numbers", SLH_I32);

  uint32_t first() const
  {
    return pair->fields[0].offset;
  }
};

// The status that `call` throws.
template <typename Call> slh_status thrown(Call call)
{
  try {
    call();
  } catch (const slotheap::error &why) {
    assert(std::strlen(why.what()) > 0);
    assert(why.details().status == why.status());
    return why.status();
  }
  return SLH_OK;
}

static void releases()
{
  world w;

  {
    slotheap::heap a(w.pool, w.runtime), b(w.pool, w.runtime);
    slotheap::heap c(std::move(a));

    assert(!a && b && c);
    assert(w.pool.stats().slots_in_use == 2);
    b = std::move(c); // what b had goes back
    assert(w.pool.stats().slots_in_use == 1);
    assert(slh_heap_pool(b) == w.pool);
  }
  assert(w.pool.stats().slots_in_use == 0);

  slh_heap *left = slotheap::heap(w.pool, w.runtime).leave();

  assert(w.pool.stats().slots_in_use == 1);
  slh_heap_release(left);

  // A container of heaps, and an exception on the way.
  assert(thrown([&] {
           std::vector<slotheap::heap> heaps;
           for (;;)
             heaps.emplace_back(w.pool, w.runtime);
         }) == SLH_E_FULL);
  assert(w.pool.stats().slots_in_use == 0);
}

static void fails()
{
  world w;
  slh_pool_options options = small_pool();
  slotheap::heap heap;
  slh_heap_options limited = slotheap::heap_options(w.runtime);

  options.guard_bytes = 1;
  assert(thrown([&] { slotheap::pool pool(options); }) == SLH_E_INVALID);
  try {
    slotheap::pool pool(options);
  } catch (const std::exception &why) {
    assert(std::strstr(why.what(), "guard_bytes") != nullptr);
  }
  assert(thrown([&] {
           w.runtime.struct_type("bad", {{"x", slh_storage(99), 0}});
         }) == SLH_E_INVALID);
  assert(thrown([&] { slotheap::image image(w.runtime, "/nonexistent/image"); }) != SLH_OK);

  limited.max_bytes = 64 * 1024;
  assert(slotheap::heap::acquire(w.pool, limited, heap) == SLH_OK);
  assert(slotheap::heap::acquire(w.pool, limited, heap) == SLH_OK); // the first goes back
  assert(w.pool.stats().slots_in_use == 1);

  slh_ref array;

  assert(heap.new_array(w.numbers, 100 * 1024, array) == SLH_E_TOO_LARGE);
  assert(thrown([&] { heap.new_array(w.numbers, 100 * 1024); }) == SLH_E_TOO_LARGE);
  assert(heap.new_array(w.numbers, 1024, array) == SLH_OK);
}

static void roots()
{
  world w;
  slotheap::heap heap(w.pool, w.runtime);
  slh_ref listed = heap.new_struct(w.pair);
  slotheap::roots list(w.runtime);

  slh_set_ref(heap, listed, w.first(), slh_i31(1));
  list.add(&listed, 1, "a variable");
  {
    slotheap::owned kept(heap, heap.new_struct(w.pair));
    slotheap::frame frame(heap);
    slotheap::local in_frame(frame, heap.new_struct(w.pair)), empty(frame);

    slh_set_ref(heap, kept, w.first(), slh_i31(2));
    slh_set_ref(heap, in_frame, w.first(), slh_i31(3));
    for (int i = 0; i < 1000; i++)
      heap.new_struct(w.pair);
    heap.collect(list);
    assert(slh_i31_signed(slh_get_ref(heap, listed, w.first())) == 1);
    assert(slh_i31_signed(slh_get_ref(heap, kept, w.first())) == 2);
    assert(slh_i31_signed(slh_get_ref(heap, in_frame, w.first())) == 3);
    assert(slh_is_null(empty));
    assert(heap.stats().live == 3 * w.pair->size);

    slotheap::owned moved(std::move(kept)), other(heap, slh_i31(4));

    other = std::move(moved);
    assert(slh_i31_signed(slh_get_ref(heap, other, w.first())) == 2);
    other.set(SLH_NULL);
    in_frame.set(SLH_NULL);
    heap.collect(list);
    assert(heap.stats().live == w.pair->size);
    {
      slotheap::no_gc scope(heap);
      slh_ref inside = heap.new_struct(w.pair);

      assert(slh_object_is(heap, inside, w.pair));
    }
  }
  assert(heap.stats().owned_roots == 0 && heap.stats().local_roots == 0);
  heap.collect_young(list);
}

// Frames close when an exception passes them.
static void unwinds()
{
  world w;
  slotheap::heap heap(w.pool, w.runtime);

  assert(thrown([&] {
           slotheap::frame outer(heap);
           slotheap::frame inner(heap);
           slotheap::local root(inner, heap.new_struct(w.pair));
           throw slotheap::error(SLH_E_LIMIT);
         }) == SLH_E_LIMIT);
  assert(heap.stats().local_roots == 0);
}

static void images(const char *path)
{
  world w;
  slh_heap_options options = slotheap::heap_options(w.runtime);
  slh_ref root;
  slotheap::heap source(w.pool, w.runtime);
  slh_ref made = source.new_struct(w.pair);

  slh_set_ref(source, made, w.first(), slh_i31(42));

  slotheap::image frozen(source, {{"pair", made}});

  assert(frozen.info().objects == 1);
  assert(!frozen.find_root("none", root));
  options.image = frozen;
  slotheap::heap heap(w.pool, options);
  assert(frozen.find_root("pair", root));
  assert(slh_i31_signed(slh_get_ref(heap, root, w.first())) == 42);

  try {
    frozen.save(path);
  } catch (const slotheap::error &why) {
    assert(why.status() == SLH_E_UNSUPPORTED); // configured without xxHash
    return;
  }
  slotheap::image loaded(w.runtime, path);

  frozen = std::move(loaded);
  assert(frozen.info().roots == 1);
}

int main(int count, char **arguments)
{
  assert(count == 2);
  releases();
  fails();
  roots();
  unwinds();
  images(arguments[1]);
  std::puts("slotheap.hpp: good");
  return 0;
}
