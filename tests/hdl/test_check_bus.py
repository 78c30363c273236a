# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql check-bus`: wave dumps in which each rule is broken once, and legal ones, written as simulators write them."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dirql.cli import main
from dirql.dump.checking import Options, Report, check_dump
from dirql.dump.command import lines
from dirql.dump.values import DumpError
from dirql.target import open_target
from fakes.default_machine import MACHINE
from hdl.bus_breaks import BREAKS, LEGAL
from hdl.bus_dump import PERIOD, Style, both_buses, dump
from hdl.bus_trace import ADDRESS, READ, WRITE, Trace

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_A_DUMP = {"M15_none", "M32_ad", "M32_control", "T01", "T32", "A05", "A08"}
"""Rules that need each agent's outputs, each IDSEL, or the parking master, and those of reset."""
OTHERWISE = {"M03", "T03", "M15_one"}
"""Rules that are wider for a bus with fast back-to-back transactions, subtractive decoders and unseen IDSELs."""
STYLE = Style()
STYLES = {
    "low-true names": STYLE,
    "sharp names": Style(name=lambda pin: pin if pin in {"CLK", "AD", "PAR"} else f"{pin}#"),
    "plain names": Style(name=str.lower),
    "prefixes": Style(name=lambda pin: f"pci_{pin.lower()}" + ("" if pin in {"CLK", "AD", "PAR"} else "_l")),
    "inputs": Style(
        name=lambda pin: f"{pin.lower()}_i" if pin in {"CLK", "AD", "PAR"} else f"{pin.lower()}_ni"
    ),
    "pads": Style(name=lambda pin: f"{pin}_PAD" if pin in {"CLK", "AD", "PAR"} else f"{pin}_N_PAD"),
    "signs in front": Style(name=lambda pin: pin if pin in {"CLK", "AD", "PAR"} else f"n{pin}"),
    "the standard's": Style(
        name=lambda pin: {"CLK": "pci_clk33", "CBE": "\\C/BE#", "AD": "AD", "PAR": "PAR"}.get(
            pin, f"\\{pin}#"
        )
    ),
    "letters without a line": Style(
        name=lambda pin: pin.lower() if pin in {"CLK", "AD", "PAR"} else f"{pin.lower()}b"
    ),
    "a beginning of their own": Style(
        name=lambda pin: f"tb_PCI0_{pin}" + ("" if pin in {"CLK", "AD", "PAR"} else "_N")
    ),
    "a beginning, but for the clock": Style(
        name=lambda pin: {"CLK": "clk_66", "RST": "RESETn"}.get(pin, f"s_{pin.lower()}")
    ),
    "a letter in front": Style(
        name=lambda pin: f"p{pin.lower()}" if pin in {"CLK", "AD", "PAR"} else f"p{pin.lower()}n"
    ),
    "an interface": Style(name=lambda pin: f"pci.{pin.lower()}"),
    "stars": Style(name=lambda pin: pin if pin in {"CLK", "AD", "PAR"} else f"{pin}*"),
    "lines behind": Style(name=lambda pin: pin.lower() if pin in {"CLK", "AD", "PAR"} else f"{pin.lower()}_"),
    "an X in front": Style(name=lambda pin: pin if pin in {"CLK", "AD", "PAR"} else f"X{pin}"),
    "single bits": Style(bits=True),
    "bits in angles": Style(bits=True, bit="{}<{}>".format),
    "escaped bits": Style(bits=True, bit="\\{}[{}]".format),
    "bits in brackets": Style(bits=True, bit="{}({})".format),
    "bits between lines": Style(bits=True, bit="{}_{}_".format),
    "no grants": Style(grants=False),
    "no errors": Style(errors=False),
    "clock above": Style(clock_above=True),
    "pulled up": Style(floats=False),
}


def check(folder: Path, text: str, options: Options | None = None) -> Report:
    """The report on a dump with this text."""
    file = folder / "bus.vcd"
    file.write_text(text, encoding="ascii")
    return check_dump(file, options or Options())


