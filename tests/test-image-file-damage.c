/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Image files that were cut, changed, and changed while they were read. */
/* [promise sound-image] */
#include <stdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/image-sound.h"

struct damage {
  struct image_sound sound;
  struct image_bytes bytes;
  size_t text_end, body; /* nothing is between them but zeros */
};

static int setup(void **state)
{
  static struct damage damage;

  image_sound_open(&damage.sound);
  damage.bytes = image_sound_example();
  damage.body = (size_t)image_bytes_u64(&damage.bytes, 32);
  damage.text_end = 96 + 32 * (size_t)image_bytes_u32(&damage.bytes, 60) +
                    16 * (size_t)image_bytes_u32(&damage.bytes, 80) +
                    image_bytes_u32(&damage.bytes, 92);
  for (size_t at = 64; at <= 88; at += 4)
    damage.text_end += at == 76 || at == 80 ? 0 : 8 * (size_t)image_bytes_u32(&damage.bytes, at);
  *state = &damage;
  return 0;
}

static int teardown(void **state)
{
  struct damage *damage = *state;

  image_bytes_free(&damage->bytes);
  image_sound_close(&damage->sound);
  assert_int_equal(guest_data(), 0);
  return 0;
}

static void test_whole(void **state)
{
  struct damage *damage = *state;

  for (unsigned which = 0; which < IMAGE_SOUND_WAYS; which++)
    assert_null(image_sound_read(&damage->sound, &damage->bytes, which));
}

/* Whether to pass over that place this time: of the zeros some will do. */
static bool is_dull(const struct damage *damage, size_t at)
{
  return at >= damage->text_end && at < damage->body && at % 64 >= 4;
}

/* ---- cut ---- */

static slh_status read_pipe(struct damage *damage, size_t size, slh_error *error)
{
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  slh_image *image = NULL;
  slh_status status;
  int ends[2];

  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], damage->bytes.at, size), size);
  close(ends[1]);
  status = slh_image_read(damage->sound.runtimes[0], ends[0], &options, &image, error);
  close(ends[0]);
  return status;
}

static void test_truncated(void **state)
{
  struct damage *damage = *state;
  char message[100];

  for (size_t size = 0; size < damage->bytes.size; size++) {
    struct image_bytes cut = {damage->bytes.at, size};
    slh_error error = {0};

    (void)snprintf(message, sizeof message, "the image file is truncated: %zu bytes of %zu", size,
                   size < 96 ? 96 : damage->bytes.size);
    assert_string_equal(image_sound_read(&damage->sound, &cut, (unsigned)size), message);
    assert_status(image_sound_status(), SLH_E_CORRUPT);
    if (size % 5 != 0)
      continue;
    assert_status(read_pipe(damage, size, &error), SLH_E_CORRUPT);
    assert_string_equal(error.message, message);
  }
}

struct claim {
  slh_runtime *runtime;
  int fd;
};

static void read_claim(void *context)
{
  const struct claim *claim = context;
  struct rlimit limit = {1 << 20, 1 << 20};
  slh_image *image = NULL;
  slh_error error = {0};

  REQUIRE_EQUAL(setrlimit(RLIMIT_AS, &limit), 0);
  REQUIRE_EQUAL(slh_image_read(claim->runtime, claim->fd, NULL, &image, &error), SLH_E_CORRUPT);
  REQUIRE(strstr(error.message, "truncated"));
}

/* Of a file with a name it is known how much there is: memory that its header asks for is
 * not taken first. */
static void test_claim(void **state)
{
  struct damage *damage = *state;
  struct image_bytes copy = image_bytes_copy(&damage->bytes);
  struct claim claim = {.runtime = damage->sound.runtimes[0]};

  image_bytes_put_u64(&copy, 40, UINT32_MAX - 4095);
  image_bytes_put_u64(&copy, 24, damage->body + UINT32_MAX - 4095);
  claim.fd = image_bytes_file(copy.at, copy.size);
  if (!HELPER_SANITIZED)
    assert_int_equal(helper_in_child(read_claim, &claim), 0);
  close(claim.fd);
  image_bytes_free(&copy);
}

/* ---- changed ---- */

/* What the checksum is not of. */
static const char *expected(size_t at)
{
  if (at < 8)
    return "not an image file";
  if (at < 12)
    return "the image file has version ";
  if (at < 16)
    return "the image file is damaged: its version or byte order is none";
  return "the image file is damaged: its checksum is that of other bytes";
}

static void test_each_byte(void **state)
{
  struct damage *damage = *state;
  uint64_t random = helper_seed();

  for (size_t at = 0; at < damage->bytes.size; at++) {
    char was = damage->bytes.at[at];
    const char *message;

    damage->bytes.at[at] ^= (char)(1 + helper_below(&random, 255));
    message = image_sound_read(&damage->sound, &damage->bytes, (unsigned)at);
    assert_non_null(message);
    /* Sizes are looked at first. */
    if ((at >= 12 && at < 24) || at < 8 || at > 96)
      assert_string_equal(message, expected(at));
    else if (at < 24 && !strstr(message, "its version or byte order is none"))
      assert_ptr_equal(strstr(message, expected(at)), message);
    damage->bytes.at[at] = was;
  }
}

