# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Modules for the framework: `store`, `xor` and `mux`, which this driver registers when it is loaded.

`store` is the end of a stream: it sends IRPs to a real store device. `xor` changes data on its way, and is pushed above
an end. `mux` is a multiplexer and a demultiplexer: any number of streams end in it, and the data of all of them goes to
the streams that are linked below, in turns of 512 bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_kit import (
    M,
    MakeTask,
    Primitive,
    Proto,
    Registration,
    allocb,
    canputnext,
    freemsg,
    getq,
    mblk_t,
    putbq,
    putnext,
    putq,
    qenable,
    qreply,
    queue_t,
    streamtab,
)

from dirql import wdm

FRAMEWORK_NAME = r"\Device\Streams"
STRIPE_BYTES = 512
XOR_SET_KEY = 1  # a command with one byte of data


class Globals:
    """The driver's own data; it has no device."""

    def __init__(self) -> None:
        self.framework: wdm.DEVICE_OBJECT
        self.framework_file: wdm.FILE_OBJECT
        self.make_task: MakeTask
        self.requests = wdm.IO_REMOVE_LOCK()  # held for each IRP that `store` has sent
        self.muxes: dict[int, Mux] = {}


THIS = Globals()


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_unload = Unload
    status, file, device = wdm.IoGetDeviceObjectPointer(FRAMEWORK_NAME, wdm.FILE_READ_DATA)
    if file is None or device is None:
        return status
    THIS.framework, THIS.framework_file = device, file
    wdm.IoInitializeRemoveLock(THIS.requests, "Strm", 0, 0)
    for number, tab in enumerate(TABLES):
        status = Register(tab, True)
        if not wdm.NT_SUCCESS(status):
            for registered in TABLES[:number]:
                Register(registered, False)
            wdm.ObDereferenceObject(file)
            break
    return status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    for tab in TABLES:
        Register(tab, False)
    wdm.IoAcquireRemoveLock(THIS.requests, driver)
    wdm.IoReleaseRemoveLockAndWait(THIS.requests, driver)
    wdm.ObDereferenceObject(THIS.framework_file)


def Register(tab: streamtab, is_new: bool) -> int:
    """Tell the framework that a module is there, or that it goes."""
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildDeviceIoControlRequest(0, THIS.framework, None, 0, None, 0, True, event, block)
    if irp is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    registration = Registration(tab, is_new)
    wdm.IoGetNextIrpStackLocation(irp).parameters.others.argument1 = registration
    status = wdm.IoCallDriver(THIS.framework, irp)  # the framework completes it at once
    if is_new and wdm.NT_SUCCESS(status):
        THIS.make_task = registration.make_task
    return status


def Answer(queue: queue_t, message: mblk_t, status: int, length: int = 0) -> None:
    """Send a message back up as the answer to itself."""
    message.set_proto(message.proto._replace(primitive=Primitive.DONE, status=status, length=length))
    qreply(queue, message)


def EndWritePut(queue: queue_t, message: mblk_t) -> None:
    """The put procedure of both ends: requests wait for the service procedure, commands are not understood here."""
    if message.type is M.PROTO:
        putq(queue, message)
    elif message.type is M.IOCTL:
        message.type = M.IOCNAK
        qreply(queue, message)
    else:
        while (waiting := getq(queue)) is not None:
            freemsg(waiting.cont)
            waiting.cont = None
            Answer(queue, waiting, wdm.STATUS_CANCELLED)
        freemsg(message)


# xor


def XorOpen(queue: queue_t, unit: int) -> int:
    queue.ptr = queue.other.ptr = bytearray(1)
    return wdm.STATUS_SUCCESS


def Xor(queue: queue_t, block: mblk_t | None) -> None:
    assert isinstance(queue.ptr, bytearray)
    if block is not None:
        wdm.RtlWriteMemory(block.address, bytes(byte ^ queue.ptr[0] for byte in block.data))


def XorWritePut(queue: queue_t, message: mblk_t) -> None:
    if message.type is M.IOCTL and message.proto.primitive == XOR_SET_KEY and message.cont is not None:
        assert isinstance(queue.ptr, bytearray)
        queue.ptr[0] = message.cont.data[0]
        message.type = M.IOCACK
        message.set_proto(message.proto._replace(length=0))
        qreply(queue, message)
        return
    if message.type is M.PROTO:
        Xor(queue, message.cont)
    putnext(queue, message)


def XorReadPut(queue: queue_t, message: mblk_t) -> None:
    if message.type is M.PROTO:
        Xor(queue, message.cont)
    putnext(queue, message)


# store


@dataclass(eq=False, slots=True)
class StoreEnd:
    """A real device below a stream."""

    device: wdm.DEVICE_OBJECT
    file: wdm.FILE_OBJECT
    is_busy: bool = False
    is_closed: bool = False


