/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fences and prefetches; drivers have no floating point. */

#ifndef DIRQL_CRT_EMMINTRIN_H
#define DIRQL_CRT_EMMINTRIN_H

#include <intrin.h>

#endif
