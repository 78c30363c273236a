/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines for memory, which string.h has. */

#ifndef DIRQL_CRT_MEMORY_H
#define DIRQL_CRT_MEMORY_H

#include <string.h>

#endif
