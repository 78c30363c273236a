# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A framework in the manner of STREAMS: streams of modules that are pushed, popped and linked while they are in use.

A program opens `\\.\Streams\NAME` and N, the name of a registered driver and the number of its unit. The stream head,
which is here, makes messages of the program's requests, and completes the requests when the answers come. Other
drivers register their modules with IRP_MJ_INTERNAL_DEVICE_CONTROL, see `Register`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from stream_kit import (
    M,
    Primitive,
    Proto,
    Registration,
    allocb,
    canputnext,
    flushq,
    freemsg,
    joinq,
    mblk_t,
    putnext,
    qenable,
    queue_t,
    streamtab,
)

from dirql import wdm

DEVICE_NAME = r"\Device\Streams"
LINK_NAME = r"\DosDevices\Streams"
PUSH, POP, LINK, NUMBER, COMMAND, FLUSH = (
    wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800 + number, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
    for number in range(6)
)
"""Push a module by its name; pop the module next to the head; link the stream with a number below this one, which must
have a multiplexer; ask for the number of the stream; send a command of four bytes with data; flush."""
LARGEST = 0x10000


class Stream:
    """One open file: the queues of its head, those of its modules from the head on, and the requests not yet sent."""

    def __init__(self, extension: Extension, number: int, head: queue_t, file: wdm.FILE_OBJECT) -> None:
        self.extension = extension
        self.number = number
        self.head = head
        self.file = file
        self.pairs: list[queue_t] = []  # queues for writing
        self.unsent: list[int] = []
        self.is_open = True
        self.linked: list[Stream] = []
        self.linked_to: Stream | None = None
        self.is_dead = False


class Waiting:
    """The program's requests, by their tags, until they are answered or cancelled: a cancel-safe queue."""

    def __init__(self) -> None:
        self.csq = wdm.IO_CSQ()
        self.lock = wdm.KSPIN_LOCK()
        self.irps: list[wdm.IRP] = []

    def Initialize(self) -> None:
        wdm.KeInitializeSpinLock(self.lock)
        wdm.IoCsqInitialize(
            self.csq, self.Insert, self.Remove, self.Peek, self.Acquire, self.Release, self.Cancelled
        )

    def Put(self, irp: wdm.IRP) -> None:
        """Queue a request. It is pending from here on, and may be completed at once, because it is cancelled."""
        wdm.IoCsqInsertIrp(self.csq, irp, None)

    def Take(self, wanted: int | wdm.FILE_OBJECT) -> wdm.IRP | None:
        """Take the request with a tag, or any request of a file."""
        return wdm.IoCsqRemoveNextIrp(self.csq, wanted)

    def Insert(self, csq: wdm.IO_CSQ, irp: wdm.IRP) -> None:
        self.irps.append(irp)

    def Remove(self, csq: wdm.IO_CSQ, irp: wdm.IRP) -> None:
        self.irps.remove(irp)

    def Peek(self, csq: wdm.IO_CSQ, irp: wdm.IRP | None, wanted: object) -> wdm.IRP | None:
        first = 0 if irp is None else self.irps.index(irp) + 1
        for each in self.irps[first:]:
            file = wdm.IoGetCurrentIrpStackLocation(each).file_object
            if wanted is file or wanted == each.tail.overlay.driver_context[0]:
                return each
        return None

    def Acquire(self, csq: wdm.IO_CSQ) -> int:
        return wdm.KeAcquireSpinLock(self.lock)

    def Release(self, csq: wdm.IO_CSQ, irql: int) -> None:
        wdm.KeReleaseSpinLock(self.lock, irql)

    def Cancelled(self, csq: wdm.IO_CSQ, irp: wdm.IRP) -> None:
        Complete(irp, wdm.STATUS_CANCELLED)


