/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the stack; the kernel has no heap of the C library. */

#ifndef DIRQL_CRT_MALLOC_H
#define DIRQL_CRT_MALLOC_H

#include <stdlib.h>

#endif
