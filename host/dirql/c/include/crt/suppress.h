/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Annotations. */

#ifndef DIRQL_CRT_SUPPRESS_H
#define DIRQL_CRT_SUPPRESS_H

#include <sal.h>

#endif
