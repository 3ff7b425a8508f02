/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Drawing the progress bar. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define WIDTH 40

void progress_show(const char *what, double done)
{
  static const char full[WIDTH + 1] = "########################################";
  int filled = done < 0 ? 0 : done > 1 ? WIDTH : (int)(done * WIDTH);

  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r%-30.30s [%-*.*s] %3d%%", what, WIDTH, filled, full, filled * 100 / WIDTH);
}

void progress_clear(void)
{
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r%*s\r", 30 + WIDTH + 9, "");
}
