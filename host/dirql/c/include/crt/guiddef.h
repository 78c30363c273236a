/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * GUIDs, which ntdef.h has. */

#ifndef DIRQL_CRT_GUIDDEF_H
#define DIRQL_CRT_GUIDDEF_H

#include <ntdef.h>

#endif
