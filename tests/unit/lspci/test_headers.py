# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines of `dirql lspci` for the headers of devices and bridges."""

from __future__ import annotations

import pytest

from dirql.lspci import layout
from dirql.lspci.command import Options
from dirql.lspci.names import Numbers
from dirql.registers import pci_configuration as regs
from fakes.default_machine import STORE
from fakes.pci_function import FakeFunction
from unit.lspci.making import (
    bridge,
    decoded,
    lines,
    machine,
    put,
)


def test_the_short_line() -> None:
    unknown = FakeFunction(device=2, id=0x00AB, class_code=0x020000)
    target = machine(FakeFunction(), unknown)
    assert lines(target, Options()) == [
        "00:01.0 Unassigned class [ff00]: store (rev 07)",
        "00:02.0 Ethernet controller: Device 1234:00ab (rev 07)",
    ]
    assert lines(target, Options(numbers=Numbers.NUMBERS))[1] == "00:02.0 0200: 1234:00ab (rev 07)"
    assert lines(target, Options(numbers=Numbers.BOTH)) == [
        f"00:01.0 Unassigned class [ff00]: store [1234:{STORE.type.identity.device:04x}] (rev 07)",
        "00:02.0 Ethernet controller [0200]: Device [1234:00ab] (rev 07)",
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x060400, "PCI bridge: Device 1234:00ab (rev 07) (prog-if 00 [positive decode])"),
        (0x060401, "PCI bridge: Device 1234:00ab (rev 07) (prog-if 01 [subtractive decode])"),
        (0x0C0330, "USB controller: Device 1234:00ab (rev 07) (prog-if 30 [xHCI])"),
        (0x0C0355, "USB controller: Device 1234:00ab (rev 07) (prog-if 55)"),
        (0x02FF00, "Network controller [02ff]: Device 1234:00ab (rev 07)"),
        (0x770000, "Class [7700]: Device 1234:00ab (rev 07)"),
    ],
)
def test_names_of_classes(code: int, text: str) -> None:
    assert decoded(FakeFunction(id=0x00AB, class_code=code))[0] == f"00:01.0 {text}"


def test_every_bit_of_command_and_status() -> None:
    function = FakeFunction(message=True)
    put(function, 4, 0xAA50_0555)
    shown = decoded(function)
    assert (
        "\tControl: I/O+ Mem- BusMaster+ SpecCycle- MemWINV+ VGASnoop- ParErr+ Stepping- SERR+ FastB2B- DisINTx+"
        in shown
    )
    assert (
        "\tStatus: Cap+ 66MHz- UDF+ FastB2B- ParErr- DEVSEL=medium >TAbort+ <TAbort- <MAbort+ >SERR- <PERR+ INTx-"
        in shown
    )
    put(function, 4, 0x55A8_0AAA)
    shown = decoded(function)
    assert (
        "\tControl: I/O- Mem+ BusMaster- SpecCycle+ MemWINV- VGASnoop+ ParErr- Stepping+ SERR- FastB2B+ DisINTx-"
        in shown
    )
    assert (
        "\tStatus: Cap- 66MHz+ UDF- FastB2B+ ParErr+ DEVSEL=slow >TAbort- <TAbort+ <MAbort- >SERR+ <PERR- INTx+"
        in shown
    )


def test_the_names_of_the_bits_agree_with_the_register_map() -> None:
    command, status = dict(layout.COMMAND), dict(layout.STATUS_ABILITIES + layout.STATUS_ERRORS)
    assert command["I/O"] == regs.COMMAND.IO_ENABLE_SHIFT
    assert command["Mem"] == regs.COMMAND.MEMORY_ENABLE_SHIFT
    assert command["BusMaster"] == regs.COMMAND.BUS_MASTER_SHIFT
    assert command["ParErr"] == regs.COMMAND.PARITY_RESPONSE_SHIFT
    assert command["SERR"] == regs.COMMAND.SERR_ENABLE_SHIFT
    assert command["DisINTx"] == regs.COMMAND.INTERRUPT_DISABLE_SHIFT
    assert status["Cap"] == regs.STATUS.CAPABILITY_LIST_SHIFT
    assert status["ParErr"] == regs.STATUS.MASTER_DATA_PARITY_SHIFT
    assert status[">TAbort"] == regs.STATUS.SIGNALED_TARGET_ABORT_SHIFT
    assert status["<TAbort"] == regs.STATUS.RECEIVED_TARGET_ABORT_SHIFT
    assert status["<MAbort"] == regs.STATUS.RECEIVED_MASTER_ABORT_SHIFT
    assert status[">SERR"] == regs.STATUS.SIGNALED_SYSTEM_ERROR_SHIFT
    assert status["<PERR"] == regs.STATUS.DETECTED_PARITY_SHIFT
    assert dict(layout.STATUS_INTERRUPT)["INTx"] == regs.STATUS.INTERRUPT_STATUS_SHIFT


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        (0, 0, "fast devsel"),
        (0x04, 0x0200, "bus master, medium devsel"),
        (
            0x02A4,
            0x0660,
            "bus master, VGA palette snoop, stepping, fast Back2Back, 66MHz, user-definable features, ?? devsel",
        ),
    ],
)
def test_the_summary_of_command_and_status(command: int, status: int, text: str) -> None:
    function = FakeFunction()
    put(function, 4, status << 16 | command)
    put(function, 0xC, 0x4000)
    put(function, 0x3C, 0x0109)
    latency = ", latency 64" if command else ""
    assert f"\tFlags: {text}{latency}, IRQ 9" in decoded(function, verbose=1)


