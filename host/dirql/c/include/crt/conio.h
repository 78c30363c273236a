/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ports, as intrinsic functions. */

#ifndef DIRQL_CRT_CONIO_H
#define DIRQL_CRT_CONIO_H

#include <intrin.h>

#endif
