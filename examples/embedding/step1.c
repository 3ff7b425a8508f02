/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Values and types. See doc/embedding.md. */
#include <slotheap.h>
#include <stdio.h>

int main(void)
{
  slh_field fields[] = {{"first", SLH_REF, 0}, {"rest", SLH_REF, 0}};
  const slh_type *pair, *text;
  slh_runtime *runtime;
  slh_error error;

  if (slh_runtime_new(NULL, &runtime, &error) != SLH_OK ||
      slh_struct_type_new(runtime, "pair", NULL, fields, 2, &pair, &error) != SLH_OK ||
      slh_array_type_new(runtime, "text", SLH_I8, &text, &error) != SLH_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  printf("a pair takes %u bytes, a text of 5 bytes %llu\n", pair->size,
         (unsigned long long)slh_array_size(text, 5));

  slh_ref nothing = SLH_NULL, number = slh_i31(-42);

  printf("%d is an integer: %d; null is one: %d\n", slh_i31_signed(number), slh_is_i31(number),
         slh_is_i31(nothing));
  slh_runtime_free(runtime);
  return 0;
}
