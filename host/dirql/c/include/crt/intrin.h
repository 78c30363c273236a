/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The intrinsic functions of Microsoft's compiler, which wdm.h has. */

#ifndef DIRQL_CRT_INTRIN_H
#define DIRQL_CRT_INTRIN_H

#include <wdm.h>

#endif
