# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures of power management: power states, and the counts and reasons that go with them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PowerSequence", "PowerState", "SystemPowerStateContext"]


class PowerState:
    """A power state of the system or of a device (POWER_STATE).

    Both members are the same storage, as in C's union. It compares equal to the number of the state.
    """

    __slots__ = ("_value",)

    def __init__(self, system_state: int = 0, *, device_state: int = 0) -> None:
        """A state; give one of both members."""
        self._value = device_state or system_state

    def __repr__(self) -> str:
        return f"POWER_STATE({self._value})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PowerState):
            return self._value == other._value
        return isinstance(other, int) and self._value == other

    def __hash__(self) -> int:
        return hash(self._value)

    def __index__(self) -> int:
        return self._value

    @property
    def system_state(self) -> int:
        """The state as one of the system, a SYSTEM_POWER_STATE."""
        return self._value

    @system_state.setter
    def system_state(self, value: int) -> None:
        self._value = value

    @property
    def device_state(self) -> int:
        """The state as one of a device, a DEVICE_POWER_STATE."""
        return self._value

    @device_state.setter
    def device_state(self, value: int) -> None:
        self._value = value


_STATE_BITS = 0xF


class SystemPowerStateContext:
    """The states that the system is in, came from and goes to (SYSTEM_POWER_STATE_CONTEXT), all bits of one ULONG."""

    __slots__ = ("context_as_ulong",)

    def __init__(self, context_as_ulong: int = 0) -> None:
        """A context with these bits."""
        self.context_as_ulong = context_as_ulong

    def __repr__(self) -> str:
        return f"SYSTEM_POWER_STATE_CONTEXT({self.context_as_ulong:#x})"

    def _bits(self, at: int, mask: int) -> int:
        return self.context_as_ulong >> at & mask

    def _set_bits(self, at: int, mask: int, value: int) -> None:
        self.context_as_ulong = self.context_as_ulong & ~(mask << at) | (value & mask) << at

    @property
    def target_system_state(self) -> int:
        """The SYSTEM_POWER_STATE to which the system goes."""
        return self._bits(8, _STATE_BITS)

    @target_system_state.setter
    def target_system_state(self, value: int) -> None:
        self._set_bits(8, _STATE_BITS, value)

    @property
    def effective_system_state(self) -> int:
        """The SYSTEM_POWER_STATE to which drivers shall take the system to go."""
        return self._bits(12, _STATE_BITS)

    @effective_system_state.setter
    def effective_system_state(self, value: int) -> None:
        self._set_bits(12, _STATE_BITS, value)

    @property
    def current_system_state(self) -> int:
        """The SYSTEM_POWER_STATE from which the system comes."""
        return self._bits(16, _STATE_BITS)

    @current_system_state.setter
    def current_system_state(self, value: int) -> None:
        self._set_bits(16, _STATE_BITS, value)

    @property
    def ignore_hibernation_path(self) -> int:
        """1 if a device that holds the hibernation file is to go off all the same."""
        return self._bits(20, 1)

    @ignore_hibernation_path.setter
    def ignore_hibernation_path(self, value: int) -> None:
        self._set_bits(20, 1, value)

    @property
    def pseudo_transition(self) -> int:
        """1 if the devices change their states and the system does not."""
        return self._bits(21, 1)

    @pseudo_transition.setter
    def pseudo_transition(self, value: int) -> None:
        self._set_bits(21, 1, value)


@dataclass(slots=True)
class PowerSequence:
    """The numbers of times that a device has been in each low state (POWER_SEQUENCE)."""

    sequence_d1: int = 0
    sequence_d2: int = 0
    sequence_d3: int = 0
