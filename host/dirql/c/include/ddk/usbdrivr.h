/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * All of USB that a driver needs, under the name of an older kit. */

#ifndef DIRQL_DDK_USBDRIVR_H
#define DIRQL_DDK_USBDRIVR_H

#include <usbdlib.h>

#endif
