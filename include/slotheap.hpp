// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef SLOTHEAP_HPP
#define SLOTHEAP_HPP

#include <slotheap.h>

#include <cstring>
#include <exception>
#include <initializer_list>
#include <memory>
#include <utility>

// \file
// slotheap for C++17: runtimes, pools, heaps, roots and images that release
// themselves. Header only. All that the C headers say holds; objects convert to the
// pointers of C, so every call of C takes them:
//
// \verbatim
//   slotheap::runtime runtime;
//   slotheap::pool pool;
//   const slh_type *box = runtime.struct_type("box", {{"value", SLH_REF, 0}});
//   slotheap::heap heap(pool, runtime);
//   slotheap::frame frame(heap);
//   slotheap::local object(frame, heap.new_struct(box));
//   slh_set_ref(heap, object, box->fields[0].offset, slh_i31(42));
// \endverbatim
//
// What fails throws slotheap::error. Calls that take where to put the result, and are
// noexcept, return the status instead. Objects are released in the reverse order of
// their declaration, which is the order that C asks for: roots, heap, pool, runtime.
//
// Callbacks are called out of C: they must not throw. A protected call that traps is
// left by a jump, which runs no destructors: see trap.h.

// The C++ interface.
namespace slotheap
{

// A call that failed.
class error : public std::exception
{
public:
  // Of a call that gave no more than a status.
  explicit error(slh_status status) noexcept
  {
    error_.status = status;
    std::strncpy(error_.message, slh_status_text(status), sizeof error_.message - 1);
  }

  // Of a call that gave a sentence as well.
  explicit error(const slh_error &why) noexcept : error_(why)
  {
  }

  // The sentence.
  const char *what() const noexcept override
  {
    return error_.message;
  }

  // What the call came to.
  slh_status status() const noexcept
  {
    return error_.status;
  }

  // All that is known.
  const slh_error &details() const noexcept
  {
    return error_;
  }

private:
  slh_error error_{};
};

// Throws unless the call succeeded.
inline void check(slh_status status)
{
  if (SLH_UNLIKELY(status != SLH_OK))
    throw error(status);
}

// The same, with the sentence that the call gave.
inline void check(slh_status status, const slh_error &why)
{
  if (SLH_UNLIKELY(status != SLH_OK))
    throw error(why);
}

// The default options, to be changed and passed on.
inline slh_runtime_options runtime_options() noexcept
{
  return SLH_RUNTIME_OPTIONS_INIT;
}

// The default options, to be changed and passed on.
inline slh_pool_options pool_options() noexcept
{
  return SLH_POOL_OPTIONS_INIT;
}

// The default options, but for the runtime, to be changed and passed on.
inline slh_heap_options heap_options(slh_runtime *runtime) noexcept
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = runtime;
  return options;
}

// The default options, to be changed and passed on.
inline slh_image_options image_options() noexcept
{
  return SLH_IMAGE_OPTIONS_INIT;
}

// Owns what a call of C makes and another frees. Moves; does not copy.
template <typename T, void (*Free)(T *)> class handle
{
public:
  // Owns nothing.
  handle() noexcept = default;

  // Owns what `pointer` points at.
  explicit handle(T *pointer) noexcept : pointer_(pointer)
  {
  }

  // What C calls take. Null if it was moved away.
  T *get() const noexcept
  {
    return pointer_.get();
  }

  // The same, wherever C wants it.
  operator T *() const noexcept
  {
    return get();
  }

  // Gives up owning it.
  T *leave() noexcept
  {
    return pointer_.release();
  }

private:
  struct free {
    void operator()(T *pointer) const noexcept
    {
      Free(pointer);
    }
  };

  std::unique_ptr<T, free> pointer_;
};

// A collector and types.
class runtime : public handle<slh_runtime, slh_runtime_free>
{
public:
  using handle::handle;

  // Throws SLH_E_INVALID, SLH_E_NOMEM.
  explicit runtime(const slh_runtime_options &options) : handle(make(options))
  {
  }

  // With the default options.
  runtime() : runtime(runtime_options())
  {
  }

  // Registers a struct type; see slh_struct_type_new.
  const slh_type *struct_type(const char *name, std::initializer_list<slh_field> fields,
                              const slh_type *supertype = nullptr)
  {
    const slh_type *type = nullptr;
    slh_error why;

    check(slh_struct_type_new(get(), name, supertype, fields.begin(), fields.size(), &type, &why),
          why);
    return type;
  }

