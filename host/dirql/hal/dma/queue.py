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
Take = Callable[[int], MapRegisters | None]
"""Gives that many map registers of an adapter, or None while fewer are free."""


@dataclass(slots=True, eq=False)
class AllocationRequest:
    """A request for map registers, and perhaps for the channel.

    It is never changed. Frozen it would take 0.8 µs more to make ("scatter gather 64 kib" of bench/hal_paths.py).
    """

    device: object
    count: int
    granted: Granted
    channel: bool
    driver: object
    """The driver that has made it; None for the kernel."""
    owner: object
    """The adapter that it was made to."""
    take: Take
    routine: object
    """The routine of the driver that will be called."""

    def __repr__(self) -> str:
        what = "the channel and " if self.channel else ""
        return f"<request for {what}{self.count} map registers for {self.device!r}>"


class AllocationQueue:
    """Requests in the order in which they came, of one adapter, or of all adapters of a system DMA channel.

    The first request waits until everything that it needs is free. The others wait behind it, even if the things that
    they need are free.
    """

    __slots__ = ("_channel_device", "_serving", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[AllocationRequest] = deque()
        self._channel_device: object = None
        self._serving = False

    def wants_channel(self, device: object) -> bool:
        """Whether a device holds the channel or waits for it."""
        return self._channel_device is device or any(
            request.device is device and request.channel for request in self._waiting
        )

    def waiting(self, owner: object) -> list[AllocationRequest]:
        """The requests of an adapter that wait, the oldest first."""
        return [request for request in self._waiting if request.owner is owner]

    def request(
        self,
        device: object,
        count: int,
        granted: Granted,
        routine: object,
        owner: object,
        take: Take,
        *,
        channel: bool = False,
    ) -> None:
        """Call `granted(registers)` when the registers, and with `channel` the channel too, are free for it.

        `routine` is the driver's, which `granted` calls. `owner` is the adapter, of which `take` takes the registers.
        """
        request = AllocationRequest(device, count, granted, channel, current_driver(), owner, take, routine)
        self._waiting.append(request)
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
                registers = request.take(request.count)
                if registers is None:
                    return
                self._waiting.popleft()
                if request.channel:
                    self._channel_device = request.device
                request.granted(registers)
        finally:
            self._serving = False
