# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The requests that wait for an adapter's channel or map registers: first come, first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dirql.hal.dma.map_registers import MapRegisters
from dirql.ke.guard import current_driver

__all__ = ["AllocationQueue", "AllocationRequest"]

Granted = Callable[[MapRegisters], None]


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """A request for map registers, and perhaps for the channel."""

    device: object
    count: int
    granted: Granted
    channel: bool
    driver: object
    """The driver that has made it; None for the kernel."""
    routine: object
    """The routine of the driver that will be called."""

    def __repr__(self) -> str:
        what = "the channel and " if self.channel else ""
        return f"<request for {what}{self.count} map registers for {self.device!r}>"


class AllocationQueue:
    """Requests in the order in which they came.

    The first request waits until everything that it needs is free. The others wait behind it, even if the things that
    they need are free.
    """

    __slots__ = ("_channel_device", "_serving", "_take", "_waiting")

    def __init__(self, take: Callable[[int], MapRegisters | None]) -> None:
        """`take(count)` gives `count` map registers, or None while fewer are free."""
        self._take = take
        self._waiting: deque[AllocationRequest] = deque()
        self._channel_device: object = None
        self._serving = False

    def __len__(self) -> int:
        return len(self._waiting)

    def wants_channel(self, device: object) -> bool:
        """Whether a device holds the channel or waits for it."""
        return self._channel_device is device or any(
            request.device is device and request.channel for request in self._waiting
        )

    def waiting(self) -> list[AllocationRequest]:
        """The requests that wait, the oldest first."""
        return list(self._waiting)

    def request(
        self, device: object, count: int, granted: Granted, routine: object, *, channel: bool = False
    ) -> None:
        """Call `granted(registers)` when the registers, and with `channel` the channel too, are free for it.

        `routine` is the driver's, which `granted` calls.
        """
        self._waiting.append(AllocationRequest(device, count, granted, channel, current_driver(), routine))
        self.serve()

    def release_channel(self) -> None:
        """Free the channel; `serve` gives it to the next request."""
        self._channel_device = None

    def serve(self) -> None:
        """Grant as many requests as possible. A call from inside `granted` returns at once; the outer call goes on."""
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
