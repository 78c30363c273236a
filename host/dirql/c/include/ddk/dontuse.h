/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The WDK's list of routines that are not to be used; it forbids none here. */

#ifndef DIRQL_DDK_DONTUSE_H
#define DIRQL_DDK_DONTUSE_H


#endif
