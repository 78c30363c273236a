/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys of device properties. */

#ifndef DIRQL_DDK_DEVPROPDEF_H
#define DIRQL_DDK_DEVPROPDEF_H

#include <ntddk.h>

#undef DEFINE_DEVPROPKEY
#ifdef INITGUID
#define DEFINE_DEVPROPKEY(name, ...) DIRQL_DEVPROPKEY(name, __VA_ARGS__)
#define DIRQL_DEVPROPKEY(name, a, b, c, d, e, f, g, h, i, j, k, pid)                                                 \
    const DEVPROPKEY DECLSPEC_SELECTANY name = {{a, b, c, {d, e, f, g, h, i, j, k}}, pid}
#else
#define DEFINE_DEVPROPKEY(name, ...) extern const DEVPROPKEY name
#endif
#define DEVPROP_TYPE_EMPTY 0
#define DEVPROP_TYPE_NULL 1
#define DEVPROP_TYPE_BYTE 3
#define DEVPROP_TYPE_UINT32 7
#define DEVPROP_TYPE_UINT64 9
#define DEVPROP_TYPE_GUID 13
#define DEVPROP_TYPE_BOOLEAN 17
#define DEVPROP_TYPE_STRING 18
#define DEVPROP_TYPEMOD_ARRAY 0x1000
#define DEVPROP_TYPEMOD_LIST 0x2000
#define DEVPROP_TYPE_STRING_LIST (DEVPROP_TYPE_STRING | DEVPROP_TYPEMOD_LIST)
#define DEVPROP_TYPE_BINARY (DEVPROP_TYPE_BYTE | DEVPROP_TYPEMOD_ARRAY)

#endif