/* With a checksum that is right, so that what holds is what else is checked. */
static void test_each_byte_repaired(void **state)
{
  struct damage *damage = *state;
  uint64_t random = helper_seed(), rounds = helper_rounds(4);

  for (uint64_t round = 0; round < rounds; round++) {
    for (size_t at = round; at < damage->bytes.size; at += HELPER_SANITIZED ? 3 : 1) {
      struct image_bytes copy;

      if (is_dull(damage, at))
        continue;
      copy = image_bytes_copy(&damage->bytes);
      copy.at[at] ^= (char)(round ? 1 + helper_below(&random, 255) : UINT64_C(1) << at % 8);
      image_bytes_repair(&copy);
      if (image_sound_read(&damage->sound, &copy, (unsigned)(at + round)) == NULL)
        assert_true(at >= 16);
      image_bytes_free(&copy);
    }
  }
}

/* Each word has each of these values once. */
static void test_each_word_repaired(void **state)
{
  struct damage *damage = *state;
  static const uint32_t values[] = {0, 1, 2, 3, 7, 8, 16, 4096, 0x7fffffff, 0x80000000};
  unsigned which = 0;

  for (size_t at = 8; at + 4 <= damage->bytes.size; at += HELPER_SANITIZED ? 12 : 4) {
    uint32_t was = image_bytes_u32(&damage->bytes, at);
    const uint32_t others[] = {was + 1,  was - 1,    was + 8,   was - 8,
                               was + 64, UINT32_MAX, 0xfffffff8};

    for (size_t i = 0; i < 10 + sizeof others / sizeof *others; i++) {
      struct image_bytes copy;

      if (is_dull(damage, at))
        continue;
      copy = image_bytes_copy(&damage->bytes);
      image_bytes_put_u32(&copy, at, i < 10 ? values[i] : others[i - 10]);
      if (at != 16 && at != 20)
        image_bytes_repair(&copy);
      (void)image_sound_read(&damage->sound, &copy, which++);
      image_bytes_free(&copy);
    }
  }
}

/* Several words at a time take the values of others. */
static void test_mixed(void **state)
{
  struct damage *damage = *state;
  uint64_t random = helper_seed(), rounds = helper_rounds(4000);
  uint64_t sound = damage->sound.sound;

  for (uint64_t i = 0; i < rounds; i++) {
    struct image_bytes copy = image_bytes_copy(&damage->bytes);
    uint64_t words = copy.size / 4 - 6, changes = 1 + helper_below(&random, 4);

    while (changes-- > 0) {
      /* The parts and the body, of which there is less than of what is between. */
      size_t to = 24 + 4 * (size_t)helper_below(&random, helper_one_in(&random, 3) ? words : 400);
      size_t from = 24 + 4 * (size_t)helper_below(&random, words);

      image_bytes_put_u32(&copy, to, image_bytes_u32(&copy, from));
    }
    image_bytes_repair(&copy);
    (void)image_sound_read(&damage->sound, &copy, (unsigned)i);
    image_bytes_free(&copy);
  }
  assert_true(rounds < 100 || damage->sound.sound > sound);
}

/* ---- changed meanwhile ---- */

struct changing {
  int fd;
  const struct image_bytes *bytes;
  char *mapped;
  atomic_bool end;
};

static void *change(void *context)
{
  struct changing *changing = context;
  size_t size = changing->bytes->size;
  uint64_t random = 1;

  while (!atomic_load(&changing->end)) {
    size_t at = (size_t)helper_below(&random, size);
    volatile char *byte = &changing->mapped[at];

    *byte ^= 0x40;
    if (helper_one_in(&random, 64)) {
      /* What is mapped behind the end cannot be touched meanwhile. */
      REQUIRE_EQUAL(ftruncate(changing->fd, (off_t)at), 0);
      REQUIRE_EQUAL(ftruncate(changing->fd, (off_t)size), 0);
      REQUIRE_EQUAL(pwrite(changing->fd, changing->bytes->at, size, 0), size);
    }
    *byte = changing->bytes->at[at];
  }
  return NULL;
}

static void test_changed_meanwhile(void **state)
{
  struct damage *damage = *state;
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  uint64_t rounds = helper_rounds(2000), whole = 0;
  struct changing changing = {.bytes = &damage->bytes};
  pthread_t thread;

  changing.fd = image_bytes_file(damage->bytes.at, damage->bytes.size);
  changing.mapped =
      mmap(NULL, damage->bytes.size, PROT_READ | PROT_WRITE, MAP_SHARED, changing.fd, 0);
  assert_ptr_not_equal(changing.mapped, MAP_FAILED);
  assert_int_equal(pthread_create(&thread, NULL, change, &changing), 0);
  for (uint64_t i = 0; i < rounds; i++) {
    slh_image *image = NULL;
    slh_error error = {0};
    slh_status status;

    assert_int_equal(lseek(changing.fd, 0, SEEK_SET), 0);
    status = slh_image_read(damage->sound.runtimes[0], changing.fd, &options, &image, &error);
    if (status == SLH_OK) {
      struct image_bytes read = image_bytes_of(image);

      assert_int_equal(read.size, damage->bytes.size);
      assert_memory_equal(read.at + 96, damage->bytes.at + 96, read.size - 96);
      image_bytes_free(&read);
      slh_image_free(image);
      whole++;
    } else if (status != SLH_E_UNSUPPORTED) {
      assert_status(status, SLH_E_CORRUPT);
    }
  }
  atomic_store(&changing.end, true);
  assert_int_equal(pthread_join(thread, NULL), 0);
  munmap(changing.mapped, damage->bytes.size);
  close(changing.fd);
  print_message("%u of %u were whole\n", (unsigned)whole, (unsigned)rounds);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_claim),
      cmocka_unit_test(test_each_byte),
      cmocka_unit_test(test_each_byte_repaired),
      cmocka_unit_test(test_each_word_repaired),
      cmocka_unit_test(test_mixed),
      cmocka_unit_test(test_changed_meanwhile),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, setup, teardown);
}
