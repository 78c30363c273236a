/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cancel-safe queues, which wdm.h has. */

#ifndef DIRQL_DDK_CSQ_H
#define DIRQL_DDK_CSQ_H

#include <wdm.h>

#endif