  // Registers an array type; see slh_array_type_new.
  const slh_type *array_type(const char *name, slh_storage element)
  {
    const slh_type *type = nullptr;
    slh_error why;

    check(slh_array_type_new(get(), name, element, &type, &why), why);
    return type;
  }

private:
  static slh_runtime *make(const slh_runtime_options &options)
  {
    slh_runtime *made = nullptr;
    slh_error why;

    check(slh_runtime_new(&options, &made, &why), why);
    return made;
  }
};

// The memory of many heaps.
class pool : public handle<slh_pool, slh_pool_free>
{
public:
  using handle::handle;

  // Throws what slh_pool_new returns.
  explicit pool(const slh_pool_options &options) : handle(make(options))
  {
  }

  // With the default options.
  pool() : pool(pool_options())
  {
  }

  // See slh_pool_get_stats.
  slh_pool_stats stats() const noexcept
  {
    slh_pool_stats stats;

    slh_pool_get_stats(get(), &stats);
    return stats;
  }

private:
  static slh_pool *make(const slh_pool_options &options)
  {
    slh_pool *made = nullptr;
    slh_error why;

    check(slh_pool_new(&options, &made, &why), why);
    return made;
  }
};

// A store's heap.
class heap : public handle<slh_heap, slh_heap_release>
{
public:
  using handle::handle;

  // None: for acquire.
  heap() noexcept = default;

  // Takes one from the pool; throws what slh_heap_acquire_within returns.
  heap(slh_pool *pool, const slh_heap_options &options, uint64_t wait_nanoseconds = 0)
      : handle(make(pool, options, wait_nanoseconds))
  {
  }

  // With the default options.
  heap(slh_pool *pool, slh_runtime *runtime) : heap(pool, heap_options(runtime))
  {
  }

  // As slh_heap_acquire: what `out` had is released, unless it fails.
  SLH_NODISCARD static slh_status acquire(slh_pool *pool, const slh_heap_options &options,
                                          heap &out) noexcept
  {
    slh_heap *made = nullptr;
    slh_status status = slh_heap_acquire(pool, &options, &made);

    if (status == SLH_OK)
      out = heap(made);
    return status;
  }

  // A struct. Can collect.
  slh_ref new_struct(const slh_type *type)
  {
    slh_ref made;

    check(new_struct(type, made));
    return made;
  }

  // A struct. Can collect.
  SLH_NODISCARD slh_status new_struct(const slh_type *type, slh_ref &out) noexcept
  {
    return slh_new_struct(get(), type, &out);
  }

  // An array. Can collect.
  slh_ref new_array(const slh_type *type, uint32_t length)
  {
    slh_ref made;

    check(new_array(type, length, made));
    return made;
  }

  // An array. Can collect.
  SLH_NODISCARD slh_status new_array(const slh_type *type, uint32_t length, slh_ref &out) noexcept
  {
    return slh_new_array(get(), type, length, &out);
  }

  // See slh_heap_collect.
  void collect(const slh_roots *roots = nullptr)
  {
    check(slh_heap_collect(get(), roots));
  }

  // See slh_heap_collect_young.
  void collect_young(const slh_roots *roots = nullptr)
  {
    check(slh_heap_collect_young(get(), roots));
  }

  // See slh_heap_get_stats.
  slh_heap_stats stats() const noexcept
  {
    slh_heap_stats stats;

    slh_heap_get_stats(get(), &stats);
    return stats;
  }

private:
  static slh_heap *make(slh_pool *pool, const slh_heap_options &options, uint64_t nanoseconds)
  {
    slh_heap *made = nullptr;
    slh_error why;

    check(slh_heap_acquire_within(pool, &options, nanoseconds, &made, &why), why);
    return made;
  }
};

// Nothing is collected in its scope; see slh_heap_enter_no_gc.
class no_gc
{
public:
  // Enters.
  explicit no_gc(slh_heap *heap) noexcept : heap_(heap)
  {
    slh_heap_enter_no_gc(heap_);
  }

  // Leaves.
  ~no_gc()
  {
    slh_heap_leave_no_gc(heap_);
  }

  no_gc(const no_gc &) = delete;
  no_gc &operator=(const no_gc &) = delete;

private:
  slh_heap *heap_;
};

// A scope with local roots. Frames close in the reverse order of their opening, so it
// stays where it is.
class frame
{
public:
  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit frame(slh_heap *heap)
  {
    check(slh_frame_open(heap, &frame_));
  }

  // Ends its roots.
  ~frame()
  {
    slh_frame_close(&frame_);
  }

  frame(const frame &) = delete;
  frame &operator=(const frame &) = delete;

  // What C calls take.
  slh_frame *get() noexcept
  {
    return &frame_;
  }

