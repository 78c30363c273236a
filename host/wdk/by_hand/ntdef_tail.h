/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

#define RTL_CONSTANT_STRING(text) {sizeof(text) - sizeof((text)[0]), sizeof(text), (text)}
#define DECLARE_CONST_UNICODE_STRING(variable, text)                                                                 \
    const WCHAR variable##_buffer[] = text;                                                                          \
    const UNICODE_STRING variable = {sizeof(text) - sizeof(WCHAR), sizeof(text), (PWCH)variable##_buffer}

#define InitializeObjectAttributes(attributes, name, flags, root, security)                                          \
    do {                                                                                                             \
        (attributes)->Length = sizeof(OBJECT_ATTRIBUTES);                                                            \
        (attributes)->RootDirectory = (root);                                                                        \
        (attributes)->ObjectName = (name);                                                                           \
        (attributes)->Attributes = (flags);                                                                          \
        (attributes)->SecurityDescriptor = (security);                                                               \
        (attributes)->SecurityQualityOfService = NULL;                                                               \
    } while (0)

/* Declares a GUID. initguid.h makes it define the GUID. */
#define DEFINE_GUID(name, first, second, third, ...) extern const GUID name
