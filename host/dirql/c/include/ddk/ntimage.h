/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names that wdm.h has. */

#ifndef DIRQL_DDK_NTIMAGE_H
#define DIRQL_DDK_NTIMAGE_H

#include <wdm.h>

#endif
