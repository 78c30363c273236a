/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structured exceptions, which every driver has without this header. */

#ifndef DIRQL_CRT_EXCPT_H
#define DIRQL_CRT_EXCPT_H

#include <dirql_seh.h>

#endif
