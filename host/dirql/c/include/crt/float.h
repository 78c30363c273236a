/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The limits of a double; the kernel has no floating point of its own. */

#ifndef DIRQL_CRT_FLOAT_H
#define DIRQL_CRT_FLOAT_H

#define FLT_EPSILON __FLT_EPSILON__
#define FLT_MAX __FLT_MAX__
#define DBL_EPSILON __DBL_EPSILON__
#define DBL_MAX __DBL_MAX__

#endif