def labels(report: Report) -> set[str]:
    return {breach.label for breach in report.breaches}


def legal() -> Trace:
    trace = Trace()
    for add in LEGAL.values():
        add(trace)
    return trace


@pytest.mark.parametrize("rule", sorted(BREAKS.keys() - NOT_IN_A_DUMP - OTHERWISE))
def test_a_rule_that_is_broken_in_a_dump_is_named(tmp_path: Path, rule: str) -> None:
    trace = Trace()
    trace.transaction()
    wrong_parity = BREAKS[rule](trace)
    trace.transaction()
    report = check(tmp_path, dump(trace, STYLE, tuple(wrong_parity or ())))
    assert rule in labels(report)
    assert all(breach.time == (breach.clock - 1) * PERIOD + PERIOD // 2 for breach in report.breaches)


def test_T03_devsel_in_the_address_phase(tmp_path: Path) -> None:
    trace = Trace()
    clock = trace.transaction()[0]
    trace.answer(clock)
    assert "T03" in labels(check(tmp_path, dump(trace, STYLE)))


def test_M03_frame_comes_on_again_within_the_last_data_phase(tmp_path: Path) -> None:
    trace = Trace()
    trace.transaction(first_waits=4)[5].m.frame = 1
    assert "M03" in labels(check(tmp_path, dump(trace, STYLE)))


@pytest.mark.parametrize("style", STYLES)
def test_legal_traffic_breaks_no_rule_and_all_of_it_is_seen(tmp_path: Path, style: str) -> None:
    report = check(tmp_path, dump(legal(), STYLES[style]))
    assert report.breaches == []
    ends = [transaction.end for transaction in report.transactions]
    assert ends == ["completed"] * 3 + ["retry", "target abort", "master abort"] + ["completed"] * 3
    written, read = report.transactions[:2]
    assert (written.title, written.data) == ("Memory Write at 0x40000000", [0x100, 0x101, 0x102])
    assert (read.title, read.data) == ("Memory Read at 0x40000000", [0x200, 0x201, 0x202])


@pytest.mark.parametrize("style", STYLES)
def test_a_broken_rule_is_seen_in_each_style(tmp_path: Path, style: str) -> None:
    trace = Trace()
    BREAKS["M05"](trace)
    assert labels(check(tmp_path, dump(trace, STYLES[style]))) == {"M05"}


def test_of_two_buses_in_a_scope_each_is_checked_by_its_name(tmp_path: Path) -> None:
    broken = Trace()
    BREAKS["M05"](broken)
    text = both_buses(legal(), broken)
    report = check(tmp_path, text)
    assert report.breaches == []
    assert len(report.transactions) == len(LEGAL)
    assert report.pins.others == ("top.tb.s_",)
    assert "The dump has other buses too, which --scope names: top.tb.s_." in list(
        lines(report, transactions=False)
    )
    other = check(tmp_path, text, Options(scope="top.tb.S_"))
    assert labels(other) == {"M05"}
    assert other.pins.names["frame"] == "top.tb.s_frame_l"
    assert other.pins.others == ()


def test_handshakes_may_be_on_while_they_are_1(tmp_path: Path) -> None:
    style = replace(STYLES["plain names"], high_true=True)
    report = check(tmp_path, dump(legal(), style), Options(high_true=True))
    assert report.breaches == []
    assert len(report.transactions) == len(LEGAL)
    wrong = check(tmp_path, dump(legal(), style))
    assert wrong.breaches
    assert "if handshakes are on while they are 1, say --high-true" in wrong.hint


def test_what_was_not_checked_is_told_with_its_reason(tmp_path: Path) -> None:
    whole = check(tmp_path, dump(legal(), STYLE))
    assert len(whole.unchecked) == 1
    part = check(
        tmp_path,
        dump(legal(), Style(grants=False, floats=False, errors=False)),
        Options(chosen={"par": "none"}),
    )
    told = " ".join(part.unchecked)
    for rule in (
        "M20_idle",
        "M30",
        "A01",
        "M27",
        "T22",
        "M33",
        "T12_release",
        "M32_turnaround",
        "T01",
        "T23_perr",
        "T16",
    ):
        assert rule in told, rule


def test_a_dump_may_begin_within_a_transaction(tmp_path: Path) -> None:
    trace = legal()
    begun = next(number for number, clock in enumerate(trace.clocks) if clock.m.frame)
    trace.clocks = trace.clocks[begun + 1 :]
    report = check(tmp_path, dump(trace, STYLE))
    assert report.breaches == []
    assert len(report.transactions) == len(LEGAL) - 1


def test_an_unknown_handshake_is_told_and_the_check_goes_on_from_the_next_idle_clock(tmp_path: Path) -> None:
    trace = legal()
    begun = next(number for number, clock in enumerate(trace.clocks) if clock.m.frame)
    report = check(tmp_path, dump(trace, STYLE, unknown=("IRDY", begun + 1)))
    assert labels(report) == {"unknown irdy"}
    assert report.breaches[0].sentence == "top.tb.IRDY_n is 0 or 1 on each clock outside reset."
    assert len(report.transactions) == len(LEGAL) - 1


@pytest.mark.parametrize(("pin", "label"), [("PAR", "M27"), ("AD", "unknown address")])
def test_an_address_without_a_known_value_is_told(tmp_path: Path, pin: str, label: str) -> None:
    trace = Trace()
    begun = len(trace.clocks)
    trace.transaction(READ)
    report = check(tmp_path, dump(trace, STYLE, unknown=(pin, begun + (pin == "PAR"))))
    assert labels(report) == {label}


def test_unknown_data_have_no_parity(tmp_path: Path) -> None:
    trace = Trace()
    clocks = trace.transaction(READ)
    moved = next(number for number, clock in enumerate(trace.clocks) if clock in clocks and clock.t.trdy)
    assert check(tmp_path, dump(trace, STYLE, (moved + 1,), unknown=("AD", moved))).breaches == []


def test_pins_may_be_named_with_their_bits(tmp_path: Path) -> None:
    names = {"FRAME": "a", "IRDY": "b", "AD": "data"}
    style = Style(name=lambda pin: names.get(pin, STYLE.name(pin)))
    text = dump(legal(), style)
    with pytest.raises(DumpError, match=r"it has no frame, irdy, ad: name a scope .* --signal frame=NAME"):
        check(tmp_path, text)
    chosen = {"frame": "top.tb.a", "irdy": "b", "ad": "data[31:0]"}
    assert check(tmp_path, text, Options(chosen=chosen)).breaches == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: "no dump\n", "which has \\$enddefinitions, or an FST file; it is neither"),
        (lambda text: text[: text.index("$enddef")], "or an FST file; it is neither"),
        (
            lambda text: re.sub("(?m)^1!$", "0!", text),
            "top.tb.CLK never did: name another .* --signal clk=NAME",
        ),
        (lambda text: re.sub(".* CLK .*\n", "", text), "it has no clk: name a scope .* --signal clk=NAME"),
        (lambda text: text + "#0\n1!\n", r"has #0 after #\d+: give it one run alone"),
        (
            lambda text: text.replace("$enddefinitions $end\n", "$enddefinitions $end\n?!\n"),
            "a change in it is '\\?!'",
        ),
        (lambda text: text.replace("#30\n", "#thirty\n"), "a time in it is '#thirty'"),
        (
            lambda text: text[: text.index("#210\n")],
            "must have a transaction to check; at 7 edges of top.tb.CLK",
        ),
        (lambda text: text.replace("$var wire 1 !", "$var wire one !"), "its declarations are none, at"),
    ],
)
def test_a_file_that_cannot_be_checked_is_refused(
    tmp_path: Path, change: Callable[[str], str], words: str
) -> None:
    with pytest.raises(DumpError, match=words):
        check(tmp_path, change(dump(legal(), STYLE)))


