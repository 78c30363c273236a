/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names that wdm.h has. */

#ifndef DIRQL_DDK_NTIOLOGC_H
#define DIRQL_DDK_NTIOLOGC_H

#include <wdm.h>

#endif
