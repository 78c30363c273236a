/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Types of the C library. */

#ifndef DIRQL_CRT_CRTDEFS_H
#define DIRQL_CRT_CRTDEFS_H

#include <stddef.h>

#endif
