/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names of other headers' age, which ntdef.h has. */

#ifndef DIRQL_CRT_KERNELSPECS_H
#define DIRQL_CRT_KERNELSPECS_H

#include <ntdef.h>

#endif
