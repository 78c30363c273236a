/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The interface of USB to drivers, with the names of older kits. */

#ifndef DIRQL_DDK_USBDI_H
#define DIRQL_DDK_USBDI_H

#include <usb.h>
#include <usbioctl.h>

#define USBD_STATUS_CANCELLING ((USBD_STATUS)0x00020000)
#define USBD_STATUS_CANCELING ((USBD_STATUS)0x00020000)
#define USBD_STATUS_NO_MEMORY ((USBD_STATUS)0x80000100)
#define USBD_STATUS_ERROR ((USBD_STATUS)(1u << 31))
#define USBD_STATUS_REQUEST_FAILED ((USBD_STATUS)0x80000500)
#define USBD_STATUS_HALTED ((USBD_STATUS)(3u << 30))
#define USBD_HALTED(Status) ((ULONG) (Status) >> 30 == 3)
#define USBD_STATUS(Status) ((ULONG) (Status) & 0x0fffffff)
#define URB_FUNCTION_RESERVED0 0x0016
#define URB_FUNCTION_RESERVED 0x001d
#define URB_FUNCTION_LAST 0x0029
#define USBD_PF_DOUBLE_BUFFER 0x00000002
#define USBD_TRANSFER_DIRECTION_BIT 0
#define USBD_SHORT_TRANSFER_OK_BIT 1
#define USBD_START_ISO_TRANSFER_ASAP_BIT 2

#endif
