# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension and the records in it, grouped by the lock that guards them."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.drivers.store.interface import Timing, TransferMode
from dirql.registers.store import Operation
from dirql.wdm import (
    DEVICE_OBJECT,
    DMA_ADAPTER,
    IO_REMOVE_LOCK,
    IRP,
    KDPC,
    KEVENT,
    KINTERRUPT,
    KSPIN_LOCK,
    KTIMER,
    SCATTER_GATHER_LIST,
    UNICODE_STRING,
    PowerDeviceD0,
    PowerDeviceD3,
    PowerDeviceUnspecified,
)

__all__ = ["DEFAULT_TIMING", "Dma", "Fifo", "Hardware", "Registers", "StoreExtension", "Transfer"]

DEFAULT_STATES = (PowerDeviceUnspecified, PowerDeviceD0, *[PowerDeviceD3] * 5)
DEFAULT_TIMING = Timing(access_clocks=0, timeout_microseconds=1_000_000)


@dataclass(frozen=True, slots=True)
class Registers:
    """The mapped register BAR: a virtual address and a length in bytes."""

    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Fifo:
    """The I/O port of the FIFO, and memory for the last dword of a transfer when the device uses only a part of it."""

    port: int
    dwords: int
    """The capacity of the FIFO in dwords."""
    tail: int
    """The virtual address of one dword of nonpaged pool."""


@dataclass(frozen=True, slots=True)
class Dma:
    """The DMA adapter and the descriptor list, a common buffer of one page."""

    adapter: DMA_ADAPTER
    descriptors: int
    """The virtual address of the descriptor list."""
    descriptors_logical: int
    """The logical address of the descriptor list, for the device."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """All resources of a device that is in use."""

    registers: Registers
    fifo: Fifo
    dma: Dma | None
    """None for a device that has programmed I/O alone."""
    interrupt: KINTERRUPT


@dataclass(eq=False, slots=True)
class Transfer:
    """The request that owns the device, and how far it has come. Guarded by the request lock."""

    irp: IRP
    mode: TransferMode
    operation: Operation
    """The command that the device gets."""
    hardware: Hardware
    deadline: int
    """The interrupt time, in 100 ns units, at which the request has taken too long."""
    writing: bool = False
    length: int = 0
    """The bytes that the program asked for."""
    offset: int = 0
    """The byte offset in the device's memory."""
    buffer: int = 0
    """The system address of the program's buffer, for programmed I/O."""
    moved: int = 0
    """The bytes that have gone through the FIFO."""
    scatter_gather: SCATTER_GATHER_LIST | None = None
    """The pieces of the program's buffer, for DMA."""
    device_is_ready: bool = False
    """The device has reported that it has carried out the command."""
    cancelled: bool = False
    """The request was cancelled, or the file closed."""


class StoreExtension:
    """One `store` device, as its driver knows it."""

    def __init__(self) -> None:
        # Set when the device is added and when it starts, constant until it is removed.
        self.physical_device_object: DEVICE_OBJECT
        self.lower_device_object: DEVICE_OBJECT
        self.remove_lock = IO_REMOVE_LOCK()
        self.number = 0
        """The number in the device's name."""
        self.interface_name = UNICODE_STRING()
        """The name of the device interface."""
        self.special_files = 0
        """The number of paging, hibernation and dump files on the device."""
        self.device_bytes = 0
        """The size of the device's memory, 0 before the first start."""
        self.device_states = list(DEFAULT_STATES)
        """By SYSTEM_POWER_STATE, the DEVICE_POWER_STATE that goes with it, from the capabilities of the device."""
        self.interrupt_control = 0
        """The value of INTERRUPT_CONTROL: whether the line is latched or level-sensitive."""

        # The resources that must be given back, each None while the driver does not have it.
        self.registers: Registers | None = None
        self.fifo: Fifo | None = None
        self.dma: Dma | None = None
        self.interrupt: KINTERRUPT | None = None

        self.hardware: Hardware | None = None
        """The resources while requests may use the device; None before it has started and after it has gone."""
        self.gone = False
        """The device was taken away by surprise."""

        # Guarded by the interrupt spin lock.
        self.latched_cause = 0
        """The causes that the ISR hands to the DPC."""
        self.taken_cause = 0
        """The causes that the DPC has taken from `latched_cause`."""
        self.taken_irp: IRP | None = None
        """The request that was current when the DPC took the causes."""
        self.enabled_causes = 0
        """The causes that may interrupt, as last written to the device."""
        self.interrupts = 0

        # Guarded by the request lock.
        self.request_lock = KSPIN_LOCK()
        self.transfer: Transfer | None = None
        """The current request, from StartIo until somebody has decided how to complete it."""
        self.device_is_quiet = True
        """Whether the device has stopped accessing memory."""
        self.device_delay = 0
        """The value last written to the device's DELAY register."""
        self.watchdog = KTIMER()
        self.watchdog_dpc = KDPC()
        self.poll_timer = KTIMER()
        self.poll_dpc = KDPC()

        self.powered = True
        """Whether requests may use the device, because it is in D0."""
        self.stopping = False
        """Whether requests must wait, because the device is stopped or about to be."""
        self.held_irp: IRP | None = None
        """The request that is current while the device is in a low state or stopped; the others wait in the device
        queue."""
        self.quiet = KEVENT()
        """Is set when a request ends while the device is about to be stopped."""
        self.power_irp: IRP | None = None
        """The IRP that brings the device into a low state, while it waits for the end of a request."""
        self.power_dpc = KDPC()
        self.kept_clocks = (0, 0)
        """The device's counters of data clocks and busy clocks, while it is in a low state."""

        # Set by control codes, read when a request starts.
        self.mode = TransferMode.POLLED
        self.timing = DEFAULT_TIMING

        # Counters, for IOCTL_STORE_GET_STATISTICS.
        self.requests = 0
        self.timeouts = 0
        self.errors = 0
