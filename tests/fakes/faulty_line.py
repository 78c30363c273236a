# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A line between a session of the host and a model of the device, in a time of its own: late, and with faults."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from dirql.link.faults import Damage, Faults
from dirql.link.session import Session, Taken
from fakes.fake_device import FakeDevice

__all__ = ["FaultyLine"]


class FaultyLine:
    """Carries bytes both ways. `taken` is called with each frame that the host takes."""

    def __init__(
        self,
        session: Session,
        device: FakeDevice,
        faults: Faults,
        taken: Callable[[Taken], None],
        latency: float = 0.001,
        baud: int | None = None,
    ) -> None:
        """With `baud`, bytes take the time that they take on a serial line with ten bits for each."""
        self.now = 0.0
        self.bytes_in = 0
        """The bytes of the device that the line has carried."""
        self._byte_time = 0.0 if baud is None else 10 / baud
        self._free_at = {True: 0.0, False: 0.0}
        self._session = session
        self._device = device
        self._taken = taken
        self._latency = latency
        self._out, self._in = Damage(faults, "out"), Damage(faults, "in")
        self._order = count()
        self._late: list[tuple[float, int, bool, bytes]] = []

    def pump(self) -> None:
        """Put the host's bytes on the line."""
        octets = self._session.take_output()
        if octets:
            self._put(self._out, octets, to_device=True)

    def poll_device(self) -> None:
        """Put what the device has to say by itself on the line."""
        self._put(self._in, self._device.receive(b""), to_device=False)

    def _put(self, damage: Damage, octets: bytes, *, to_device: bool) -> None:
        passed = damage.pass_on(octets)
        if not to_device:
            self.bytes_in += len(octets)
        if passed:
            self._free_at[to_device] = max(self._free_at[to_device], self.now) + len(octets) * self._byte_time
            due = self._free_at[to_device] + self._latency + damage.delay()
            heapq.heappush(self._late, (due, next(self._order), to_device, passed))

    def step(self) -> None:
        """Go on to the next thing that happens: bytes arrive, or the session's time has come."""
        self.pump()
        wake = self._session.next_time()
        if self._late and self._late[0][0] <= wake:
            self.now, _, to_device, octets = heapq.heappop(self._late)
            if to_device:
                self._put(self._in, self._device.receive(octets), to_device=False)
            else:
                for taken in self._session.receive(octets, self.now):
                    self._taken(taken)
        else:
            self.now = max(self.now, wake)
        self._session.tick(self.now)
        self.pump()

    def run_until(self, done: Callable[[], bool], limit: float = 600.0) -> None:
        """Go on until `done`, which must come within `limit` seconds of the line's time."""
        while not done():
            assert self._session.loss is None, self._session.loss
            assert self.now < limit, "the line must come to an end"
            self.step()