  // The heap whose roots it has.
  slh_heap *heap() const noexcept
  {
    return frame_.heap;
  }

private:
  slh_frame frame_;
};

// A root that ends with its frame. Copies are the same root.
class local
{
public:
  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit local(frame &in, slh_ref ref = SLH_NULL) : heap_(in.heap())
  {
    check(slh_local_new(in.get(), ref, &local_));
  }

  // What it refers to now.
  slh_ref get() const noexcept
  {
    return slh_local_get(heap_, local_);
  }

  // The same, wherever C wants it. To be used before anything can collect.
  operator slh_ref() const noexcept
  {
    return get();
  }

  // Makes it refer to something else.
  void set(slh_ref ref) noexcept
  {
    slh_local_set(heap_, local_, ref);
  }

private:
  slh_heap *heap_;
  slh_local local_;
};

// A root that lives until it is destroyed, which must be before its heap is released
// or reset. Moves; does not copy.
class owned
{
public:
  // None.
  owned() noexcept = default;

  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit owned(slh_heap *heap, slh_ref ref = SLH_NULL)
  {
    check(slh_owned_new(heap, ref, &owned_));
    heap_ = heap;
  }

  // Takes the root over.
  owned(owned &&other) noexcept : heap_(std::exchange(other.heap_, nullptr)), owned_(other.owned_)
  {
  }

  // Frees what it had, and takes the root over.
  owned &operator=(owned &&other) noexcept
  {
    owned taken(std::move(other));

    std::swap(heap_, taken.heap_);
    std::swap(owned_, taken.owned_);
    return *this;
  }

  // Frees it.
  ~owned()
  {
    if (heap_ != nullptr)
      slh_owned_free(heap_, owned_);
  }

  // What it refers to now.
  slh_ref get() const noexcept
  {
    return slh_owned_get(heap_, owned_);
  }

  // The same, wherever C wants it. To be used before anything can collect.
  operator slh_ref() const noexcept
  {
    return get();
  }

  // Makes it refer to something else.
  void set(slh_ref ref) noexcept
  {
    slh_owned_set(heap_, owned_, ref);
  }

private:
  slh_heap *heap_ = nullptr;
  slh_owned owned_{};
};

// A list of roots; see roots.h.
class roots : public handle<slh_roots, slh_roots_free>
{
public:
  // Throws SLH_E_NOMEM.
  explicit roots(slh_runtime *runtime) : handle(make(runtime))
  {
  }

  // Adds references that lie side by side; a failure shows when the list is used.
  void add(slh_ref *first, uint32_t count = 1, const char *reason = nullptr,
           slh_root_kind kind = SLH_ROOT_OTHER) noexcept
  {
    (void)slh_roots_add(get(), kind, first, count, reason);
  }

private:
  static slh_roots *make(slh_runtime *runtime)
  {
    slh_roots *made = nullptr;

    check(slh_roots_new(runtime, &made));
    return made;
  }
};

// A frozen heap.
class image : public handle<slh_image, slh_image_free>
{
public:
  using handle::handle;

  // Of what can be reached from the roots; throws what slh_image_freeze returns.
  image(const slh_heap *heap, std::initializer_list<slh_image_root> roots,
        const slh_image_options &options = image_options())
      : handle(freeze(heap, roots, options))
  {
  }

  // From a file; throws what slh_image_load returns.
  image(slh_runtime *runtime, const char *path, const slh_image_options &options = image_options())
      : handle(load(runtime, path, options))
  {
  }

  // To a file; throws what slh_image_save returns.
  void save(const char *path) const
  {
    slh_error why;

    check(slh_image_save(get(), path, &why), why);
  }

  // The root of that name. False: there is none.
  bool find_root(const char *name, slh_ref &out) const noexcept
  {
    return slh_image_find_root(get(), name, &out);
  }

  // See slh_image_get_info.
  slh_image_info info() const noexcept
  {
    slh_image_info info;

    slh_image_get_info(get(), &info);
    return info;
  }

private:
  static slh_image *freeze(const slh_heap *heap, std::initializer_list<slh_image_root> roots,
                           const slh_image_options &options)
  {
    slh_image_contents contents{};
    slh_image *made = nullptr;
    slh_error why;

    contents.roots = roots.begin();
    contents.root_count = roots.size();
    check(slh_image_freeze(heap, &contents, &options, &made, &why), why);
    return made;
  }

  static slh_image *load(slh_runtime *runtime, const char *path, const slh_image_options &options)
  {
    slh_image *made = nullptr;
    slh_error why;

    check(slh_image_load(runtime, path, &options, &made, &why), why);
    return made;
  }
};

} // namespace slotheap

#endif