@dataclass(eq=False, slots=True)
class StoreRequest:
    """An IRP that the device has, and the message that it is for; `task` goes on inside the perimeter."""

    message: mblk_t
    data: mblk_t
    task: Callable[[], None] | None = None
    status: int = wdm.STATUS_PENDING
    information: int = 0


def StoreOpen(queue: queue_t, unit: int) -> int:
    status, file, device = wdm.IoGetDeviceObjectPointer(rf"\Device\Store{unit}", wdm.FILE_READ_DATA)
    if file is not None and device is not None:
        queue.ptr = queue.other.ptr = StoreEnd(device, file)
    return status


def StoreClose(queue: queue_t) -> None:
    end = queue.ptr
    assert isinstance(end, StoreEnd)
    end.is_closed = True
    if not end.is_busy:
        wdm.ObDereferenceObject(end.file)


def StoreWriteService(queue: queue_t) -> None:
    """Send the next request to the device, which gets one at a time, so that the others count as waiting."""
    end = queue.ptr
    assert isinstance(end, StoreEnd)
    while not end.is_busy and (message := getq(queue)) is not None:
        StoreSend(queue, end, message)


def StoreSend(queue: queue_t, end: StoreEnd, message: mblk_t) -> None:
    proto = message.proto
    data, message.cont = message.cont or allocb(M.DATA, proto.length), None
    if data is None:
        Answer(queue, message, wdm.STATUS_INSUFFICIENT_RESOURCES)
        return
    request = StoreRequest(message, data)
    request.task = THIS.make_task(lambda: StoreDone(queue, end, request))
    wdm.IoAcquireRemoveLock(THIS.requests, request)
    end.is_busy = True
    major = wdm.IRP_MJ_WRITE if proto.primitive == Primitive.WRITE else wdm.IRP_MJ_READ
    irp = wdm.IoBuildAsynchronousFsdRequest(major, end.device, data.address, proto.length, proto.offset, None)
    if irp is None:
        request.status = wdm.STATUS_INSUFFICIENT_RESOURCES
        request.task()
        return
    wdm.IoSetCompletionRoutine(irp, StoreCompleted, request, True, True, True)
    wdm.IoCallDriver(end.device, irp)


