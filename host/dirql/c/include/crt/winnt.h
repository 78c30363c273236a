/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Types that ntdef.h has. */

#ifndef DIRQL_CRT_WINNT_H
#define DIRQL_CRT_WINNT_H

#include <ntdef.h>

#endif