def test_timers_and_interrupt() -> None:
    function = FakeFunction(pin=3)
    put(function, 4, 4)
    put(function, 0xC, 0x4008)
    put(function, 0x3C, 0x0802_0306)
    shown = decoded(function)
    assert "\tLatency: 64 (500ns min, 2000ns max), Cache Line Size: 32 bytes" in shown
    assert "\tInterrupt: pin C routed to IRQ 6" in shown
    put(function, 0xC, 0)
    put(function, 0x3C, 0)
    shown = decoded(function)
    assert "\tLatency: 0" in shown
    assert not [line for line in shown if "Interrupt:" in line]


def test_the_subsystem() -> None:
    function = FakeFunction()
    assert "\tSubsystem: Device 5678:beef" in decoded(function)
    put(function, 0x2C, 0)
    assert not [line for line in decoded(function) if "Subsystem" in line]


@pytest.mark.parametrize(
    ("header_type", "code", "text"),
    [
        (2, 0x060700, "Unknown header type 02"),
        (0, 0x060400, "Invalid class 0604 for header type 00"),
        (1, 0x020000, "Invalid class 0200 for header type 01"),
    ],
)
def test_headers_that_cannot_be_are_pointed_out(header_type: int, code: int, text: str) -> None:
    assert decoded(FakeFunction(header_type=header_type, class_code=code))[1] == f"\t!!! {text}"


def test_a_bridge_between_buses() -> None:
    function = bridge()
    for offset, value in (
        (0x1C, 0x2280_2010),
        (0x20, 0xE010_E000),
        (0x24, 0xD011_D001),
        (0x28, 2),
        (0x2C, 2),
    ):
        put(function, offset, value)
    put(function, 0x3C, 0x0A03_0000)
    assert decoded(function)[3:] == [
        "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=64",
        "\tI/O behind bridge: 1000-2fff [size=8K] [16-bit]",
        "\tMemory behind bridge: e0000000-e01fffff [size=2M] [32-bit]",
        "\tPrefetchable memory behind bridge: 00000002d0000000-00000002d01fffff [size=2M] [64-bit]",
        "\tSecondary status: 66MHz- FastB2B+ ParErr- DEVSEL=medium >TAbort- <TAbort- <MAbort+ <SERR- <PERR-",
        "\tBridgeCtl: Parity+ SERR+ NoISA- VGA- VGA16- MAbort- >Reset- FastB2B-",
        "\t\tPriDiscTmr- SecDiscTmr+ DiscTmrStat- DiscTmrSERREn+",
        "",
    ]


@pytest.mark.parametrize(
    ("offset", "value", "text"),
    [
        (0x1C, 0x0010, "I/O behind bridge: [disabled] [16-bit]"),
        (0x1C, 0x1121, "I/O behind bridge: [disabled] [32-bit]"),
        (0x1C, 0x1101, "I/O behind bridge: 00000000-00001fff [size=8K] [32-bit]"),
        (0x1C, 0x0001, "!!! Unknown I/O range types 1/0"),
        (0x20, 0x0000_0010, "Memory behind bridge: [disabled] [32-bit]"),
        (0x20, 0x0001_0001, "!!! Unknown memory range types 1/1"),
        (0x24, 0x0010_0020, "Prefetchable memory behind bridge: [disabled] [32-bit]"),
        (0x24, 0x0002_0002, "!!! Unknown prefetchable memory range types 2/2"),
    ],
)
def test_windows_of_a_bridge(offset: int, value: int, text: str) -> None:
    function = bridge()
    put(function, offset, value)
    assert f"\t{text}" in decoded(function, verbose=1)
