/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The errors that routines of Microsoft's C library return. */

#ifndef DIRQL_CRT_ERRNO_H
#define DIRQL_CRT_ERRNO_H

#define EPERM 1
#define ENOENT 2
#define EIO 5
#define EBADF 9
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define EILSEQ 42
#define STRUNCATE 80
#define _TRUNCATE ((size_t)-1)
typedef int errno_t;

#endif