def test_a_reset_that_is_on_while_it_is_1_is_told(tmp_path: Path) -> None:
    text = dump(legal(), STYLE).replace('1"\n', '@"\n').replace('0"\n', '1"\n').replace('@"\n', '0"\n')
    cut = text[text.index("#120\n") :]
    text = text[: text.index("#0\n")] + cut
    with pytest.raises(
        DumpError, match=r"RST_n was 0, which is on, at all .*: leave it out with --signal rst=none"
    ):
        check(tmp_path, text)
    assert check(tmp_path, text, Options(chosen={"rst": "none"})).breaches == []


@pytest.mark.parametrize(("pin", "bits"), [("AD", 32), ("CBE", 4)])
def test_a_part_of_the_bus_is_no_bus(tmp_path: Path, pin: str, bits: int) -> None:
    text = dump(legal(), STYLE).replace(
        f" {STYLE.name(pin)} [{bits - 1}:0]", f" {STYLE.name(pin)} [{bits - 2}:0]"
    )
    text = text.replace(f"$var wire {bits} ", f"$var wire {bits - 1} ")
    with pytest.raises(
        DumpError, match=rf"must have the {bits} bits of the bus; it has {bits - 1}: name all of them"
    ):
        check(tmp_path, text)


def test_a_dump_that_was_cut_off_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    text = dump(legal(), STYLE)
    for length in range(len(text) * 3 // 4, len(text), 101):
        assert check(tmp_path, text[:length]).breaches == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--signal", "frame=nothing"], "--signal frame must name a variable of the dump; 'nothing' is none"),
        (["--signal", "frame=FRAM"], "did you mean top.tb.FRAME_n?"),
        (["--signal", "ad=AD[40:9]"], "--signal ad must name bits that top.tb.AD has; it was 'AD[40:9]'"),
        (["--scope", "top.other"], "--scope must be a scope of the dump, as top, top.tb; it was top.other"),
        (
            ["--ignore", "M99"],
            "--ignore must name a rule that the checker has, as M05 or M20_idle; it was M99",
        ),
    ],
)
def test_a_wrong_option_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    file = tmp_path / "bus.vcd"
    file.write_text(dump(legal(), STYLE), encoding="ascii")
    assert main(["check-bus", str(file), *arguments]) == 2
    assert words in capsys.readouterr().err


