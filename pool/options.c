/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/options.h"

#include <string.h>

#include "pool/error.h"

/* No version will have more; what is larger is no size, but not initialised. */
#define SIZE_MOST 4096

static bool is_zero(const char *bytes, size_t count)
{
  while (count > 0 && bytes[count - 1] == 0)
    count--;
  return count == 0;
}

slh_status slhi_read_options(const char *name, const void *given, void *out, size_t size,
                             slh_error *error)
{
  size_t known = size;

  memset(out, 0, size);
  if (given)
    memcpy(&known, given, sizeof known);
  if (known < sizeof known || known % sizeof known != 0 || known > SIZE_MOST)
    return slhi_error(error, SLH_E_INVALID,
                      "%s.struct_size is %zu, this version knows %zu: begin with the initialiser",
                      name, known, size);
  if (given && known > size && !is_zero((const char *)given + size, known - size))
    return slhi_error(
        error, SLH_E_INVALID,
        "%s has %zu bytes, this version knows %zu, and one of the options beyond is set", name,
        known, size);
  if (given)
    memcpy(out, given, known < size ? known : size);
  memcpy(out, &size, sizeof size);
  return SLH_OK;
}

void slhi_write_figures(void *out, size_t known, const void *figures, size_t size)
{
  memcpy(out, figures, known < size ? known : size);
  if (known > size)
    memset((char *)out + size, 0, known - size);
}
