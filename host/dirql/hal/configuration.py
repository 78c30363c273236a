# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Configuration space by slot, in bytes.

Only the requested bytes are enabled on the bus. A write of the Command register must not write the Status register
above it too, because a one that is written there clears a bit.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dirql.hal.hal import running
from dirql.hal.lanes import ALL_ONES, lanes
from dirql.ke.processors.contract import contract
from dirql.nt.constants import PCIConfiguration
from dirql.target.contract import BusError, MasterAbort

__all__ = [
    "Slot",
    "get_bus_data_by_offset",
    "read_configuration",
    "set_bus_data_by_offset",
    "write_configuration",
]

_GET_BUS_DATA_BY_OFFSET: Final = contract("HalGetBusDataByOffset")
_SET_BUS_DATA_BY_OFFSET: Final = contract("HalSetBusDataByOffset")

_SPACE_BYTES: Final = 256
_DEVICES: Final = 32
_FUNCTIONS: Final = 8
_BUSES: Final = 256

# A configuration address is, from the top, bus, device, function, offset; each field counts in units of the one below.
_FUNCTION: Final = _SPACE_BYTES
_DEVICE: Final = _FUNCTION * _FUNCTIONS
_BUS: Final = _DEVICE * _DEVICES


class Slot(NamedTuple):
    """The place of a function on its bus; `number` is the WDK's PCI_SLOT_NUMBER."""

    device: int
    function: int = 0

    @property
    def number(self) -> int:
        """Device number in the low five bits, function number in the next three."""
        return self.device + self.function * _DEVICES

    @classmethod
    def of(cls, number: int) -> Slot:
        """The slot with a number."""
        return cls(number % _DEVICES, number // _DEVICES)


def read_configuration(bus: int, slot: Slot, offset: int, length: int) -> bytes:
    """Bytes of a function's configuration space; all ones, and no report, where no function is."""
    hal = running.value
    data = b""
    for place, size in lanes(_address(bus, slot, offset, length), length):
        try:
            value = hal.target.read_configuration(place.address, place.byte_enables)
        except MasterAbort:
            value = ALL_ONES[4]
        except BusError as error:
            hal.report_bus_error(error)
            value = ALL_ONES[4]
        data += (value >> place.shift).to_bytes(8, "little")[:size]
    return data


def write_configuration(bus: int, slot: Slot, offset: int, data: bytes) -> None:
    """Change exactly these bytes of a function's configuration space."""
    hal = running.value
    position = 0
    for place, size in lanes(_address(bus, slot, offset, len(data)), len(data)):
        value = int.from_bytes(data[position : position + size], "little")
        try:
            hal.target.write_configuration(place.address, value << place.shift, place.byte_enables)
        except BusError as error:
            hal.report_bus_error(error)
        position += size


def get_bus_data_by_offset(
    bus_data_type: int, bus_number: int, slot_number: int, offset: int, length: int
) -> bytes:
    """Bytes of configuration space; follows HalGetBusDataByOffset.

    The result is empty for another type than PCIConfiguration, and all ones where no function is.
    """
    _GET_BUS_DATA_BY_OFFSET.check_level(bus_data_type)
    _GET_BUS_DATA_BY_OFFSET.check_arguments(bus_data_type, bus_number, slot_number, offset, length)
    if bus_data_type != PCIConfiguration:
        return b""
    return read_configuration(bus_number, Slot.of(slot_number), offset, length)


def set_bus_data_by_offset(
    bus_data_type: int, bus_number: int, slot_number: int, buffer: bytes, offset: int, length: int
) -> int:
    """Write the first `length` bytes of a buffer; returns their number. Follows HalSetBusDataByOffset."""
    _SET_BUS_DATA_BY_OFFSET.check_level(bus_data_type)
    _SET_BUS_DATA_BY_OFFSET.check_arguments(bus_data_type, bus_number, slot_number, buffer, offset, length)
    if bus_data_type != PCIConfiguration:
        return 0
    write_configuration(bus_number, Slot.of(slot_number), offset, buffer[:length])
    return len(buffer[:length])


def _address(bus: int, slot: Slot, offset: int, length: int) -> int:
    if not (0 <= bus < _BUSES and 0 <= slot.device < _DEVICES and 0 <= slot.function < _FUNCTIONS):
        raise ValueError(
            "HalGetBusDataByOffset, HalSetBusDataByOffset: a function must be on bus 0 to 255, device 0 to 31, function"
            f" 0 to 7; it was {bus}, {slot}"
        )
    if not 0 <= offset <= offset + length <= _SPACE_BYTES:
        raise ValueError(
            "HalGetBusDataByOffset, HalSetBusDataByOffset: Offset and Length must lie in configuration space, from byte"
            f" 0 to {_SPACE_BYTES - 1}; it was {length} bytes at {offset:#x}"
        )
    return bus * _BUS + slot.device * _DEVICE + slot.function * _FUNCTION + offset
