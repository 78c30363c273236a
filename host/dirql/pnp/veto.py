# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The answer to the question whether a device may be removed or stopped, when it is no."""

from __future__ import annotations

from typing import NamedTuple

from dirql.nt.status import STATUS_UNSUCCESSFUL
from dirql.pnp.node import DeviceNode

__all__ = ["Veto"]


class Veto(NamedTuple):
    """Why a device is not removed or stopped."""

    node: DeviceNode
    """The device that cannot go."""
    reason: str
    status: int = STATUS_UNSUCCESSFUL
