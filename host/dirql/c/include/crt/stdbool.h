/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Truth values of C. */

#ifndef DIRQL_CRT_STDBOOL_H
#define DIRQL_CRT_STDBOOL_H

#define bool _Bool
#define true 1
#define false 0

#endif
