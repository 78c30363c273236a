/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Control codes and structures of mice. */

#ifndef DIRQL_DDK_NTDDMOU_H
#define DIRQL_DDK_NTDDMOU_H

#include <wdm.h>

#define IOCTL_MOUSE_QUERY_ATTRIBUTES CTL_CODE(FILE_DEVICE_MOUSE, 0, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define MOUSE_MOVE_RELATIVE 0
#define MOUSE_MOVE_ABSOLUTE 1
#define MOUSE_LEFT_BUTTON_DOWN 0x1
#define MOUSE_LEFT_BUTTON_UP 0x2
#define MOUSE_RIGHT_BUTTON_DOWN 0x4
#define MOUSE_RIGHT_BUTTON_UP 0x8
#define MOUSE_MIDDLE_BUTTON_DOWN 0x10
#define MOUSE_MIDDLE_BUTTON_UP 0x20
#define MOUSE_WHEEL 0x400

typedef struct _MOUSE_INPUT_DATA {
    USHORT UnitId;
    USHORT Flags;
    union {
        ULONG Buttons;
        struct {
            USHORT ButtonFlags;
            USHORT ButtonData;
        };
    };
    ULONG RawButtons;
    LONG LastX;
    LONG LastY;
    ULONG ExtraInformation;
} MOUSE_INPUT_DATA, *PMOUSE_INPUT_DATA;

typedef struct _MOUSE_ATTRIBUTES {
    USHORT MouseIdentifier;
    USHORT NumberOfButtons;
    USHORT SampleRate;
    ULONG InputDataQueueLength;
} MOUSE_ATTRIBUTES, *PMOUSE_ATTRIBUTES;

DEFINE_GUID(GUID_DEVINTERFACE_MOUSE, 0x378DE44C, 0x56EF, 0x11D1, 0xBC, 0x8C, 0x00, 0xA0, 0xC9, 0x14, 0x05, 0xDD);
#define GUID_CLASS_MOUSE GUID_DEVINTERFACE_MOUSE

#endif
