// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A host in C++17, with objects that release themselves, built against the installed
// library.
#include <slotheap.hpp>

#include <cstdio>

int main()
{
  slh_pool_options options = slotheap::pool_options();

  options.slots = 4; // a little: it also runs under the thread sanitizer
  options.max_collections = 1;
  try {
    slotheap::runtime runtime;
    slotheap::pool pool(options);
    const slh_type *box = runtime.struct_type("box", {{"value", SLH_REF, 0}});
    slotheap::heap heap(pool, runtime);
    slotheap::owned object(heap, heap.new_struct(box));

    slh_set_ref(heap, object, box->fields[0].offset, slh_i31(42));
    heap.collect();

    const int value = slh_i31_signed(slh_get_ref(heap, object, box->fields[0].offset));

    std::printf("slotheap %s: the value is %d\n", slh_version(), value);
    return value == 42 ? 0 : 1;
  } catch (const slotheap::error &why) {
    std::fprintf(stderr, "%s\n", why.what());
    return 1;
  }
}