def StoreCompleted(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
    """Free the IRP, which is this driver's own, and go on inside the perimeter. IRQL <= DISPATCH_LEVEL."""
    assert isinstance(context, StoreRequest)
    assert irp.mdl_address is not None
    assert context.task is not None
    context.status, context.information = irp.io_status.status, irp.io_status.information
    wdm.MmUnlockPages(irp.mdl_address)
    wdm.IoFreeMdl(irp.mdl_address)
    wdm.IoFreeIrp(irp)
    context.task()
    return wdm.STATUS_MORE_PROCESSING_REQUIRED


def StoreDone(queue: queue_t, end: StoreEnd, request: StoreRequest) -> None:
    """Send the answer up, and go on with the next request."""
    end.is_busy = False
    is_read = request.message.proto.primitive == Primitive.READ and wdm.NT_SUCCESS(request.status)
    if is_read and not end.is_closed:
        request.message.cont = request.data
    else:
        freemsg(request.data)
    if end.is_closed:  # nobody waits for the answer
        freemsg(request.message)
        wdm.ObDereferenceObject(end.file)
    else:
        Answer(queue, request.message, request.status, request.information)
        qenable(queue)
    wdm.IoReleaseRemoveLock(THIS.requests, request)


# mux


class Mux:
    """The state that all streams which end in one unit of `mux` share."""

    def __init__(self) -> None:
        self.uppers: list[queue_t] = []  # queues for writing, here and below
        self.lowers: list[queue_t] = []
        self.pieces: dict[int, Piece] = {}
        self.last_tag = 0


@dataclass(eq=False, slots=True)
class Job:
    """A request from above; `upper` is None when its stream has gone. `data` has the bytes, or room for them."""

    upper: queue_t | None
    message: mblk_t
    data: mblk_t
    left: int = 0
    status: int = wdm.STATUS_SUCCESS


@dataclass(eq=False, slots=True)
class Piece:
    """The part of a job that one stream below has."""

    job: Job
    lower: queue_t
    place: int  # in the data of the job
    length: int


def MuxOf(queue: queue_t) -> Mux:
    assert isinstance(queue.ptr, Mux)
    return queue.ptr


def MuxOpen(queue: queue_t, unit: int) -> int:
    mux = THIS.muxes.setdefault(unit, Mux())
    queue.ptr = queue.other.ptr = mux
    mux.uppers.append(queue)
    return wdm.STATUS_SUCCESS


def MuxClose(queue: queue_t) -> None:
    mux = MuxOf(queue)
    mux.uppers.remove(queue)
    for piece in mux.pieces.values():
        if piece.job.upper is queue:
            piece.job.upper = None
    if not mux.uppers:
        THIS.muxes = {unit: other for unit, other in THIS.muxes.items() if other is not mux}


def MuxLowerOpen(queue: queue_t, unit: int) -> int:
    MuxOf(queue).lowers.append(queue)
    return wdm.STATUS_SUCCESS


def MuxLowerClose(queue: queue_t) -> None:
    """A stream below goes: what it has is answered here."""
    mux = MuxOf(queue)
    mux.lowers.remove(queue)
    for tag in [tag for tag, piece in mux.pieces.items() if piece.lower is queue]:
        MuxPieceDone(mux, mux.pieces.pop(tag), wdm.STATUS_DEVICE_NOT_CONNECTED, None)


def MuxWriteService(queue: queue_t) -> None:
    """Split requests while all streams below have room for their pieces."""
    mux = MuxOf(queue)
    while (message := getq(queue)) is not None:
        if not mux.lowers:
            freemsg(message.cont)
            message.cont = None
            Answer(queue, message, wdm.STATUS_DEVICE_NOT_CONNECTED)
            continue
        has_room = [canputnext(lower) for lower in mux.lowers]  # each is asked, and will tell when it has
        if not all(has_room):
            putbq(queue, message)
            return
        MuxStart(mux, queue, message)


def MuxStart(mux: Mux, queue: queue_t, message: mblk_t) -> None:
    """Send the pieces of a request to the streams below. Either all of them go, or none."""
    proto = message.proto
    data, message.cont = message.cont or allocb(M.DATA, proto.length), None
    sends = None if data is None else MuxSplit(mux, Job(queue, message, data), proto)
    if sends is None:
        freemsg(data)
        Answer(queue, message, wdm.STATUS_INSUFFICIENT_RESOURCES)
        return
    for tag, piece, _part in sends:
        piece.job.left += 1
        mux.pieces[tag] = piece
    for _tag, piece, part in sends:
        putnext(piece.lower, part)


def MuxSplit(mux: Mux, job: Job, proto: Proto) -> list[tuple[int, Piece, mblk_t]] | None:
    """The pieces of a job with their tags and messages; None when memory is short."""
    sends: list[tuple[int, Piece, mblk_t]] = []
    place = 0
    while place < proto.length:
        stripe, within = divmod(proto.offset + place, STRIPE_BYTES)
        turn, index = divmod(stripe, len(mux.lowers))
        length = min(STRIPE_BYTES - within, proto.length - place)
        mux.last_tag += 1
        offset = turn * STRIPE_BYTES + within
        part = allocb(M.PROTO, Proto(mux.last_tag, proto.primitive, offset, length, 0))
        if part is not None and proto.primitive == Primitive.WRITE:
            part.cont = allocb(M.DATA, wdm.RtlReadMemory(job.data.address + place, length))
        if part is None or (proto.primitive == Primitive.WRITE and part.cont is None):
            for other in [part, *(message for _, _, message in sends)]:
                freemsg(other)
            return None
        sends.append((mux.last_tag, Piece(job, mux.lowers[index], place, length), part))
        place += length
    return sends


def MuxLowerReadPut(queue: queue_t, message: mblk_t) -> None:
    """An answer from below belongs to one piece; the others of the job may come before or after it."""
    mux = MuxOf(queue)
    piece = mux.pieces.pop(message.proto.tag, None) if message.type is M.PROTO else None
    if piece is not None:
        MuxPieceDone(mux, piece, message.proto.status, message.cont)
    freemsg(message)


def MuxPieceDone(mux: Mux, piece: Piece, status: int, data: mblk_t | None) -> None:
    """Note the end of a piece; the last one of a job is the end of the job."""
    job = piece.job
    if not wdm.NT_SUCCESS(status):
        job.status = status
    elif data is not None:
        wdm.RtlWriteMemory(job.data.address + piece.place, data.data)
    job.left -= 1
    if job.left:
        return
    if job.upper is None:
        freemsg(job.message)
        freemsg(job.data)
        return
    is_read = job.message.proto.primitive == Primitive.READ
    length = job.data.length if wdm.NT_SUCCESS(job.status) else 0
    if is_read and length:
        job.message.cont = job.data
    else:
        freemsg(job.data)
    Answer(job.upper, job.message, job.status, length)


def MuxLowerWriteService(queue: queue_t) -> None:
    """A stream below has room again: all streams above try once more, in turn."""
    mux = MuxOf(queue)
    for upper in mux.uppers:
        qenable(upper)
    mux.uppers.append(mux.uppers.pop(0))


TABLES = (
    streamtab("xor", XorWritePut, XorReadPut, XorOpen),
    streamtab("store", EndWritePut, putnext, StoreOpen, StoreClose, wsrv=StoreWriteService, is_driver=True),
    streamtab(
        "mux",
        EndWritePut,
        putnext,
        MuxOpen,
        MuxClose,
        wsrv=MuxWriteService,
        is_driver=True,
        lower=streamtab(
            "mux below", putnext, MuxLowerReadPut, MuxLowerOpen, MuxLowerClose, wsrv=MuxLowerWriteService
        ),
    ),
)
