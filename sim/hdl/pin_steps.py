# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Steps that the tests with a master or a target that is driven pin by pin share."""

from __future__ import annotations

from bus_host import REGISTERS, BusHost
from bus_pins import PinMaster
from cocotb.handle import SimHandleBase

from dirql.registers import store

__all__ = ["OK", "READ", "READ_LINE", "WRITE", "begin", "descriptor", "finish", "put", "start"]

READ, WRITE, READ_LINE = 0x6, 0x7, 0xE
OK = 0


async def begin(dut: SimHandleBase, command: int = 7) -> tuple[BusHost, PinMaster]:
    host = BusHost(dut)
    await host.start()
    await host.enumerate(command)
    return host, PinMaster(host)


def put(host: BusHost, address: int, word: int) -> None:
    host.memory[address : address + 4] = word.to_bytes(4, "little")


async def start(host: BusHost, operation: int, address: int, length: int, *, place: int = 0) -> None:
    """Begin a transfer of `length` bytes between the buffer and `address`, with one descriptor."""
    descriptor(host, address, length)
    await host.write(REGISTERS + store.DESCRIPTOR_BASE.offset, 0x1000)
    await host.write(REGISTERS + store.BUFFER_ADDRESS.offset, place)
    await host.write(REGISTERS + store.LENGTH.offset, length)
    await host.write(REGISTERS + store.COMMAND.offset, operation)


def descriptor(host: BusHost, address: int, length: int, place: int = 0x1000) -> None:
    words = (address, 0, length, 1)
    host.memory[place : place + 16] = b"".join(word.to_bytes(4, "little") for word in words)


async def finish(host: BusHost, limit: int = 20_000) -> int:
    """Wait for the end of the command; returns ERROR."""
    begun = host.clock
    while await host.read(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY:
        assert host.clock - begun < limit, "the command did not end"
        await host.tick(20)
    await host.tick(20)
    return await host.read(REGISTERS + store.ERROR.offset)
