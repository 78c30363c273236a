/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Identifiers of WMI. */

#ifndef DIRQL_DDK_WMIGUID_H
#define DIRQL_DDK_WMIGUID_H

#include <wdm.h>

DEFINE_GUID(DiskPerfGuid, 0xbdd865d1, 0xd7c1, 0x11d0, 0xa5, 0x01, 0x00, 0xa0, 0xc9, 0x06, 0x29, 0x10);

#endif
