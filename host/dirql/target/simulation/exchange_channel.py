# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The channel of a simulated machine: each request is written into shared memory, and sim/exchange carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from dirql.registers.protocol import Failure, Op
from dirql.target.channel.channel import value_of
from dirql.target.contract import LinkLost, MemoryFile, TargetError
from dirql.target.simulation.exchange import Constants, SharedMemory
from dirql.target.simulation.grants import Confinement
from dirql.target.simulation.memory_delays import MemoryDelays

__all__ = ["ExchangeChannel", "MachineStopped"]


class MachineStopped(TargetError):
    """The RTL stopped itself: an assertion failed, or it called $stop or $finish."""


class ExchangeChannel(ABC):
    """The part of a `SimulatedChannel` that each exchange has; a subclass adds `command`, `wait` and `close`."""

    def __init__(self, shared: SharedMemory, constants: Constants) -> None:
        """Use the exchange, and change nothing in it yet."""
        self.capacity = shared.data.nbytes
        self.memory = shared.memory
        self.memory_file: MemoryFile | None = shared.memory_file
        self._shared = shared
        self._exchange = shared.struct
        self._constants = constants
        self.confinement = Confinement(shared)

    def _delay_memory(self, delays: MemoryDelays | None) -> None:
        """Have the host's RAM slow from the next reset on."""
        self._exchange.delay_seed = delays.seed if delays else 0
        self._exchange.delay_longest = delays.longest if delays else 0

    @abstractmethod
    def _run(self) -> None:
        """Carry out the request in the exchange."""

    def _complaint(self) -> str:
        """The message with which the model stopped itself."""
        return "it gave no reason"

    def _request(self, kind: int, spent: int) -> int:
        exchange = self._exchange
        exchange.kind = kind
        exchange.spent = spent
        exchange.pending = 1
        self._run()
        return exchange.answer

    def _fill(self, operation: int, address: int, byte_enables: int, length: int, datum: int) -> None:
        exchange = self._exchange
        exchange.operation = operation
        exchange.address = address
        exchange.byte_enables = byte_enables
        exchange.length = length
        exchange.datum = datum

    @property
    def clock(self) -> int:
        """See `Channel`."""
        return self._exchange.clock

    @property
    def quiet_until(self) -> int:
        """See `Channel`."""
        return self._exchange.quiet_until

    @property
    def records_dropped(self) -> int:
        """See `Channel`."""
        return self._exchange.records_dropped

    def transfer(self, operation: int, spent: int, address: int, data: memoryview, repeats: bool, /) -> int:
        """See `Channel`."""
        size = data.nbytes
        reads = operation in (Op.MEM_READ, Op.IO_READ)
        if not reads:
            self._shared.data[:size] = data
        datum = int.from_bytes(self._shared.data[:4], "little")  # a burst of one dword is a single write
        self._fill(operation, address, 0xF, size // 4, datum)
        answer = self._request(
            self._constants.DIRQL_STRING if repeats else self._constants.DIRQL_TRANSFER, spent
        )
        if reads:
            moved = 4 * value_of(answer) if repeats else size
            data[:moved] = self._shared.data[:moved]
        return answer

    def reset(self) -> int:
        """See `Channel`."""
        return self._request(self._constants.DIRQL_RESET, 0)

    def drive_pads(self, spent: int, function: int, levels: int, /) -> int:
        """See `SimulatedChannel`."""
        return self._reach_pads(self._constants.DIRQL_PADS_DRIVE, spent, function, levels)

    def pad_levels(self, spent: int, function: int, /) -> int:
        """See `SimulatedChannel`."""
        return self._reach_pads(self._constants.DIRQL_PADS_LEVELS, spent, function, 0)

    def pads_driven(self, spent: int, function: int, /) -> int:
        """See `SimulatedChannel`."""
        return self._reach_pads(self._constants.DIRQL_PADS_ENABLED, spent, function, 0)

    def _reach_pads(self, operation: int, spent: int, function: int, levels: int) -> int:
        self._fill(operation, function, 0, 1, levels)
        return self._request(self._constants.DIRQL_PADS, spent)

    def post_mark(self, spent: int, payload: int, /) -> bool:
        """See `Channel`."""
        exchange = self._exchange
        count = exchange.posted_count
        if count == self._constants.DIRQL_POSTED_SLOTS:
            return False
        posted = self._shared.posted
        posted[2 * count] = spent
        posted[2 * count + 1] = payload
        exchange.posted_count = count + 1
        exchange.clock += spent + 1
        return True

    def set_deadline(self, clock: int, /) -> None:
        """See `Channel`."""
        self._exchange.deadline = clock

    def take_records(self) -> memoryview:
        """See `Channel`; the bytes are valid until the next command."""
        count, self._exchange.record_count = self._exchange.record_count, 0
        return self._shared.records[: 16 * count]

    def failure(self, status: int, what: str, /) -> TargetError:
        """See `Channel`."""
        if status == Failure.STOPPED:
            return MachineStopped(f"the machine stopped itself during {what}: {self._complaint()}")
        return LinkLost(
            f"the machine must answer {what} within {self._constants.DIRQL_PATIENCE} clocks; it did not, because"
            " the command port is stuck: dump waves and look at cmd_ready_o and rsp_valid_o"
        )
