/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Writes what has run where a child ends at once, in builds with --enable-coverage:
 * these are linked with --wrap=_exit,--wrap=abort. */
#include "tests/helper.h"

#ifdef SLH_COVERAGE
void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __real_abort(void);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap_abort(void);

void __wrap__exit(int status)
{
  __gcov_dump();
  __real__exit(status);
}

void __wrap_abort(void)
{
  __gcov_dump();
  __real_abort();
}
#endif