def report_error(trace: Trace, clock: int, pins: str, *, releases: bool = True) -> None:
    """Have the target drive PERR from a clock on, on and off as the pins say, and off for one clock after them."""
    for number, state in enumerate(pins + "0" * releases):
        trace.clocks[clock + number].t.perr_en, trace.clocks[clock + number].t.perr = 1, int(state)


@pytest.mark.parametrize(
    ("command", "wrong", "first", "pins", "broken"),
    [
        (WRITE, (2, 3), 4, "1", {"M27"}),
        (
            WRITE,
            (2, 3),
            3,
            "11",
            {"M27"},
        ),  # a target may tell before it takes the datum, and goes on until it has
        (WRITE, (2, 3), 3, "1", {"M27", "T23_hold"}),
        (WRITE, (2, 3), 4, "11", {"M27", "T23_perr"}),
        (WRITE, (2, 3), 5, "1", {"M27", "T23_perr"}),
        (WRITE, (2, 3), 2, "111", {"M27", "T23_perr"}),
        (WRITE, (1,), 3, "1", {"M27", "T23_perr"}),  # of the address SERR tells
        (WRITE, (), 4, "1", {"T23_perr"}),
        (READ, (3,), 4, "1", {"T22"}),
        (READ, (3,), 3, "11", {"T22", "M28_perr"}),
        (READ, (3,), 5, "1", {"T22", "M28_perr"}),
        (READ, (), 4, "1", {"M28_perr"}),
    ],
)
def test_M28_T23_PERR_comes_two_clocks_after_a_datum_with_wrong_parity(
    tmp_path: Path, command: int, wrong: tuple[int, ...], first: int, pins: str, broken: set[str]
) -> None:
    """Clock 0 is the address phase. The datum of a write is on AD on the clocks 1 and 2, that of a read on clock 2."""
    trace = Trace()
    begun = len(trace.clocks)
    trace.transaction(command)
    report_error(trace, begun + first, pins)
    text = dump(trace, STYLE, tuple(begun + clock for clock in wrong))
    assert labels(check(tmp_path, text)) == broken
    whole = check(tmp_path, text, Options(ignored=frozenset({"M27", "T22"})))
    assert labels(whole) == broken - {"M27", "T22"}


