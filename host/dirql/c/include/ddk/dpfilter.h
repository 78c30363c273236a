/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The components of messages to the debugger. */

#ifndef DIRQL_DDK_DPFILTER_H
#define DIRQL_DDK_DPFILTER_H

#include <wdm.h>

#endif
