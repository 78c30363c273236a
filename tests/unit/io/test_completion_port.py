# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Completion ports: which requests send packets, who gets them, and the end of a port."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql import wdm
from dirql.io.completion_port import CompletionPacket, CompletionPort
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget
from unit.io.making import NAME
from unit.io.test_completion_apcs import FAILED, Device

ABANDONED = 735


@pytest.fixture
def port(machine: Machine) -> CompletionPort:
    return machine.create_completion_port()


def taken(port: CompletionPort) -> CompletionPacket:
    packet = port.get(0.0)
    assert packet is not None
    return packet


def test_PRT_01_a_packet_tells_of_the_request(machine: Machine, port: CompletionPort) -> None:
    device = Device()
    with machine.open(NAME) as handle:
        port.associate(handle, 0x1234)
        first, second = handle.write_overlapped(b"1234"), handle.read_overlapped(8)
        assert port.get(0.0) is None
        assert port.get(1e-5) is None
        device.end(information=4)
        device.end(wdm.STATUS_BUFFER_OVERFLOW, 8)
        assert port.waiting_packets == 2
        packet = taken(port)
        assert (packet.overlapped, packet.key, packet.bytes_transferred) == (first, 0x1234, 4)
        assert (packet.status, packet.error, packet.succeeded) == (
            wdm.STATUS_SUCCESS,
            wdm.ERROR_SUCCESS,
            True,
        )
        packet = taken(port)
        assert (packet.overlapped, packet.error, packet.succeeded) == (second, wdm.ERROR_MORE_DATA, False)
        assert second.information == 8
        assert "8 bytes, key 4660" in repr(packet)


def test_PRT_01_posted_packets_leave_in_order(machine: Machine, port: CompletionPort) -> None:
    for number in range(4):
        port.post(number, "key", number)
    assert [(each.key, each.bytes_transferred, each.overlapped) for each in port.get_several(3)] == [
        ("key", number, number) for number in range(3)
    ]
    assert taken(port).overlapped == 3
    assert port.get_several(3, 0.0) == []


def test_PRT_01_a_wait_ends_with_the_packet_and_the_newest_waiter_is_first(machine: Machine) -> None:
    port, order = machine.create_completion_port(4), list[tuple[int, object]]()

    def worker(number: int) -> None:
        packet = port.get(1.0)
        assert packet is not None
        order.append((number, packet.key))

    threads = []
    for number in range(3):
        threads.append(machine.create_thread(partial(worker, number)))
        machine.sleep(1e-6)
    for key in range(3):
        port.post(0, key)
    for thread in threads:
        thread.join()
    assert order == [(2, 0), (1, 1), (0, 2)]


def test_PRT_01_only_as_many_threads_work_as_the_port_allows(machine: Machine) -> None:
    port, working, most = machine.create_completion_port(1), set[int](), list[int]()
    done = wdm.KEVENT()
    wdm.KeInitializeEvent(done, wdm.NotificationEvent, False)

    def worker(number: int) -> None:
        while (packet := port.get()) is not None and packet.key:
            working.add(number)
            most.append(len(working))
            for _ in range(20):
                wdm.KeReadStateEvent(done)  # polls, so that others could run
            working.discard(number)

    threads = [machine.create_thread(partial(worker, number)) for number in range(3)]
    for _ in range(6):
        port.post(key=1)
    machine.sleep(1e-3)
    assert most == [1] * 6
    for _ in threads:
        port.post(key=0)
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("status", "pending", "sends"),
    [
        (wdm.STATUS_SUCCESS, False, True),
        (wdm.STATUS_SUCCESS, True, True),
        (wdm.STATUS_BUFFER_OVERFLOW, False, True),
        (FAILED, False, False),
        (FAILED, True, True),
    ],
)
def test_PRT_02_HIO_02_which_requests_send_a_packet(
    machine: Machine, port: CompletionPort, status: int, pending: bool, sends: bool
) -> None:
    Device(status, pending)
    with machine.open(NAME) as handle:
        port.associate(handle, 1)
        requests = [handle.write_overlapped(b"1"), handle.ioctl_overlapped(0x222004)]
        packets = port.get_several(4, 0.0)
        assert [packet.overlapped for packet in packets] == (requests[:1] if sends else [])
        assert all(packet.status == status for packet in packets)


def test_PRT_02_a_control_request_sends_a_packet(machine: Machine, port: CompletionPort) -> None:
    device = Device(wdm.STATUS_SUCCESS)
    device.driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = device.read
    with machine.open(NAME) as handle:
        port.associate(handle, 1)
        request = handle.ioctl_overlapped(0x222004, b"12", 4)
        assert taken(port).overlapped is request


def test_PRT_02_a_request_without_a_context_sends_none(machine: Machine, port: CompletionPort) -> None:
    Device(wdm.STATUS_SUCCESS)
    with machine.open(NAME) as handle:
        port.associate(handle, 1)
        buffer = machine.memory_manager.process.allocate(4)
        for context in (None, "context"):
            block = wdm.IO_STATUS_BLOCK()
            wdm.ZwWriteFile(handle.value, None, None, context, block, buffer.address, 4, 0, None)
        assert [packet.overlapped for packet in port.get_several(4, 0.0)] == ["context"]