@pytest.mark.parametrize(("pins", "broken"), [("11", set()), ("1", {"M28_hold"})])
def test_M28_PERR_stays_on_while_the_master_makes_the_datum_wait(
    tmp_path: Path, pins: str, broken: set[str]
) -> None:
    trace = Trace()
    begun = len(trace.clocks)
    clocks = trace.transaction(READ, first_waits=1)
    for clock in clocks[1:3]:
        clock.m.irdy, clock.m.frame = 0, 1
    clocks[2].t.trdy = 1
    report_error(trace, begun + 4, pins)
    wrong = (begun + 3, begun + 4)
    assert labels(check(tmp_path, dump(trace, STYLE, wrong))) == broken | {"T22"}


def test_T23_nobody_reports_a_datum_that_nobody_took(tmp_path: Path) -> None:
    trace = Trace()
    begun = len(trace.clocks)
    trace.master_abort()
    report_error(trace, begun + 5, "1")
    assert labels(check(tmp_path, dump(trace, STYLE, (begun + 4,)))) == {"M27", "T23_perr"}


def test_PERR_is_driven_off_before_it_is_let_go(tmp_path: Path) -> None:
    trace = Trace()
    begun = len(trace.clocks)
    trace.transaction()
    report_error(trace, begun + 4, "1", releases=False)
    assert labels(check(tmp_path, dump(trace, STYLE, (begun + 2, begun + 3)))) == {"M27", "T12_perr"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (1, "2 clocks after an address phase with wrong parity"),
        (3, "for another reason than the parity of an address"),
    ],
)
def test_SERR_is_told_with_its_reason(tmp_path: Path, wrong: int, words: str) -> None:
    trace = Trace()
    begun = len(trace.clocks)
    clocks = trace.transaction()
    clocks[2].t.serr = clocks[3].t.serr = 1
    report = check(tmp_path, dump(trace, STYLE, (begun + wrong,)))
    assert report.errors == [f"SERR# came on at clock {begun + 3}, in Memory Write at 0x40000000, {words}."]
    assert labels(report) == {"M27"}
    assert report.errors[0] in list(lines(report, transactions=False))


@pytest.mark.parametrize(
    ("command", "address", "idsel", "broken"),
    [
        (0xA, 0x1_0000, 1, set()),
        (0xB, 0x2_0000, 2, set()),
        (0xA, 0x1_0000, 3, {"M15_one"}),
        (0xA, 0x1_0000, 0, {"T16"}),
        (0xA, 0x1_0001, 0, set()),  # of type 1, for a bridge
        (READ, ADDRESS, 3, set()),  # IDSEL may be a line of AD
    ],
)
def test_M15_T16_a_device_answers_a_configuration_transaction_if_its_IDSEL_is_on(
    tmp_path: Path, command: int, address: int, idsel: int, broken: set[str]
) -> None:
    trace = Trace()
    trace.transaction(command, address=address)[0].idsel = idsel
    assert labels(check(tmp_path, dump(trace, STYLE))) == broken
    assert labels(check(tmp_path, dump(trace, STYLE), Options(chosen={"idsel": "none"}))) == set()


