# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The translations of NT 4, for drivers that find their devices themselves: bus addresses and interrupt lines.

Memory and ports of the machine's buses have the same addresses for the processors, as on a PC.
"""

from __future__ import annotations

from typing import Final

from dirql.hal.hal import running
from dirql.hal.interrupts import irql_of_vector
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.nt.addresses import PhysicalAddress, unsigned
from dirql.nt.constants import Eisa, Internal, Isa, PCIBus

__all__ = ["get_interrupt_vector", "translate_bus_address"]

_TRANSLATE: Final = contract("HalTranslateBusAddress")
_GET_INTERRUPT_VECTOR: Final = contract("HalGetInterruptVector")

_MEMORY: Final = 0
_PORTS: Final = 1
_SPACES: Final = {_MEMORY: 1 << 32, _PORTS: 1 << 16}
"""The sizes of the address spaces."""
_BUSES: Final = 256


def translate_bus_address(
    interface_type: int, bus_number: int, bus_address: int, address_space: int
) -> tuple[bool, int, PhysicalAddress]:
    """Whether there is such an address, its space for the processors, and its address there.

    Follows HalTranslateBusAddress. Space 0 is memory, 1 the ports.
    """
    _TRANSLATE.check_level(interface_type)
    _TRANSLATE.check_arguments(interface_type, bus_number, bus_address, address_space)
    for name, value in (("InterfaceType", interface_type), ("AddressSpace", address_space)):
        if not isinstance(value, int):
            _TRANSLATE.refuse_argument(name, "a number", value)
    address = unsigned(bus_address)
    if not _is_bus(interface_type, bus_number) or address >= _SPACES.get(address_space, 0):
        return False, address_space, PhysicalAddress(0)
    return True, address_space, PhysicalAddress(address)


def get_interrupt_vector(
    interface_type: int, bus_number: int, bus_interrupt_level: int, bus_interrupt_vector: int
) -> tuple[int, int, int]:
    """The vector, the IRQL and the processors for an interrupt of a bus; vector 0 if there is none.

    Follows HalGetInterruptVector. `bus_interrupt_level` is the number of the controller's input.
    """
    _GET_INTERRUPT_VECTOR.check_level(interface_type)
    _GET_INTERRUPT_VECTOR.check_arguments(
        interface_type, bus_number, bus_interrupt_level, bus_interrupt_vector
    )
    if not isinstance(interface_type, int):
        _GET_INTERRUPT_VECTOR.refuse_argument("InterfaceType", "an INTERFACE_TYPE", interface_type)
    vectors = running.value.interrupts.description.vectors
    if not _is_bus(interface_type, bus_number) or not 0 <= bus_interrupt_level < len(vectors):
        return 0, 0, 0
    vector = vectors[bus_interrupt_level]
    return vector, irql_of_vector(vector), (1 << len(current.kernel.processors)) - 1


def _is_bus(interface_type: int, bus_number: int) -> bool:
    return 0 <= bus_number < {PCIBus: _BUSES, Isa: 1, Eisa: 1, Internal: 1}.get(interface_type, 0)
