# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lock of a synchronous file: threads get it in the order in which they came."""

from __future__ import annotations

from functools import partial

import pytest

from dirql.io.file_lock import FileLock
from dirql.machine import open_machine
from fakes.scripted_target import ScriptedTarget


@pytest.mark.row("HIO-13")
def test_HIO_13_a_thread_that_comes_back_at_once_goes_behind_those_that_wait() -> None:
    order: list[int] = []
    with open_machine(ScriptedTarget()) as machine:
        lock = FileLock()

        def work(number: int) -> None:
            for _ in range(3):
                lock.acquire()
                order.append(number)
                machine.sleep(0.0001)
                lock.release()

        for thread in [machine.create_thread(partial(work, number)) for number in range(3)]:
            thread.join()
    assert order == [0, 1, 2] * 3
