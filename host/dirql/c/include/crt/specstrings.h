/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Annotations, which ntdef.h has. */

#ifndef DIRQL_CRT_SPECSTRINGS_H
#define DIRQL_CRT_SPECSTRINGS_H

#include <ntdef.h>

#endif
