/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Safe strings; the kernel has those of ntstrsafe.h. */

#ifndef DIRQL_CRT_STRSAFE_H
#define DIRQL_CRT_STRSAFE_H

#include <ntstrsafe.h>

#endif
