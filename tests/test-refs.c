/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_ref: null, i31 and object references are told apart by their bits. */
#include "tests/helper.h"

#define I31_MAX ((INT32_C(1) << 30) - 1)
#define I31_MIN (-(INT32_C(1) << 30))

_Static_assert(sizeof(slh_ref) == 4, "a reference is 32 bits");
_Static_assert(_Alignof(slh_ref) == 4, "an array of references has no gaps");
_Static_assert(offsetof(slh_heap_data, base) == 0, "known to compiled code");

static void null_is_neither_i31_nor_object(void **state)
{
  slh_ref null = SLH_NULL;

  assert_int_equal(null.bits, 0);
  assert_true(slh_is_null(null));
  assert_false(slh_is_i31(null));
  assert_false(slh_is_object(null));
}

static void i31_keeps_signed_integers_of_31_bits(void **state)
{
  const int32_t values[] = {0, 1, -1, 2, -2, 12345678, -12345678, I31_MAX, I31_MIN};

  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    slh_ref ref = slh_i31(values[i]);

    assert_true(slh_is_i31(ref));
    assert_false(slh_is_null(ref));
    assert_false(slh_is_object(ref));
    assert_int_equal(slh_i31_signed(ref), values[i]);
    assert_int_equal(slh_i31_unsigned(ref), (uint32_t)values[i] & INT32_MAX);
  }
}

static void i31_drops_the_top_bit(void **state)
{
  assert_int_equal(slh_i31_signed(slh_i31(INT32_MAX)), -1);
  assert_int_equal(slh_i31_unsigned(slh_i31(INT32_MAX)), INT32_MAX);
  assert_int_equal(slh_i31_signed(slh_i31(INT32_MIN)), 0);
  assert_int_equal(slh_i31_unsigned(slh_i31(INT32_MIN)), 0);
  assert_int_equal(slh_i31_signed(slh_i31(I31_MAX + 1)), I31_MIN);
  assert_int_equal(slh_i31_unsigned(slh_i31(-1)), INT32_MAX);
}

static void i31_bits_are_those_of_compiled_code(void **state)
{
  assert_int_equal(slh_i31(0).bits, 1);
  assert_int_equal(slh_i31(1).bits, 3);
  assert_int_equal(slh_i31(-1).bits, UINT32_MAX);
  assert_int_equal(slh_i31(I31_MIN).bits, UINT32_C(0x80000001));
}

static void random_i31s_survive(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(100000); i > 0; i--) {
    int32_t value = (int32_t)helper_random(&random);
    slh_ref ref = slh_i31(value);

    assert_true(slh_is_i31(ref));
    assert_int_equal(slh_i31_unsigned(ref), (uint32_t)value & INT32_MAX);
    assert_true(slh_ref_equal(slh_i31(slh_i31_signed(ref)), ref));
  }
}

static void objects_are_aligned_and_not_null(void **state)
{
  const slh_ref object = {SLH_WIDE_FIRST}, last = {UINT32_C(0xfffffff8)};

  assert_true(slh_is_object(object));
  assert_true(slh_is_object(last));
  assert_false(slh_is_i31(last));
  for (uint32_t low = 1; low < 8; low++) {
    slh_ref crooked = {SLH_WIDE_FIRST + low};

    assert_false(slh_is_object(crooked));
    assert_int_equal(slh_is_i31(crooked), low & 1);
  }
}

static void equality_is_of_bits(void **state)
{
  assert_true(slh_ref_equal(SLH_NULL, SLH_NULL));
  assert_true(slh_ref_equal(slh_i31(7), slh_i31(7)));
  assert_false(slh_ref_equal(slh_i31(7), slh_i31(8)));
  assert_false(slh_ref_equal(slh_i31(0), SLH_NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(null_is_neither_i31_nor_object),
      cmocka_unit_test(i31_keeps_signed_integers_of_31_bits),
      cmocka_unit_test(i31_drops_the_top_bit),
      cmocka_unit_test(i31_bits_are_those_of_compiled_code),
      cmocka_unit_test(random_i31s_survive),
      cmocka_unit_test(objects_are_aligned_and_not_null),
      cmocka_unit_test(equality_is_of_bits),
  };

  return helper_run(tests, NULL, NULL);
}
