/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Signatures: what structures that a host holds by pointer begin with, but for pools, which
 * the registry knows. A signature is
 * set last on creation and spoiled first on destruction, so that calls that are not
 * hot tell a wild pointer, one to something else, and one to what was freed before from
 * what they are for. For the last it is no proof: the memory can have another user by then.
 */
#ifndef SLOTHEAP_POOL_SIGNATURE_H
#define SLOTHEAP_POOL_SIGNATURE_H

#include <slotheap/base.h>

enum signature {
  SLHI_SIGNATURE_RUNTIME = 0x72756e74,
  SLHI_SIGNATURE_ROOTS = 0x726f6f74,
  SLHI_SIGNATURE_IMAGE = 0x696d6167
};

static inline void slhi_sign(uint32_t *signature, enum signature of)
{
  *signature = of;
}

static inline void slhi_spoil_signature(uint32_t *signature)
{
  *signature = ~*signature;
}

/* Stops, naming `call`, because of the signature that was found. */
_Noreturn void slhi_signature_misuse(uint32_t found, enum signature expected, const char *call);

/* Stops unless the signature is the expected one. */
static inline void slhi_check_signature(uint32_t found, enum signature expected, const char *call)
{
  if (SLH_UNLIKELY(found != (uint32_t)expected))
    slhi_signature_misuse(found, expected, call);
}

#endif
