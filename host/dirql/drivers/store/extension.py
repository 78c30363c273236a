# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension: all that the driver keeps for one device, grouped by what guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.drivers.store.interface import Timing, TransferMode
from dirql.wdm import IO_REMOVE_LOCK, KDPC, KSPIN_LOCK, KTIMER

if TYPE_CHECKING:
    from dirql.wdm import DEVICE_OBJECT, DMA_ADAPTER, IRP, KINTERRUPT, SCATTER_GATHER_LIST

__all__ = ["DEFAULT_TIMING", "StoreExtension"]

DEFAULT_TIMING = Timing(access_clocks=0, timeout_microseconds=1_000_000)


class StoreExtension:
    """One `store` device, as its driver knows it."""

    def __init__(self) -> None:
        # Set when the device starts, constant until it is removed.
        self.physical_device_object: DEVICE_OBJECT
        self.lower_device_object: DEVICE_OBJECT
        self.remove_lock = IO_REMOVE_LOCK()
        self.started = False
        self.registers: int = 0
        """Virtual address of the register BAR."""
        self.registers_length = 0
        self.fifo_port: int = 0
        """I/O address of the FIFO port."""
        self.interrupt: KINTERRUPT
        self.interrupt_connected = False
        self.dma_adapter: DMA_ADAPTER
        self.has_dma_adapter = False
        self.descriptors: int = 0
        """Virtual address of the descriptor list, a common buffer of one page."""
        self.descriptors_logical: int = 0
        self.fifo_tail: int = 0
        """Virtual address of one dword of nonpaged pool: a transfer's last, partial dword."""
        self.device_bytes = 0
        self.fifo_dwords = 0
        self.interrupt_control = 0
        """Value of INTERRUPT_CONTROL: whether the line is latched or level."""

        # Guarded by the interrupt spin lock: what the ISR hands to the DPC.
        self.latched_cause = 0
        self.interrupts = 0

        self.enabled_causes = 0
        """The causes that may interrupt, as last written to the device."""
        self.wanted_causes = 0

        # Guarded by the StartIo queue and the request lock: there is one current request, from StartIo to
        # IoStartNextPacket.
        self.mode = TransferMode.POLLED
        self.timing = DEFAULT_TIMING
        self.request_lock = KSPIN_LOCK()
        """Held to take the request away from the device, and to touch the device on its behalf from outside."""
        self.request: IRP | None = None
        """The request that owns the device; None once somebody has decided to complete it."""
        self.request_mode = TransferMode.POLLED
        """The mode that was set when the request started."""
        self.deadline = 0
        """Interrupt time, in 100 ns units, at which the request has taken too long."""
        self.abandoned = False
        """The request was cancelled, or its file closed."""
        self.quiet = True
        """The device does not touch memory any more."""
        self.buffer: int = 0
        """System address of the request's buffer."""
        self.length = 0
        self.moved = 0
        """Bytes of the request moved through the FIFO."""
        self.device_delay = 0
        """What was last written to the device's DELAY register."""
        self.device_done = False
        """The device has said that its part of the request is over."""
        self.writing = False
        self.scatter_gather: SCATTER_GATHER_LIST | None = None
        self.watchdog = KTIMER()
        self.watchdog_dpc = KDPC()
        self.poll_timer = KTIMER()
        self.poll_dpc = KDPC()

        # Counters, for IOCTL_STORE_GET_STATISTICS.
        self.requests = 0
        self.timeouts = 0
        self.errors = 0
