/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Routines for registers and ports, which wdm.h has. */

#ifndef DIRQL_DDK_IOACCESS_H
#define DIRQL_DDK_IOACCESS_H

#include <wdm.h>

#endif
