/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors of USB 1.0, under the name of an older kit. */

#ifndef DIRQL_DDK_USB100_H
#define DIRQL_DDK_USB100_H

#include <usbspec.h>

#endif
