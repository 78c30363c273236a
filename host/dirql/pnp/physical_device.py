# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Physical device objects as arguments of drivers."""

from __future__ import annotations

from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import bug_check
from dirql.nt.bugcodes import PNP_DETECTED_FATAL_ERROR, PNP_FATAL_NOT_A_PDO
from dirql.pnp.node import DeviceNode, node_of

__all__ = ["require_node"]


def require_node(routine: str, device: DeviceObject) -> DeviceNode:
    """The node of a physical device object.

    Bug check 0xCA/2 for another device object, and for one that its bus driver has not reported yet.
    """
    node = node_of(device)
    if node is None:
        reason = (
            f"{routine} must be called with a physical device object that the Plug and Play manager knows; {device!r}"
            " was none: pass the device object that AddDevice has received, and not the driver's own"
        )
        bug_check(PNP_DETECTED_FATAL_ERROR, PNP_FATAL_NOT_A_PDO, device, 0, 0, reason=reason)
    return node
