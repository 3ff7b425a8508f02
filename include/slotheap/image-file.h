/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Images in files, and whatever else has a descriptor. doc/image-format.md has the file,
 * byte by byte.
 */
#ifndef SLOTHEAP_IMAGE_FILE_H
#define SLOTHEAP_IMAGE_FILE_H

#include <slotheap/base.h>
#include <slotheap/image.h>

SLH_BEGIN_DECLS

/*
 * Writes an image to a file descriptor, from where it stands; pipes and sockets
 * will do. Types and functions are written by what they are, not by where
 * this process has them. Errors: SLH_E_SYSTEM (with errno; a part may have been
 * written), SLH_E_UNSUPPORTED (functions, and no `encode`), SLH_E_NOMEM, and what
 * `encode` returns. Signals that a descriptor can raise (SIGPIPE, SIGXFSZ) are the
 * host's to ignore; descriptors that do not block are refused half way with EAGAIN. Any
 * thread.
 */
SLH_API SLH_NODISCARD slh_status slh_image_write(const slh_image *image, int fd, slh_error *error);

/*
 * Writes an image to a file: under a temporary name in the same directory, which
 * is synchronised and then renamed. Whenever the process is killed, `path` is
 * the old file or the new one; what can be left is a file named
 * `path`.XXXXXX.tmp. Its owner alone can read it. A symbolic link is replaced, what is no regular
 * file refused. Errors: as above.
 */
SLH_API SLH_NODISCARD slh_status slh_image_save(const slh_image *image, const char *path,
                                                slh_error *error);

/*
 * Reads an image from a file descriptor: just its bytes, so that several can
 * follow one another. All of it is copied first, then checked: whatever the file
 * holds, and whoever changes it meanwhile, an image that this gives cannot
 * harm. Types are matched by their names and contents, equal ones in the order of
 * their indices. `options` may be NULL.
 * Errors: SLH_E_INVALID (an option), SLH_E_CORRUPT (truncated, damaged, or not
 * an image: `error` says which), SLH_E_UNSUPPORTED (of a newer version or the
 * other byte order; host data, and no `decode`), SLH_E_TYPE (a type that the
 * runtime lacks: `error` names it), SLH_E_TOO_LARGE, SLH_E_NOMEM, SLH_E_SYSTEM,
 * and what `decode` returns. Any thread.
 */
SLH_API SLH_NODISCARD slh_status slh_image_read(slh_runtime *runtime, int fd,
                                                const slh_image_options *options, slh_image **out,
                                                slh_error *error);

/* The same from the file with that name. Bytes behind the image are an error. */
SLH_API SLH_NODISCARD slh_status slh_image_load(slh_runtime *runtime, const char *path,
                                                const slh_image_options *options, slh_image **out,
                                                slh_error *error);

SLH_END_DECLS

#endif
