# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board is asked for its identity: over a pipe to a model of the device's side of the link."""

from __future__ import annotations

from dirql.boards.asking import Identity, ask
from dirql.hardware.identity import machine_number
from dirql.link.pipe import Pipe, PipeLost
from fakes.fake_device import BUILD, FakeDevice
from fakes.scripted_target import ScriptedTarget


class DevicePipe(Pipe):
    """A pipe to a device; the first `lost` bytes of the device do not come."""

    def __init__(self, device: FakeDevice, lost: int = 0) -> None:
        super().__init__("made")
        self._device = device
        self._lost = lost
        self._coming = b""

    def read(self) -> bytes:
        octets, self._coming = self._coming, b""
        kept, self._lost = octets[self._lost :], max(0, self._lost - len(octets))
        return kept

    def write(self, octets: bytes) -> None:
        self._coming += self._device.receive(octets)

    def close(self) -> None:
        pass


class DeadPipe(DevicePipe):
    """A pipe whose board was unplugged."""

    def read(self) -> bytes:
        raise PipeLost("unplugged")


def device() -> FakeDevice:
    return FakeDevice(ScriptedTarget())


def test_a_board_tells_its_machine_its_build_and_its_clock() -> None:
    script = ScriptedTarget()
    answer = ask(DevicePipe(FakeDevice(script)))
    assert answer == Identity(machine_number(script.description).hex(), BUILD.hex(), script.frequency)


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    answer = ask(DevicePipe(device(), lost=10))
    assert answer is not None
    assert answer.build == BUILD.hex()


def test_a_board_that_was_unplugged_has_no_identity() -> None:
    assert ask(DeadPipe(device())) is None
