/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Integers of exact widths. */

#ifndef DIRQL_CRT_INTTYPES_H
#define DIRQL_CRT_INTTYPES_H

#include <stdint.h>

#endif
