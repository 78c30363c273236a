/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Types of the C library. */

#ifndef DIRQL_CRT_CORECRT_H
#define DIRQL_CRT_CORECRT_H

#include <stddef.h>

#endif
