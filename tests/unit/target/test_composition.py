# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The C++ of a part is cut behind the drive of the bus, or it is said why it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dirql.hardware.parts import Part, chassis_part, function_parts
from dirql.hardware.reading import load_machine, machine_names
from dirql.target.simulation.composition import (
    CompositionError,
    can_be_composed,
    render_composition,
    render_layout,
    translate,
)

PART = Part("toy_part", "toy_part_core", "", sleeps=True)

SYMS = """
    Vtoy_part_toy_part_core        TOP__toy_part__DOT__u_core;
"""

CORE = """
    // DESIGN SPECIFIC STATE
    struct {
        CData/*0:0*/ __PVT__busy_q;
        QData/*63:0*/ __PVT__u_clocks__DOT__prim_clocks_q;
    };
    struct {
        IData/*31:0*/ __PVT__u_delay__DOT__prim_timer_q;
        VlWide<4>/*122:0*/ __PVT__entry_clocks_shown;
        VlUnpacked<IData/*31:0*/, 64> __PVT__u_ram__DOT__words;
    };

    // INTERNAL VARIABLES
    Vtoy_part__Syms* vlSymsp;
"""

MODEL = """
void Vtoy_part___024root___outputs(Vtoy_part___024root* vlSelf) {
    auto& vlSelfRef = std::ref(*vlSelf).get();
    // Body
    vlSelfRef.own_o = (vlSymsp->TOP__toy_part__DOT__u_core.__PVT__ad_q
                       & 3U);
    vlSelfRef.toy_part__DOT__bus = vlSelfRef.bus_i | vlSelfRef.own_o;
}

void Vtoy_part_toy_part_core___clocked(Vtoy_part_toy_part_core* vlSelf) {
    // Body
    if (vlSelfRef.__PVT__busy_d) {
        vlSelfRef.__PVT__busy_q = vlSelfRef.__PVT__busy_d;
    }
}

void Vtoy_part_toy_part_core___logic(Vtoy_part_toy_part_core* vlSelf) {
    // Body
    vlSelfRef.__PVT__busy_d = vlSymsp->TOP.toy_part__DOT__bus;
}

void Vtoy_part___024root___eval_nba(Vtoy_part___024root* vlSelf) {
    // Body
    if ((1ULL & vlSelfRef.__VnbaTriggered[0U])) {
        Vtoy_part_toy_part_core___clocked((&vlSymsp->TOP__toy_part__DOT__u_core));
        Vtoy_part___024root___outputs(vlSelf);
        Vtoy_part_toy_part_core___logic((&vlSymsp->TOP__toy_part__DOT__u_core));
    }
}

void Vtoy_part___024root___eval_ico(Vtoy_part___024root* vlSelf) {
    // Body
    if ((1ULL & vlSelfRef.__VicoTriggered[0U])) {
        vlSelfRef.toy_part__DOT__bus = vlSelfRef.bus_i | vlSelfRef.own_o;
        Vtoy_part_toy_part_core___logic((&vlSymsp->TOP__toy_part__DOT__u_core));
    }
}
"""


def write(folder: Path, *, model: str = MODEL, core: str = CORE, syms: str = SYMS) -> Path:
    (folder / "Vtoy_part__0.cpp").write_text(model, encoding="utf-8")
    (folder / "Vtoy_part_toy_part_core.h").write_text(core, encoding="utf-8")
    (folder / "Vtoy_part__Syms.h").write_text(syms, encoding="utf-8")
    return folder


def test_the_clock_is_cut_behind_the_drive(tmp_path: Path) -> None:
    found = translate(PART, write(tmp_path))
    assert [each.split("(")[0].split(" =")[0] for each in found.clock] == [
        "Vtoy_part_toy_part_core___clocked",
        "vlSelfRef.own_o",
    ]
    assert [each.split("(")[0].split(" =")[0] for each in found.follow] == [
        "vlSelfRef.toy_part__DOT__bus",
        "Vtoy_part_toy_part_core___logic",
    ]


def test_the_state_is_found(tmp_path: Path) -> None:
    found = translate(PART, write(tmp_path))
    assert (found.core_type, found.core_member) == ("Vtoy_part_toy_part_core", "TOP__toy_part__DOT__u_core")
    assert found.end == "__PVT__u_ram__DOT__words"
    assert found.clocks == ("__PVT__u_clocks__DOT__prim_clocks_q",)
    assert found.timers == ("__PVT__u_delay__DOT__prim_timer_q",)
    assert found.shown == ("__PVT__entry_clocks_shown",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("if ((1ULL & vlSelfRef.__VnbaTriggered[0U])) {", "while (1) {", "not one list"),
        ("vlSelfRef.own_o = (", "vlSelfRef.other_o = (", "drive of the bus is not set"),
        ("__PVT__busy_d = vlSymsp", "__PVT__busy_q = vlSymsp", "busy_q is clocked after"),
        ("__PVT__busy_d = vlSymsp", "__PVT__u_ram__DOT__words[0U] = vlSymsp", "words is clocked after"),
        (
            "        vlSelfRef.__PVT__busy_q = vlSelfRef.__PVT__busy_d;",
            "        vlSelfRef.__PVT__busy_d = 0U;",
            "busy_d depends on the bus",
        ),
    ],
)
def test_a_model_of_another_form_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in MODEL
    with pytest.raises(CompositionError, match=complaint):
        translate(PART, write(tmp_path, model=MODEL.replace(old, new)))