def test_PRT_03_a_file_is_joined_once(machine: Machine, port: CompletionPort) -> None:
    Device()
    with machine.open(NAME) as handle:
        port.associate(handle, 1)
        for other in (port, machine.create_completion_port()):
            with pytest.raises(IoError) as caught:
                other.associate(handle, 2)
            assert caught.value.win32 == wdm.ERROR_INVALID_PARAMETER


def test_PRT_03_a_synchronous_file_has_no_port(machine: Machine, port: CompletionPort) -> None:
    Device()
    with machine.open(NAME, synchronous=True) as handle, pytest.raises(IoError) as caught:
        port.associate(handle)
    assert caught.value.status == wdm.STATUS_INVALID_PARAMETER


def test_PRT_03_ports_and_apc_routines_exclude_each_other(machine: Machine, port: CompletionPort) -> None:
    device = Device()
    with machine.open(NAME) as handle:
        port.associate(handle)
        calls: list[Callable[[], object]] = [
            lambda: handle.read_overlapped(4, 0, lambda *_: None).result(),
            lambda: handle.write_overlapped(b"4", 0, lambda *_: None).result(),
        ]
        for call in calls:
            with pytest.raises(IoError) as caught:
                call()
            assert caught.value.win32 == wdm.ERROR_INVALID_PARAMETER
        code = 0x222004
        block = wdm.IO_STATUS_BLOCK()
        status = wdm.ZwDeviceIoControlFile(handle.value, None, print, None, block, code, None, 0, None, 0)
        assert status == wdm.STATUS_INVALID_PARAMETER
        assert device.kept == []


def test_PRT_04_requests_that_end_at_once_may_send_none(machine: Machine, port: CompletionPort) -> None:
    device = Device(wdm.STATUS_SUCCESS)
    with machine.open(NAME) as handle:
        port.associate(handle)
        handle.set_notification_modes(wdm.FILE_SKIP_COMPLETION_PORT_ON_SUCCESS)
        handle.set_notification_modes(0)
        assert handle.write_overlapped(b"1").has_completed
        assert port.get(0.0) is None
        device.pending = True
        request = handle.write_overlapped(b"2")
        assert taken(port).overlapped is request


def event_of_file(handle: Handle) -> bool:
    _, file, _ = wdm.ObReferenceObjectByHandle(handle.value, 0, wdm.FILE_OBJECT, wdm.KernelMode)
    assert file is not None
    wdm.ObDereferenceObject(file)
    return bool(wdm.KeReadStateEvent(file.event))


def test_PRT_04_the_event_of_the_file_may_be_left_alone(machine: Machine) -> None:
    Device(wdm.STATUS_SUCCESS, pending=True)
    with machine.open(NAME) as handle:
        buffer = machine.memory_manager.process.allocate(4).address

        def write() -> None:
            block = wdm.IO_STATUS_BLOCK()
            wdm.ZwWriteFile(handle.value, None, None, None, block, buffer, 4, 0, None)
            assert block.status == wdm.STATUS_SUCCESS

        write()
        assert event_of_file(handle)
        handle.set_notification_modes(wdm.FILE_SKIP_SET_EVENT_ON_HANDLE)
        write()
        assert not event_of_file(handle)


def test_PRT_04_wrong_modes_are_refused(machine: Machine) -> None:
    Device()
    with machine.open(NAME) as handle, machine.open(NAME, synchronous=True) as waiting:
        for each, modes in ((handle, 8), (waiting, wdm.FILE_SKIP_COMPLETION_PORT_ON_SUCCESS)):
            with pytest.raises(IoError) as caught:
                each.set_notification_modes(modes)
            assert caught.value.status == wdm.STATUS_INVALID_PARAMETER
        waiting.set_notification_modes(wdm.FILE_SKIP_SET_EVENT_ON_HANDLE)


def test_PRT_05_the_end_of_a_port_ends_the_waits(machine: Machine) -> None:
    device, port, codes = Device(), machine.create_completion_port(), list[int]()

    def worker() -> None:
        with pytest.raises(IoError) as caught:
            port.get()
        codes.append(caught.value.win32)

    with machine.open(NAME) as handle:
        port.associate(handle)
        thread = machine.create_thread(worker)
        machine.sleep(1e-6)
        handle.write_overlapped(b"1")
        port.close()
        thread.join()
        assert codes == [ABANDONED]
        device.end()
        assert "closed" in repr(port)
        for call in (port.get, port.post, lambda: port.associate(handle)):
            with pytest.raises(IoError) as caught:
                call()
            assert caught.value.win32 == wdm.ERROR_INVALID_HANDLE


