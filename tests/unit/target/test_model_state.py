# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The layout of the model's state: found in Verilator's header, or said to be unknown."""

from __future__ import annotations

import pytest

from dirql.target.simulation.model_state import render_state

HEADER = """
    // DESIGN SPECIFIC STATE
    struct {
        VL_IN8(clk_i,0,0);
        VL_OUT64(clock_o,63,0);
        CData/*0:0*/ machine__DOT__busy;
        VlWide<4>/*122:0*/ machine__DOT__entry_clocks_shown;
        QData/*63:0*/ machine__DOT__u_clocks__DOT__prim_clocks_q;
    };
    struct {
        IData/*31:0*/ machine__DOT__u_delay__DOT__prim_timer_q;
        VlUnpacked<IData/*31:0*/, 64> machine__DOT__u_ram__DOT__words;
        VlUnpacked<QData/*63:0*/, 1> __VnbaTriggered;
    };

    // INTERNAL VARIABLES
    Vmachine__Syms* vlSymsp;
"""


def test_counters_timers_and_the_end_of_the_state_are_found() -> None:
    lines = render_state(HEADER).splitlines()
    assert lines == [
        "#define DIRQL_STATE_KNOWN 1",
        "#define DIRQL_STATE_END machine__DOT__u_ram__DOT__words",
        "#define DIRQL_STATE_COUNTERS(X) X(machine__DOT__u_clocks__DOT__prim_clocks_q)",
        "#define DIRQL_STATE_TIMERS(X) X(machine__DOT__u_delay__DOT__prim_timer_q)",
        "#define DIRQL_STATE_SHOWN(X) X(clock_o) X(machine__DOT__entry_clocks_shown)",
        "#define DIRQL_STATE_CLOCK clock_o",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("prim_clocks_q", "clock_q"),
        ("clock_o", "clocks_o"),
        ("VlUnpacked<IData/*31:0*/, 64> machine", "IData/*31:0*/ machine"),
        (
            "        CData/*0:0*/ machine__DOT__busy;",
            "        VlUnpacked<IData/*31:0*/, 2> machine__DOT__busy;",
        ),
        ("        VlUnpacked", "        Memory"),
    ],
)
def test_another_layout_is_unknown_or_keeps_all_memories_out(old: str, new: str) -> None:
    text = render_state(HEADER.replace(old, new))
    assert text == "#define DIRQL_STATE_KNOWN 0\n" or "STATE_END __VnbaTriggered" in text