WHOLE = """    // DESIGN SPECIFIC STATE
        VL_OUT64(clock_o,63,0);
        CData/*0:0*/ machine__DOT__busy_q;
        QData/*63:0*/ machine__DOT__u_timestamp__DOT__u_clocks__DOT__prim_clocks_q;
        QData/*63:0*/ __Vdly__machine__DOT__u_timestamp__DOT__u_clocks__DOT__prim_clocks_q;
        VlUnpacked<IData/*31:0*/, 64> machine__DOT__u_ram__DOT__words;
    // INTERNAL VARIABLES
"""
SYMBOLS = "    // MODULE INSTANCE STATE\n    Vmachine___024root TOP;\n{}\n    // CONSTRUCTORS\n"


def whole(folder: Path, header: str = WHOLE, more: str = "", *, can_skip: bool = True) -> str:
    """The header for a whole model with this C++."""
    (folder / "Vmachine___024root.h").write_text(header, encoding="utf-8")
    (folder / "Vmachine__Syms.h").write_text(SYMBOLS.format(more), encoding="utf-8")
    return render_layout("Vmachine", "the machine", folder, can_skip=can_skip, also_shown=["clock_o"])


def test_a_whole_model_skips_clocks_if_its_state_is_found(tmp_path: Path) -> None:
    text = whole(tmp_path)
    bus = "machine__DOT__u_timestamp__DOT__u_clocks__DOT__prim_clocks_q"
    assert "#define DIRQL_SKIPS 1" in text
    assert f"return core.{bus};" in text
    assert "kShown[] = {{offsetof(Core, clock_o), sizeof(Core::clock_o)}, {0, 0}};" in text
    assert "kLayout = {offsetof(Core, machine__DOT__u_ram__DOT__words)," in text


@pytest.mark.parametrize(
    ("old", "more"),
    [
        ("", "    Vmachine_pci_bridge TOP__machine__DOT__u_bridge;"),
        ("QData/*63:0*/ machine__DOT__u_timestamp", ""),
        ("// INTERNAL VARIABLES", ""),
    ],
    ids=["two modules", "no clock", "no end"],
)
def test_a_whole_model_of_another_form_skips_none(tmp_path: Path, old: str, more: str) -> None:
    assert "#define DIRQL_SKIPS 0" in whole(tmp_path, WHOLE.replace(old, "", 1), more)


def test_a_whole_model_with_assertions_skips_none(tmp_path: Path) -> None:
    assert "#define DIRQL_SKIPS 0" in whole(tmp_path, can_skip=False)


def test_a_state_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match="no structure of its own"):
        translate(PART, write(tmp_path, syms=""))
    behind = CORE.replace(
        "64> __PVT__u_ram__DOT__words;\n", "64> __PVT__u_ram__DOT__words;\n        CData/*0:0*/ z;\n"
    )
    with pytest.raises(CompositionError, match="memories at its end"):
        translate(PART, write(tmp_path, core=behind))


@pytest.mark.parametrize("name", machine_names())
def test_every_function_of_the_shipped_machines_is_a_part_that_can_sleep(name: str) -> None:
    machine = load_machine(name)
    parts = function_parts(machine)
    assert {part.name.split("_")[0] for part in parts} == {kind.name for kind in machine.function_types}
    assert all(part.sleeps for part in parts)
    assert chassis_part(machine).text.startswith("module chassis_part (")


def test_the_functions_of_a_machine_have_their_places(tmp_path: Path) -> None:
    text = render_composition(load_machine("shared"), [translate(PART, write(tmp_path))])
    assert "constexpr size_t kFunctionCount = 4;" in text
    assert '{"store_3", 4, 0, 0, 1, ' in text
    assert text.count("X(store_16_6_1_1_0_1_32_16_32_32_part)") == 4


@pytest.mark.parametrize(("name", "most"), [("store", 31), ("gpio", 64)])
def test_a_machine_with_more_functions_than_an_integer_has_bits_is_one_model(name: str, most: int) -> None:
    machine = load_machine("crowd")
    function = machine.functions_named(name)[0]
    assert can_be_composed(replace(machine, functions=(function,) * most))
    assert not can_be_composed(replace(machine, functions=(function,) * (most + 1)))
