# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Who waits for an adapter's channel or map registers: first come, first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dirql.hal.dma.map_registers import MapRegisters

__all__ = ["AllocationQueue"]

Granted = Callable[[MapRegisters], None]


@dataclass(frozen=True, slots=True)
class _Request:
    device: object
    count: int
    granted: Granted
    channel: bool


class AllocationQueue:
    """Requests in the order in which they came.

    The first one waits until all that it needs is free, and so do those behind it, whatever they need.
    """

    __slots__ = ("_channel_device", "_serving", "_take", "_waiting")

    def __init__(self, take: Callable[[int], MapRegisters | None]) -> None:
        """`take` gives so many registers, or None while they are in use."""
        self._take = take
        self._waiting: deque[_Request] = deque()
        self._channel_device: object = None
        self._serving = False

    def __len__(self) -> int:
        return len(self._waiting)

    def wants_channel(self, device: object) -> bool:
        """Whether a device has the channel or waits for it."""
        return self._channel_device is device or any(
            request.device is device and request.channel for request in self._waiting
        )

    def request(self, device: object, count: int, granted: Granted, *, channel: bool = False) -> None:
        """Call `granted` with registers, and with the channel if asked for, as soon as it is the request's turn."""
        self._waiting.append(_Request(device, count, granted, channel))
        self.serve()

    def release_channel(self) -> None:
        """The channel is free; whoever waits for it is called by `serve`."""
        self._channel_device = None

    def serve(self) -> None:
        """Grant what can be granted. A call from inside `granted` leaves that to the call that is under way."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._waiting:
                request = self._waiting[0]
                if request.channel and self._channel_device is not None:
                    return
                registers = self._take(request.count)
                if registers is None:
                    return
                self._waiting.popleft()
                if request.channel:
                    self._channel_device = request.device
                request.granted(registers)
        finally:
            self._serving = False
