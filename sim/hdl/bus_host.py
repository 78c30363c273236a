# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of bus_bench.sv: clock, command port, and a host memory with the delays that a test chooses."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import cocotb
from cocotb.clock import Clock
from cocotb.handle import SimHandleBase
from cocotb.task import Task
from cocotb.triggers import FallingEdge, Timer

from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.registers.protocol import BusStatus, Op

__all__ = ["FUNCTION", "BusHost"]

_MACHINE = load_machine(DEFAULT_MACHINE)
FUNCTION = _MACHINE.functions_named("store")[0].place.configuration_address
REGISTERS = _MACHINE.buses[0].memory.start
BUFFER = REGISTERS + 0x10_0000
PORTS = _MACHINE.buses[0].ports.start
# As bus_bench.sv places them.
CONTROLLER = 0x6000_0000
DOORBELL = 0x6001_0000
TIMESTAMP = 0x6002_0000

INPUTS = (
    "cmd_valid_i wdata_valid_i hm_rvalid_i request_valid_i request_more_i request_stop_i parity_response_i"
    " target_abort_i target_single_i flip_master_par_i flip_target_par_i rst_ni pin_req_i pin_control_i"
    " pin_frame_i pin_irdy_i pin_cbe_i pin_ad_en_i pin_ad_i pin_target_i pin_devsel_i pin_trdy_i pin_stop_i"
    " pin_target_ad_en_i pin_target_ad_i pin_perr_i"
)


LIMIT = 100_000
"""Clocks after which a test has failed, so that none waits without an end; the longest takes about half of them."""