def as_fst(file: Path, text: str) -> None:
    """Write the dump as an FST file."""
    library = pytest.importorskip("pylibfst").lib
    writer = library.fstWriterCreate(str(file).encode(), 1)
    library.fstWriterSetTimescale(writer, -9)
    handles: dict[str, int] = {}
    head, body = text.split("$enddefinitions $end\n")
    for line in head.splitlines():
        match line.split():
            case ["$scope", _, name, _]:
                library.fstWriterSetScope(writer, library.FST_ST_VCD_MODULE, name.encode(), b"")
            case ["$upscope", _]:
                library.fstWriterSetUpscope(writer)
            case ["$var", _, width, code, *name, _]:
                kind, way = library.FST_VT_VCD_WIRE, library.FST_VD_IMPLICIT
                handles[code] = library.fstWriterCreateVar(
                    writer, kind, way, int(width), " ".join(name).encode(), 0
                )
            case _:
                pass
    for line in body.splitlines():
        if line[0] == "#":
            library.fstWriterEmitTimeChange(writer, int(line[1:]))
        else:
            value, code = line[1:].split() if line[0] == "b" else (line[0], line[1:])
            library.fstWriterEmitValueChange(writer, handles[code], value.encode())
    library.fstWriterClose(writer)


@pytest.mark.parametrize("style", ["low-true names", "single bits"])
def test_an_FST_file_says_what_the_VCD_file_says(tmp_path: Path, style: str) -> None:
    trace = legal()
    BREAKS["M05"](trace)
    text = dump(trace, STYLES[style])
    file = tmp_path / "bus.any"
    as_fst(file, text)
    there, here = check_dump(file, Options()), check(tmp_path, text)
    assert labels(there) == {"M05"}
    assert (there.transactions, there.breaches) == (here.transactions, here.breaches)
    assert there.femtoseconds == here.femtoseconds
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DumpError, match="begins as an FST file, and libfst cannot read it"):
        check_dump(file, Options())


def test_an_FST_file_without_its_library_names_the_extra_and_a_converter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bus.fst"
    file.write_bytes(b"\0" + (329).to_bytes(8, "big") + bytes(400))
    monkeypatch.setitem(sys.modules, "pylibfst", None)
    assert main(["check-bus", str(file)]) == 2
    said = capsys.readouterr().err
    assert "pip install 'dirql[fst]', or convert it with: fst2vcd" in said


def test_a_dump_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "bus.vcd"
    with pytest.raises(
        DumpError, match=r"a dump must be a file that can be read; .*bus\.vcd could not be: no such file"
    ):
        check_dump(missing, Options())
    missing.mkdir()
    with pytest.raises(DumpError, match=r"bus\.vcd could not be: is a directory"):
        check_dump(missing, Options())


