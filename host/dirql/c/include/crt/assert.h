/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Assertions, as those of the kernel. */

#ifndef DIRQL_CRT_ASSERT_H
#define DIRQL_CRT_ASSERT_H

#define assert(expression) ASSERT(expression)

#endif
