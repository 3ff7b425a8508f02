/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/signature.h"

#include "pool/error.h"

static const char *name_of(enum signature signature)
{
  switch (signature) {
  case SLHI_SIGNATURE_RUNTIME:
    return "runtime";
  case SLHI_SIGNATURE_ROOTS:
    return "list of roots";
  case SLHI_SIGNATURE_IMAGE:
    return "image";
  }
  return "structure";
}

void slhi_signature_misuse(uint32_t found, enum signature expected, const char *call)
{
  const char *name = name_of(expected);

  if (found == ~(uint32_t)expected)
    slhi_misuse(call, "the %s was freed before", name);
  slhi_misuse(call, "what it was given is no %s, or was freed before", name);
}
