/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* After this header DEFINE_GUID defines the GUIDs that it otherwise declares. */

#ifndef INITGUID
#define INITGUID
#endif
#undef DEFINE_GUID
#define DEFINE_GUID(name, first, second, third, ...)                                                                 \
    const GUID name __attribute__((weak)) = {first, second, third, {__VA_ARGS__}}
