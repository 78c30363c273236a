# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of a driver in C whose reads wait in a cancel-safe queue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.machine import Machine

NAME = r"\\.\Waiting"


@pytest.fixture
def handle(machine: Machine) -> Iterator[Handle]:
    machine.load_driver(Path(__file__).with_name("waiting.c"))
    with machine.open(NAME) as opened:
        yield opened


def test_writes_serve_reads_in_their_order(handle: Handle) -> None:
    reads = [handle.read_overlapped(8) for _ in range(3)]
    assert [handle.write(bytes([number] * 4)) for number in range(3)] == [4, 4, 4]
    assert [read.result() for read in reads] == [bytes([number] * 4) for number in range(3)]


def test_a_cancelled_read_leaves_the_queue(handle: Handle) -> None:
    first, second = handle.read_overlapped(8), handle.read_overlapped(8)
    assert first.cancel()
    with pytest.raises(IoError, match="STATUS_CANCELLED"):
        first.result()
    handle.write(b"data")
    assert second.result() == b"data"


def test_the_reads_of_a_handle_end_when_it_is_closed(handle: Handle, machine: Machine) -> None:
    with machine.open(NAME) as other:
        gone = other.read_overlapped(8)
    kept = handle.read_overlapped(8)
    with pytest.raises(IoError, match="STATUS_CANCELLED"):
        gone.result()
    handle.write(b"data")
    assert kept.result() == b"data"


def test_a_write_without_a_read_is_refused(handle: Handle) -> None:
    with pytest.raises(IoError, match="STATUS_NO_SUCH_DEVICE"):
        handle.write(b"data")
