/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The version of Windows that the sources are built for. */

#ifndef DIRQL_DDK_NTVERP_H
#define DIRQL_DDK_NTVERP_H

#define VER_PRODUCTMAJORVERSION 10
#define VER_PRODUCTMINORVERSION 0
#define VER_PRODUCTBUILD 19041
#define VER_PRODUCTBUILD_QFE 1
#define VER_COMPANYNAME_STR "Microsoft Corporation"

#endif