def test_PRT_05_a_port_is_closed_with_the_machine(machine: Machine) -> None:
    with machine.create_completion_port() as port:
        assert port.is_open
    assert not port.is_open
    port = machine.create_completion_port()
    machine.close()
    assert not port.is_open


def test_PRT_06_the_synchronous_request_of_one_thread_is_cancelled(machine: Machine) -> None:
    device, ends = Device(), list[tuple[str, int]]()
    with machine.open(NAME) as handle:
        outstanding = []

        def reader(name: str) -> None:
            with machine.open(NAME, synchronous=True) as waiting:
                outstanding.append(handle.read_overlapped(4))
                with pytest.raises(IoError) as caught:
                    waiting.read(4)
                ends.append((name, caught.value.win32))

        threads = [machine.create_thread(partial(reader, name)) for name in ("first", "second")]
        while len(device.kept) < 4:
            machine.sleep(1e-6)
        assert threads[1].cancel_synchronous_io() is True
        threads[1].join()
        assert ends == [("second", wdm.ERROR_OPERATION_ABORTED)]
        assert [each.status for each in outstanding] == [wdm.STATUS_PENDING] * 2
        assert threads[1].cancel_synchronous_io() is False
        assert threads[0].cancel_synchronous_io() is True
        threads[0].join()


def test_HIO_13_a_synchronous_file_serves_one_thread_at_a_time(machine: Machine) -> None:
    device, ends = Device(), list[tuple[str, object]]()
    with machine.open(NAME, synchronous=True) as handle:

        def reader(name: str) -> None:
            try:
                ends.append((name, handle.write(b"1234")))
            except IoError as error:
                ends.append((name, error.status))

        threads = [machine.create_thread(partial(reader, name)) for name in ("first", "second", "third")]
        machine.sleep(1e-5)
        for number, (status, information) in enumerate([(0, 1), (FAILED, 0), (0, 3)]):
            assert (len(device.kept), len(ends)) == (1, number)
            device.end(status, information)
            machine.sleep(1e-5)
        assert ends == [("first", 1), ("second", FAILED), ("third", 3)]
        for thread in threads:
            thread.join()


def test_PRT_06_an_open_is_cancelled_too(machine: Machine) -> None:
    device, ends = Device(), list[int]()
    device.driver.major_function[wdm.IRP_MJ_CREATE] = device.read
    device.status = None

    def opener() -> None:
        with pytest.raises(IoError) as caught:
            machine.open(NAME)
        ends.append(caught.value.win32)

    thread = machine.create_thread(opener)
    while not device.kept:
        machine.sleep(1e-6)
    assert thread.cancel_synchronous_io() is True
    thread.join()
    assert ends == [wdm.ERROR_OPERATION_ABORTED]


def test_HIO_11_a_thread_cancels_its_own_requests(machine: Machine) -> None:
    Device()
    with machine.open(NAME) as handle:
        mine = handle.read_overlapped(4)
        others = [machine.create_thread(lambda: handle.read_overlapped(4)).join()]
        assert handle.cancel_of_this_thread() == wdm.STATUS_SUCCESS
        assert mine.status == wdm.STATUS_CANCELLED
        assert "STATUS_PENDING" in repr(others[0])


def test_an_alertable_wait_for_packets_ends_with_completion_routines(
    machine: Machine, port: CompletionPort
) -> None:
    device, ran = Device(), list[int]()
    with machine.open(NAME) as handle:
        handle.read_overlapped(0, 0, lambda *_: ran.append(1))
        device.end()
        assert port.get(1e-5) is None
        assert ran == []
        assert port.get_several(2, 1.0, alertable=True) == []
        assert ran == [1]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda port: port.get(-1.0), "a time-out must be"),
        (lambda port: port.get_several(0), "the number of packets must be 1 or more; it was 0"),
        (lambda port: port.post(-1), "the number of bytes of a packet must be"),
        (lambda _: CompletionPort(-1), "the concurrency of a port must be"),
    ],
)
def test_wrong_numbers_are_refused(
    machine: Machine, port: CompletionPort, call: Callable[[CompletionPort], object], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        call(port)


def test_PRT_06_packets_taken_before_the_port_is_closed_are_returned() -> None:
    count = 1000
    with open_machine(ScriptedTarget(), costs=Costs(kernel_call=5)) as machine:
        port, due = machine.create_completion_port(), wdm.KTIMER()
        wdm.KeInitializeTimer(due)
        for key in range(count):
            port.post(0, key)

        def close() -> None:
            wdm.KeSetPriorityThread(wdm.KeGetCurrentThread(), wdm.LOW_REALTIME_PRIORITY)
            wdm.KeWaitForSingleObject(due, wdm.Executive, wdm.KernelMode, False, None)
            port.close()

        thread = machine.create_thread(close)
        machine.sleep(1e-5)
        wdm.KeSetTimer(due, -500, None)
        keys = [packet.key for packet in port.get_several(count)]
        thread.join()
    got = len(keys)
    assert keys == list(range(got))
    assert 0 < got < count