def test_a_compressed_dump_is_read_also_if_it_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "bus.vcd.gz"
    packed = gzip.compress(dump(legal(), STYLE).encode())
    file.write_bytes(packed)
    assert len(check_dump(file, Options()).transactions) == len(LEGAL)
    file.write_bytes(packed[: len(packed) * 3 // 4])
    part = check_dump(file, Options())
    assert part.breaches == []
    assert 0 < len(part.transactions) < len(LEGAL)
    file.write_bytes(packed[:60])
    with pytest.raises(DumpError, match="it is neither"):
        check_dump(file, Options())


@pytest.mark.parametrize("states", ["x", ""])
@pytest.mark.parametrize(("off", "on"), [(8, 14), (9, 30), (12, 40), (30, 31)])
def test_what_was_not_dumped_breaks_no_rule(tmp_path: Path, states: str, off: int, on: int) -> None:
    """Simulators write `x` for all variables at $dumpoff, or nothing; and all values at $dumpon."""
    head, *steps = ("\n" + dump(legal(), STYLE)).split("\n#")
    codes = dict(re.findall(r"\$var wire (?:\d+) (\S+) (\w+)", head))
    values = dict.fromkeys(codes, "")
    parts = [head]
    for step in steps:
        time, *changes = step.split("\n")
        values |= {
            change.split()[-1] if change[0] == "b" else change[1:]: change for change in changes if change
        }
        if int(time) == off * PERIOD:
            unknown = [f"bx {code}" for code in codes] if states else []
            parts.append("\n".join((time, "$dumpoff", *unknown, "$end")))
        elif int(time) == on * PERIOD:
            parts.append("\n".join((time, "$dumpon", *values.values(), "$end")))
        elif not off * PERIOD <= int(time) < on * PERIOD:
            parts.append(step)
    report = check(tmp_path, "\n#".join(parts).lstrip("\n"))
    assert report.breaches == []
    assert len(report.transactions) < len(LEGAL)


def test_the_lower_half_of_a_bus_of_64_bits_is_checked(tmp_path: Path) -> None:
    text = dump(legal(), STYLE).replace("$var wire 32 ", "$var wire 64 ").replace("AD [31:0]", "AD [63:0]")
    more = "".join(f"$var wire 1 ~{pin} {pin} $end\n" for pin in ("REQ64_n", "ACK64_n", "PAR64"))
    report = check(tmp_path, text.replace("$upscope", more + "$upscope", 1))
    assert report.breaches == []
    assert len(report.transactions) == len(LEGAL)
    assert (
        report.unchecked["AD63 to AD32, C/BE7 to C/BE4 and PAR64"] == "the bus is checked as one of 32 bits"
    )
    assert labels(check(tmp_path, broken_wide(text))) == {"M05"}


def broken_wide(text: str) -> str:
    """The dump of a broken rule with the declarations of this one."""
    trace = Trace()
    BREAKS["M05"](trace)
    mark = "$enddefinitions"
    return text.partition(mark)[0] + mark + dump(trace, STYLE).partition(mark)[2]


def test_times_may_be_huge_and_have_any_unit(tmp_path: Path) -> None:
    text = re.sub(r"#(\d+)", lambda time: f"#{int(time[1]) * 1000 + 10**17}", dump(legal(), STYLE))
    report = check(tmp_path, text.replace("  1ns", "1 ps"))
    assert report.breaches == []
    assert report.transactions[0].time > 10**17
    assert report.femtoseconds == 1000


def test_the_command_prints_what_is_broken_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = Trace()
    trace.transaction()
    BREAKS["M05"](trace)
    file = tmp_path / "bus.vcd"
    file.write_text(dump(trace, STYLE), encoding="ascii")
    assert main(["check-bus", str(file), "--transactions"]) == 1
    printed = capsys.readouterr().out
    assert "Memory Write at 0x40000000, completed, 1 datum: 00000100" in printed
    assert (
        "    M05: IRDY comes on within 8 clocks of the start or of the end of the data phase before."
        in printed
    )
    assert main(["check-bus", str(file), "--ignore", "M05"]) == 0
    assert printed.endswith("1 rule was broken, once.\n")
    assert capsys.readouterr().out.endswith("No rule was broken.\n")


@pytest.mark.slow
def test_the_waves_of_a_machine_of_dirql_show_what_its_host_asked_for(tmp_path: Path) -> None:
    """The bus of dirql is one structure; its pins are found in it."""
    waves = tmp_path / "waves.vcd"
    target = open_target("verilated", waves=waves, announce=lambda _line: None)
    place = MACHINE.functions[0].place.configuration_address
    asked = [target.read_configuration(place + offset) for offset in (0, 4, 8)]
    target.wait(4)
    target.close()
    if not waves.exists():
        pytest.skip("where the headers for it are installed, waves are FST")
    report = check_dump(waves, Options())
    assert report.breaches == []
    assert [transaction.data for transaction in report.transactions] == [[word] for word in asked]
    assert report.unchecked.keys().isdisjoint({"M30", "A01"})
