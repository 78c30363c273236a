# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cost of requests through the I/O manager, in Python alone: CPU time per request, the best of some rounds.

    python bench/io_paths.py [rounds]

The floor is the same visible work in plain Python without an I/O manager: a request with a location for each of three
drivers, which is passed on by nested calls, and a callback for each when it is completed. Nothing is checked there, no
time passes, and nobody else can run. Stacks are filter, function and bus driver.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dirql.io.device import attach_device_to_device_stack, create_device
from dirql.io.dispatch import call_driver
from dirql.io.irp import allocate_irp, complete_request, free_irp
from dirql.io.loader import load_driver
from dirql.io.objects import DeviceObject, DriverObject, Irp
from dirql.io.start_io import initialize_dpc_request, request_dpc, start_next_packet, start_packet
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from dirql.mm.manager import running as memory_manager
from dirql.nt.constants import (
    DO_DIRECT_IO,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_READ,
    PAGE_SIZE,
)
from dirql.nt.status import STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING, STATUS_SUCCESS
from fakes.scripted_target import ScriptedTarget

LOOPS = 20_000
LENGTH = 512
DATA = b"x" * LENGTH


class Layer:
    """The extension of each device: the device below, if there is one."""

    def __init__(self) -> None:
        self.lower: DeviceObject | None = None


def forward(device: DeviceObject, irp: Irp) -> int:
    """A dispatch routine that passes a request down, with a completion routine."""
    irp.copy_current_stack_location_to_next()
    irp.set_completion_routine(done, None, True, True, True)
    return call_driver(device.device_extension.lower, irp)


def done(device: DeviceObject | None, irp: Irp, context: object) -> int:
    """A completion routine that passes the result on."""
    del device, context
    if irp.pending_returned:
        irp.mark_pending()
    return STATUS_SUCCESS


def finish(device: DeviceObject, irp: Irp) -> int:
    """A dispatch routine that completes a request at once."""
    del device
    irp.io_status.status = STATUS_SUCCESS
    irp.io_status.information = 0
    complete_request(irp, IO_NO_INCREMENT)
    return STATUS_SUCCESS


def returned(device: DeviceObject | None, irp: Irp, context: object) -> int:
    """A completion routine that keeps the request, so that the caller who allocated it has it back."""
    del device, irp, context
    return STATUS_MORE_PROCESSING_REQUIRED


def queue(device: DeviceObject, irp: Irp) -> int:
    """A dispatch routine that puts the request into the StartIo queue."""
    irp.mark_pending()
    start_packet(device, irp, None, None)
    return STATUS_PENDING


def start_io(device: DeviceObject, irp: Irp) -> None:
    """Ask for the DPC, as an ISR would."""
    request_dpc(device, irp, None)


def dpc_for_isr(dpc: object, device: DeviceObject, irp: Irp | None, context: object) -> None:
    """Complete the current request and start the next one."""
    del dpc, context
    start_next_packet(device, False)
    assert irp is not None
    assert irp.mdl_address is not None
    # The data comes as from a device, past the driver.
    start = irp.mdl_address.frames[0] * PAGE_SIZE
    memory_manager.value.ram[start : start + LENGTH] = DATA
    irp.io_status.status = STATUS_SUCCESS
    irp.io_status.information = LENGTH
    complete_request(irp, IO_NO_INCREMENT)


def make_device(driver: DriverObject, name: str | None, lower: DeviceObject | None) -> DeviceObject:
    """Make a device, and attach it on top of `lower`."""
    _, device = create_device(driver, Layer, name, FILE_DEVICE_UNKNOWN, 0, False)
    assert device is not None
    if lower is not None:
        device.device_extension.lower = attach_device_to_device_stack(device, lower)
    return device


def bus_entry(driver: DriverObject, registry_path: str) -> int:
    del registry_path
    driver.major_function[IRP_MJ_READ] = finish
    return STATUS_SUCCESS


def layer_entry(driver: DriverObject, registry_path: str) -> int:
    del registry_path
    driver.major_function[IRP_MJ_READ] = forward
    return STATUS_SUCCESS


def queue_entry(driver: DriverObject, registry_path: str) -> int:
    del registry_path
    for major in (IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE):
        driver.major_function[major] = finish
    driver.major_function[IRP_MJ_READ] = queue
    driver.driver_start_io = start_io
    device = make_device(driver, r"\Device\Queue", None)
    device.flags |= DO_DIRECT_IO
    initialize_dpc_request(device, dpc_for_isr)
    return STATUS_SUCCESS


def stack(layers: int) -> DeviceObject:
    """Make a stack of devices, the lowest of which completes reads."""
    _, bus = load_driver(bus_entry, f"bus{layers}")
    _, layer = load_driver(layer_entry, f"layer{layers}")
    assert bus is not None
    assert layer is not None
    top = make_device(bus, None, None)
    for _ in range(layers - 1):
        top = make_device(layer, None, top)
    return top


