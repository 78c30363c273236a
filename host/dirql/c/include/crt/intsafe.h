/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic that finds overflows. */

#ifndef DIRQL_CRT_INTSAFE_H
#define DIRQL_CRT_INTSAFE_H

#include <ntintsafe.h>

#endif
