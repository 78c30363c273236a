/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists of arguments. */

#ifndef DIRQL_CRT_VADEFS_H
#define DIRQL_CRT_VADEFS_H

#include <stdarg.h>

#endif