def send(top: DeviceObject) -> None:
    """Send one request through a stack: allocate, send, take back, free."""
    irp = allocate_irp(top.stack_size)
    assert irp is not None
    location = irp.get_next_stack_location()
    location.major_function = IRP_MJ_READ
    location.parameters.read.length = LENGTH
    irp.set_completion_routine(returned, None, True, True, True)
    call_driver(top, irp)
    free_irp(irp)


# The floor.


class PlainLocation:
    """The part of a request that one driver sees."""

    __slots__ = ("callback", "context", "control", "device", "length", "major", "minor")

    def __init__(self) -> None:
        self.major = self.minor = self.control = self.length = 0
        self.device: PlainDevice | None = None
        self.callback: Callable[[PlainDevice, PlainRequest, object], int] | None = None
        self.context: object = None


class PlainRequest:
    """A request with a location for each driver."""

    __slots__ = ("current", "information", "locations", "pending", "status")

    def __init__(self, depth: int) -> None:
        self.locations = [PlainLocation() for _ in range(depth)]
        self.current = depth
        self.status = STATUS_PENDING
        self.information = 0
        self.pending = False


class PlainDevice:
    """A device with the routines of its driver."""

    __slots__ = ("lower", "major_function")

    def __init__(self, read: Callable[[PlainDevice, PlainRequest], int], lower: PlainDevice | None) -> None:
        self.major_function = [read] * 28
        self.lower = lower


def plain_call(device: PlainDevice, request: PlainRequest) -> int:
    request.current -= 1
    location = request.locations[request.current]
    location.device = device
    return device.major_function[location.major](device, request)


def plain_complete(request: PlainRequest) -> None:
    locations = request.locations
    while request.current < len(locations):
        location = locations[request.current]
        request.current += 1
        request.pending = location.control & 1 != 0
        if location.callback is not None and location.device is not None:
            status = location.callback(location.device, request, location.context)
            if status == STATUS_MORE_PROCESSING_REQUIRED:
                return


def plain_done(device: PlainDevice, request: PlainRequest, context: object) -> int:
    del device, context
    if request.pending:
        request.locations[request.current].control |= 1
    return STATUS_SUCCESS


def plain_forward(device: PlainDevice, request: PlainRequest) -> int:
    here = request.locations[request.current]
    below = request.locations[request.current - 1]
    below.major, below.minor, below.length = here.major, here.minor, here.length
    here.callback, here.context = plain_done, None
    assert device.lower is not None
    return plain_call(device.lower, request)


def plain_finish(device: PlainDevice, request: PlainRequest) -> int:
    del device
    request.status, request.information = STATUS_SUCCESS, 0
    plain_complete(request)
    return STATUS_SUCCESS


def plain_stack() -> PlainDevice:
    """Three devices, the lowest of which completes requests."""
    lowest = PlainDevice(plain_finish, None)
    return PlainDevice(plain_forward, PlainDevice(plain_forward, lowest))


def plain(top: PlainDevice) -> None:
    """Make one request and send it through a stack."""
    request = PlainRequest(3)
    location = request.locations[2]
    location.major = IRP_MJ_READ
    location.length = LENGTH
    plain_call(top, request)


def microseconds(call: Callable[[], object], rounds: int) -> float:
    """The CPU time of one call in microseconds, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = process_time()
        for _ in range(LOOPS):
            call()
        best = min(best, (process_time() - start) / LOOPS)
    return best * 1e6


def measure(machine: Machine, rounds: int) -> None:
    lowest = plain_stack()
    floor = microseconds(lambda: plain(lowest), rounds)
    print(f"{'floor: the visible work of three drivers':44} {floor:7.2f} µs {1e6 / floor:10,.0f}/s")
    for layers in (1, 2, 3):
        top = stack(layers)
        taken = microseconds(lambda top=top: send(top), rounds)
        name = f"a request through {layers} drivers, {layers} completion routines"
        print(f"{name:44} {taken:7.2f} µs {1e6 / taken:10,.0f}/s {floor / taken:6.2f} of the floor's rate")
    load_driver(queue_entry, "queue")
    with machine.open(r"\Device\Queue") as handle:
        taken = microseconds(lambda: handle.read(LENGTH), rounds)
    print(f"{'a read: handle, StartIo, DPC, completion':44} {taken:7.2f} µs {1e6 / taken:10,.0f}/s")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    machine = open_machine(ScriptedTarget(), costs=Costs.free())
    try:
        measure(machine, rounds)
    finally:
        machine.kernel.stop(RuntimeError("the benchmark leaves its devices"))
        machine.close()


if __name__ == "__main__":
    main()
