# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of the Target contract that confines bus masters, shown on every target.

Inside a simulator these tests run on the simulated machine; `test_targets_in_simulator.py` starts them there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from dirql.target.contract import Capability, NotSupported, Wake
from machine.target_bench import DESCRIPTORS, KINDS_HERE, Bench, open_kind


@pytest.fixture(params=KINDS_HERE)
def open_this(request: pytest.FixtureRequest) -> Callable[[], Bench]:
    """Opens one more machine of the kind that the test runs on."""
    return partial(open_kind, request.param, request.config.getoption("dirql_machine"))


@pytest.fixture
def bench(open_this: Callable[[], Bench]) -> Iterator[Bench]:
    opened = open_this()
    yield opened
    opened.target.close()


SOURCE, DESTINATION, BYTES = (0x1000, 0x1100), (0x5000, 0x5100), 256
DATA = bytes(range(BYTES))


@pytest.fixture
def confined(bench: Bench) -> Bench:
    """A machine whose bus masters reach no memory, with data for a copy."""
    if Capability.CONFINEMENT not in bench.target.capabilities:
        pytest.skip("the target cannot confine bus masters")
    bench.target.memory[slice(*SOURCE)] = DATA
    bench.target.memory[slice(*DESTINATION)] = bytes(BYTES)  # a simulator keeps it from test to test
    bench.target.confine()
    return bench


def copy(bench: Bench) -> bytes:
    bench.copy_by_device(SOURCE[0], DESTINATION[0], BYTES)
    return bytes(bench.target.memory[slice(*DESTINATION)])


def test_a_confined_master_reaches_no_memory(confined: Bench) -> None:
    target = confined.target
    assert copy(confined) == bytes(BYTES)
    assert target.attention
    assert target.wait(1000) is Wake.STRAY
    stray = target.take_stray_access()
    assert stray is not None
    assert stray.accesses > 0
    assert not stray.is_write  # of its descriptor, or of the source
    assert stray.clock <= target.now()
    assert not target.attention
    assert target.take_stray_access() is None
    assert target.wait(10) is None


def test_grants_open_what_they_name_until_they_are_revoked(confined: Bench) -> None:
    target = confined.target
    grants = [
        target.grant([*SOURCE, *DESCRIPTORS], reads=True, writes=False),
        target.grant(DESTINATION, reads=False, writes=True),
        target.grant(DESTINATION, reads=True, writes=True),
    ]
    assert copy(confined) == DATA
    assert target.take_stray_access() is None
    target.revoke(grants[2])
    target.memory[slice(*DESTINATION)] = bytes(BYTES)
    assert copy(confined) == DATA, "what another grant allows stays allowed"
    target.revoke(grants[1])
    target.memory[slice(*DESTINATION)] = bytes(BYTES)
    assert copy(confined) == bytes(BYTES)
    stray = target.take_stray_access()
    assert stray is not None
    assert (stray.address, stray.is_write) == (DESTINATION[0], True)


@pytest.mark.parametrize("direction", ["read", "write"])
def test_a_grant_for_one_direction_is_none_for_the_other(confined: Bench, direction: str) -> None:
    target = confined.target
    writes = direction == "write"  # what the grant allows; the copy wants the other
    target.grant(DESCRIPTORS, reads=True, writes=False)
    target.grant(SOURCE, reads=not writes, writes=writes)
    target.grant(DESTINATION, reads=not writes, writes=writes)
    assert copy(confined) == (b"\xff" * BYTES if writes else bytes(BYTES))
    stray = target.take_stray_access()
    assert stray is not None
    assert stray.is_write is not writes
    assert stray.address == (SOURCE if writes else DESTINATION)[0]


def test_the_bytes_beside_a_grant_are_closed(confined: Bench) -> None:
    target = confined.target
    first, end = DESTINATION
    target.grant([*SOURCE, *DESCRIPTORS], reads=True, writes=False)
    target.grant([first, first + 128, first + 132, end - 4], reads=False, writes=True)
    assert copy(confined) == DATA[:128] + bytes(4) + DATA[132:-4] + bytes(4)
    stray = target.take_stray_access()
    assert stray is not None
    assert stray.address == first + 128


def test_a_reset_keeps_grants_and_forgets_stray_accesses(confined: Bench) -> None:
    target = confined.target
    copy(confined)
    target.reset()
    assert target.take_stray_access() is None
    assert not target.attention
    assert target.wait(10) is None


def test_many_grants_come_and_go(confined: Bench) -> None:
    target = confined.target
    for round_number in range(3):
        grants = [
            target.grant(
                [page << 12, (page << 12) + 64 * (page % 5 + 1)] * (page % 3 + 1), reads=True, writes=False
            )
            for page in range(100, 400)
        ]
        kept = target.grant([*SOURCE, *DESCRIPTORS], reads=True, writes=False)
        opened = target.grant(DESTINATION, reads=False, writes=True)
        for grant in grants[round_number % 2 :: 2]:
            target.revoke(grant)
        assert copy(confined) == DATA
        assert target.take_stray_access() is None
        for grant in (*grants[1 - round_number % 2 :: 2], kept, opened):
            target.revoke(grant)
        target.memory[slice(*DESTINATION)] = bytes(BYTES)
    assert copy(confined) == bytes(BYTES)


def test_a_target_that_cannot_confine_says_so(bench: Bench) -> None:
    target = bench.target
    if Capability.CONFINEMENT in target.capabilities:
        pytest.skip("the target can confine bus masters")
    with pytest.raises(NotSupported, match="CONFINEMENT"):
        target.confine()
    with pytest.raises(NotSupported, match="CONFINEMENT"):
        target.grant(SOURCE, reads=True, writes=True)