class Extension:
    """The framework; all but the requests is guarded by the perimeter."""

    def __init__(self) -> None:
        self.perimeter = wdm.KMUTEX()
        self.tables: dict[str, streamtab] = {}
        self.streams: dict[int, Stream] = {}
        self.run: list[queue_t] = []
        self.last_number = 0
        self.waiting = Waiting()
        self.head = streamtab("head", wput=putnext, rput=HeadReadPut, wsrv=HeadWriteService)


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_unload = Unload
    driver.major_function[wdm.IRP_MJ_CREATE] = Create
    driver.major_function[wdm.IRP_MJ_CLEANUP] = Cleanup
    driver.major_function[wdm.IRP_MJ_CLOSE] = Close
    driver.major_function[wdm.IRP_MJ_READ] = Request
    driver.major_function[wdm.IRP_MJ_WRITE] = Request
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.major_function[wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL] = Register
    status, device = wdm.IoCreateDevice(driver, Extension, DEVICE_NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    extension = device.device_extension
    wdm.KeInitializeMutex(extension.perimeter, 0)
    extension.waiting.Initialize()
    device.flags |= wdm.DO_DIRECT_IO
    status = wdm.IoCreateSymbolicLink(LINK_NAME, DEVICE_NAME)
    if not wdm.NT_SUCCESS(status):
        wdm.IoDeleteDevice(device)
    return status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    wdm.IoDeleteSymbolicLink(LINK_NAME)
    if driver.device_object is not None:
        wdm.IoDeleteDevice(driver.device_object)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Enter(extension: Extension) -> None:
    """Enter the perimeter: no other thread runs code of a module. PASSIVE_LEVEL."""
    wdm.KeWaitForSingleObject(extension.perimeter, wdm.Executive, wdm.KernelMode, False, None)


def Leave(extension: Extension) -> None:
    """Run the service procedures that are due, and leave."""
    while extension.run:
        queue = extension.run.pop(0)
        queue.is_enabled = False
        assert queue.service is not None
        queue.service(queue)
    wdm.KeReleaseMutex(extension.perimeter, False)


# Modules come and go.


def Register(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """A driver registers a module, or takes it back; streams that have it then lose all their modules."""
    extension = device.device_extension
    wanted = wdm.IoGetCurrentIrpStackLocation(irp).parameters.others.argument1
    assert isinstance(wanted, Registration)
    tab, status = wanted.tab, wdm.STATUS_SUCCESS
    Enter(extension)
    if not wanted.is_new:
        del extension.tables[tab.name]
        for stream in list(extension.streams.values()):
            if any(queue.tab is tab for queue in stream.pairs):
                Dismantle(extension, stream)
    elif tab.name in extension.tables:
        status = wdm.STATUS_OBJECT_NAME_COLLISION
    else:
        extension.tables[tab.name] = tab
        wanted.make_task = partial(MakeTask, device)
    Leave(extension)
    return Complete(irp, status)


def MakeTask(device: wdm.DEVICE_OBJECT, routine: Callable[[], None]) -> Callable[[], None]:
    """The work item is allocated now, and not in the completion routine that needs it, which must not fail."""
    item = wdm.IoAllocateWorkItem(device)

    def work(device: wdm.DEVICE_OBJECT, context: object) -> None:
        wdm.IoFreeWorkItem(item)
        Enter(device.device_extension)
        routine()
        Leave(device.device_extension)

    return lambda: wdm.IoQueueWorkItem(item, work, wdm.DelayedWorkQueue, None)


def MakePair(extension: Extension, tab: streamtab) -> queue_t:
    """A pair of queues; returns the one for writing."""
    write, read = queue_t(tab, extension.run, is_write=True), queue_t(tab, extension.run, is_write=False)
    write.other, read.other = read, write
    return write


def OpenPair(extension: Extension, stream: Stream, name: str, unit: int, is_driver: bool) -> int:
    """Open a module or a driver, and put it next to the head. The head holds messages back meanwhile."""
    tab = extension.tables.get(name)
    if tab is None or tab.is_driver is not is_driver:
        return wdm.STATUS_OBJECT_NAME_NOT_FOUND
    pair = MakePair(extension, tab)
    status = tab.open(pair, unit)
    if wdm.NT_SUCCESS(status):
        if stream.pairs:
            joinq(pair, stream.pairs[0])
        stream.pairs.insert(0, pair)
        joinq(stream.head, pair)
    return status


def ClosePair(pair: queue_t) -> None:
    """Close a module that is out of its stream."""
    pair.tab.close(pair)
    for queue in (pair, pair.other):
        flushq(queue)
        if queue.is_enabled:
            queue.is_enabled = False
            queue.run.remove(queue)


def Dismantle(extension: Extension, stream: Stream) -> None:
    """Close all of a stream but its head; its requests fail from now on."""
    stream.is_dead = True
    while stream.linked:
        Unlink(extension, stream.linked.pop())
    if stream.linked_to is not None:
        stream.linked_to.linked.remove(stream)
        Unlink(extension, stream)
    while stream.pairs:
        ClosePair(stream.pairs.pop(0))
    stream.head.next = None
    if not stream.is_open:
        extension.streams.pop(stream.number, None)
    qenable(stream.head)  # the head fails the requests that have not been sent


# What a program asks of a stream.


def StreamOf(irp: wdm.IRP) -> Stream:
    file = wdm.IoGetCurrentIrpStackLocation(irp).file_object
    assert file is not None
    assert isinstance(file.fs_context, Stream)
    return file.fs_context


def Create(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Open a stream with a driver; the framework's own name alone opens it for other drivers."""
    extension, file = device.device_extension, wdm.IoGetCurrentIrpStackLocation(irp).file_object
    assert file is not None
    name = str(file.file_name).lstrip("\\")
    driver, unit = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    if not name:
        return Complete(irp, wdm.STATUS_SUCCESS)
    Enter(extension)
    extension.last_number += 1
    stream = Stream(extension, extension.last_number, MakePair(extension, extension.head), file)
    stream.head.ptr = stream.head.other.ptr = stream
    status = OpenPair(extension, stream, driver, int(unit or "0"), is_driver=True)
    if wdm.NT_SUCCESS(status):
        extension.streams[stream.number] = stream
        file.fs_context = stream
    Leave(extension)
    return Complete(irp, status)


def Cleanup(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """The last handle of a stream was closed: its requests end. Answers that are on their way find no request."""
    extension, file = device.device_extension, wdm.IoGetCurrentIrpStackLocation(irp).file_object
    assert file is not None
    while (waiting := extension.waiting.Take(file)) is not None:
        Complete(waiting, wdm.STATUS_CANCELLED)
    return Complete(irp, wdm.STATUS_SUCCESS)


def Close(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Close the modules of a stream; one that is linked below another stream stays for that one."""
    extension, file = device.device_extension, wdm.IoGetCurrentIrpStackLocation(irp).file_object
    assert file is not None
    if isinstance(file.fs_context, Stream):
        Enter(extension)
        stream = file.fs_context
        stream.is_open = False
        if stream.linked_to is None:
            Dismantle(extension, stream)
        Leave(extension)
    return Complete(irp, wdm.STATUS_SUCCESS)


def Request(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """A read, a write or a command: give it a tag, and let the head send it when the stream has room."""
    extension, stack = device.device_extension, wdm.IoGetCurrentIrpStackLocation(irp)
    if not isinstance(stack.file_object and stack.file_object.fs_context, Stream):
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)
    is_command = stack.major_function == wdm.IRP_MJ_DEVICE_CONTROL
    if not is_command and irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    if not is_command and stack.parameters.read.length > LARGEST:
        return Complete(irp, wdm.STATUS_INVALID_BUFFER_SIZE)
    Enter(extension)
    stream = StreamOf(irp)
    if stream.linked_to is not None or stream.is_dead:
        Leave(extension)
        return Complete(irp, wdm.STATUS_DEVICE_NOT_CONNECTED)
    extension.last_number += 1
    irp.tail.overlay.driver_context[0] = extension.last_number
    extension.waiting.Put(irp)
    stream.unsent.append(extension.last_number)
    qenable(stream.head)
    Leave(extension)
    return wdm.STATUS_PENDING


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Change the stream, or send a command along it."""
    extension, stack = device.device_extension, wdm.IoGetCurrentIrpStackLocation(irp)
    control, buffer = stack.parameters.device_io_control, irp.associated_irp.system_buffer
    if not isinstance(stack.file_object and stack.file_object.fs_context, Stream):
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)
    data = b"" if buffer is None else wdm.RtlReadMemory(buffer, control.input_buffer_length)
    if control.io_control_code == COMMAND:
        return Request(device, irp) if len(data) >= 4 else Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    Enter(extension)
    status, answer = Change(extension, StreamOf(irp), control.io_control_code, data)
    Leave(extension)
    if len(answer) > control.output_buffer_length or (answer and buffer is None):
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    if answer and buffer is not None:
        wdm.RtlWriteMemory(buffer, answer)
    return Complete(irp, status, len(answer))


def Change(extension: Extension, stream: Stream, code: int, data: bytes) -> tuple[int, bytes]:
    """Carry out a control code that changes a stream: (status, answer)."""
    if code == NUMBER:
        return wdm.STATUS_SUCCESS, struct.pack("<I", stream.number)
    if stream.is_dead or stream.linked_to is not None:
        return wdm.STATUS_DEVICE_NOT_CONNECTED, b""
    if code == PUSH:
        return OpenPair(extension, stream, data.decode("ascii", "replace"), 0, is_driver=False), b""
    if code == POP:
        if len(stream.pairs) < 2:
            return wdm.STATUS_INVALID_DEVICE_STATE, b""
        pair = stream.pairs.pop(0)
        joinq(stream.head, stream.pairs[0])
        ClosePair(pair)
        qenable(stream.head)
        return wdm.STATUS_SUCCESS, b""
    if code == LINK and len(data) == 4:
        lower = extension.streams.get(struct.unpack("<I", data)[0])
        return (wdm.STATUS_INVALID_PARAMETER if lower is None else Link(stream, lower)), b""
    if code == FLUSH and (message := allocb(M.FLUSH, 0)) is not None:
        putnext(stream.head, message)
        return wdm.STATUS_SUCCESS, b""
    return wdm.STATUS_INVALID_DEVICE_REQUEST, b""


def Link(stream: Stream, lower: Stream) -> int:
    """Put a stream below the multiplexer at the end of another one: the head of the former is now the multiplexer's."""
    upper = stream.pairs[-1]
    if (
        upper.tab.lower is None
        or lower is stream
        or lower.linked_to is not None
        or lower.linked
        or lower.is_dead
    ):
        return wdm.STATUS_INVALID_PARAMETER
    lower.linked_to = stream
    stream.linked.append(lower)
    for queue in (lower.head, lower.head.other):
        queue.tab, queue.ptr = upper.tab.lower, upper.ptr
    upper.tab.lower.open(lower.head, 0)
    return wdm.STATUS_SUCCESS


def Unlink(extension: Extension, lower: Stream) -> None:
    """Give a linked stream its own head back, or close it if no program has it open any more."""
    lower.linked_to = None
    lower.head.tab.close(lower.head)
    for queue in (lower.head, lower.head.other):
        queue.tab, queue.ptr = extension.head, lower
    if not lower.is_open and not lower.is_dead:
        Dismantle(extension, lower)


# The head of a stream.


def HeadWriteService(queue: queue_t) -> None:
    """Send requests, oldest first, while the modules below have room."""
    stream = queue.ptr
    assert isinstance(stream, Stream)
    waiting = stream.extension.waiting
    if stream.is_dead:  # no answer comes any more
        stream.unsent.clear()
        while (irp := waiting.Take(stream.file)) is not None:
            Complete(irp, wdm.STATUS_DEVICE_NOT_CONNECTED)
        return
    while stream.unsent and canputnext(queue):
        tag = stream.unsent.pop(0)
        irp = waiting.Take(tag)
        if irp is None:  # it was cancelled
            continue
        message = MakeMessage(irp, tag)
        if message is None:
            Complete(irp, wdm.STATUS_INSUFFICIENT_RESOURCES)
            continue
        waiting.Put(irp)  # first: the answer may come before putnext returns
        putnext(queue, message)


def MakeMessage(irp: wdm.IRP, tag: int) -> mblk_t | None:
    """The message for a request, with a copy of its data: the request may be cancelled while the message is used."""
    stack = wdm.IoGetCurrentIrpStackLocation(irp)
    if stack.major_function == wdm.IRP_MJ_DEVICE_CONTROL:
        buffer, control = irp.associated_irp.system_buffer, stack.parameters.device_io_control
        assert buffer is not None
        data = wdm.RtlReadMemory(buffer, control.input_buffer_length)
        (command,) = struct.unpack_from("<I", data)
        header, data = allocb(M.IOCTL, Proto(tag, command, 0, len(data) - 4, 0)), data[4:]
    else:
        request = stack.parameters.read
        is_write = stack.major_function == wdm.IRP_MJ_WRITE
        primitive = Primitive.WRITE if is_write else Primitive.READ
        header = allocb(M.PROTO, Proto(tag, primitive, request.byte_offset, request.length, 0))
        data = b""
        if is_write:
            address = Buffer(irp)
            if address is None:
                freemsg(header)
                return None
            data = wdm.RtlReadMemory(address, request.length)
    if header is not None and data:
        header.cont = allocb(M.DATA, data)
        if header.cont is None:
            freemsg(header)
            return None
    return header


def Buffer(irp: wdm.IRP) -> int | None:
    assert irp.mdl_address is not None
    return wdm.MmGetSystemAddressForMdlSafe(irp.mdl_address, wdm.NormalPagePriority)


def HeadReadPut(queue: queue_t, message: mblk_t) -> None:
    """Complete the request to which a message is the answer."""
    stream = queue.ptr
    assert isinstance(stream, Stream)
    if message.type in (M.PROTO, M.IOCACK, M.IOCNAK):
        answer = message.proto
        irp = stream.extension.waiting.Take(answer.tag)
        if irp is not None:
            Answer(irp, message, answer)
    freemsg(message)


def Answer(irp: wdm.IRP, message: mblk_t, answer: Proto) -> None:
    status, length = answer.status, answer.length
    if message.type is M.IOCNAK:
        status, length = wdm.STATUS_INVALID_DEVICE_REQUEST, 0
    elif message.type is M.IOCACK:
        status = wdm.STATUS_SUCCESS
    elif message.cont is not None:
        address = Buffer(irp)
        if address is None:
            status = wdm.STATUS_INSUFFICIENT_RESOURCES
        else:
            wdm.RtlWriteMemory(address, message.cont.data[:length])
    Complete(irp, status, length if wdm.NT_SUCCESS(status) else 0)