class BusHost:
    """Samples and drives all signals on falling edges, half a clock away from the edges of the machine."""

    def __init__(self, dut: SimHandleBase) -> None:
        self.dut = dut
        self.clock = 0
        self.memory = bytearray(1 << 20)
        self.latency: Callable[[], int] = lambda: 0
        self.stall: Callable[[], bool] = lambda: False
        self.each_clock: list[Callable[[], None]] = []
        self.reads: list[int] = []
        self._answers: deque[tuple[int, int]] = deque()
        self._beat: Task[None] | None = None

    async def start(self) -> None:
        dut = self.dut
        for name in INPUTS.split():
            getattr(dut, name).value = 0
        for name in ("rdata_ready_i", "hm_ready_i", "target_rvalid_i", "target_wready_i", "request_enable_i"):
            getattr(dut, name).value = 1
        dut.latency_i.value = 0
        self._clock = Clock(dut.clk_i, 10, "ns")
        self._clock.start()
        self._beat = cocotb.start_soon(self._run())
        await self.tick(4)
        dut.rst_ni.value = 1
        await self.tick(2)

    async def stop(self) -> None:
        """Put the machine back into reset; another host may start."""
        self.dut.rst_ni.value = 0
        await self.tick(3)
        if self._beat is not None:
            self._beat.cancel()
        self._clock.stop()

    async def _run(self) -> None:
        while True:
            await FallingEdge(self.dut.clk_i)
            self.clock += 1
            assert self.clock < LIMIT, f"a test must end within {LIMIT} clocks, and this one has not"
            self._serve()
            for hook in self.each_clock:
                hook()

    async def tick(self, clocks: int = 1) -> None:
        for _ in range(clocks):
            await FallingEdge(self.dut.clk_i)

    def _serve(self) -> None:
        """Host memory: take the request that the bridge makes for the coming edge."""
        dut = self.dut
        due = bool(self._answers) and self._answers[0][0] <= self.clock
        dut.hm_rvalid_i.value = due
        if due:
            dut.hm_rdata_i.value = self._answers.popleft()[1]
        ready = not self.stall()
        dut.hm_ready_i.value = ready
        if not (ready and dut.hm_valid_o.value):
            return
        address = int(dut.hm_address_o.value)
        if not dut.hm_write_o.value:
            self.reads.append(address)
            when = self.clock + 1 + self.latency()
            if self._answers:
                when = max(when, self._answers[-1][0] + 1)
            self._answers.append((when, int.from_bytes(self.memory[address : address + 4], "little")))
            return
        datum = int(dut.hm_wdata_o.value).to_bytes(4, "little")
        enables = int(dut.hm_be_o.value)
        for lane in range(4):
            if enables >> lane & 1:
                self.memory[address + lane] = datum[lane]

    def watch(self, signal: SimHandleBase) -> list[int]:
        """A list that gets each clock on which the signal is on."""
        clocks: list[int] = []
        self.each_clock.append(lambda: clocks.append(self.clock) if signal.value else None)
        return clocks

    async def command(
        self, op: Op, address: int, datum: int = 0, enables: int = 0xF, length: int = 1
    ) -> tuple[BusStatus, int]:
        """Carry out one command; returns the status and the last datum read."""
        dut = self.dut
        dut.cmd_valid_i.value = 1
        dut.cmd_op_i.value = op
        dut.cmd_address_i.value = address
        dut.cmd_be_i.value = enables
        dut.cmd_length_i.value = length
        dut.cmd_data_i.value = datum
        taken = False
        value = 0
        for _ in range(20_000):
            ready = bool(dut.cmd_ready_o.value)
            await self.tick()
            # The answer depends on PAR, which the hooks of this falling edge may change.
            await Timer(1, "ns")
            if not taken and ready:
                taken = True
                dut.cmd_valid_i.value = 0
            if dut.rdata_valid_o.value:
                value = int(dut.rdata_o.value)
            if taken and dut.rsp_valid_o.value:
                return BusStatus(int(dut.rsp_status_o.value)), value
        raise AssertionError(f"{op.name} at {address:#x} was never answered")

    async def read(self, address: int) -> int:
        status, value = await self.command(Op.MEM_READ, address)
        assert status == BusStatus.OK, status
        return value

    async def write(self, address: int, datum: int) -> None:
        status, _ = await self.command(Op.MEM_WRITE, address, datum)
        assert status == BusStatus.OK, status

    async def enumerate(self, command: int = 7, latency: int = 0x40) -> None:
        for index, base in enumerate((REGISTERS, BUFFER, PORTS)):
            await self.command(Op.CFG_WRITE, FUNCTION | (0x10 + 4 * index), base)
        await self.command(Op.CFG_WRITE, FUNCTION | 0x04, command, 0x3)
        await self.command(Op.CFG_WRITE, FUNCTION | 0x0C, latency << 8, 0x2)

    async def status_register(self) -> int:
        return (await self.command(Op.CFG_READ, FUNCTION | 0x04))[1] >> 16

    async def request(
        self,
        command: int,
        address: int,
        *,
        datum: int = 0,
        enables: int = 0xF,
        length: int = 1,
        more: bool = False,
    ) -> int:
        """Carry out one request of the free initiator; returns the result."""
        dut = self.dut
        dut.request_valid_i.value = 1
        dut.request_command_i.value = command
        dut.request_address_i.value = address
        dut.request_length_i.value = length
        dut.request_be_i.value = enables
        dut.request_data_i.value = datum
        dut.request_more_i.value = more
        taken = False
        for _ in range(20_000):
            ready = bool(dut.request_ready_o.value)
            await self.tick()
            if not taken and ready:
                taken = True
                dut.request_valid_i.value = 0
                continue
            if taken and dut.done_o.value:
                return int(dut.result_o.value)
        raise AssertionError(f"request {command:#x} at {address:#x} never ended")

    def random_memory(self, seed: int, slowest: int, stalls: float) -> None:
        """Let host memory answer after up to `slowest` clocks, and be busy on a share `stalls` of the clocks."""
        source = random.Random(seed)
        self.latency = lambda: source.randrange(slowest + 1)
        self.stall = lambda: source.random() < stalls
