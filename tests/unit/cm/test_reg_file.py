# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Registry files: what is read, what is written, and files that are wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dirql import wdm
from dirql.cm.reg_reading import RegistryFileError
from dirql.cm.service_keys import SERVICES
from dirql.files import FileNotWritten
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget
from source_tree import ROOT
from unit.cm.registry import (
    SOFTWARE,
    allocate,
    attributes,
    create_key,
    open_key,
    put,
    set_value,
    value_names,
    value_of,
    wide,
)

HEADER = "Windows Registry Editor Version 5.00\n"
BELOW = "\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\File]\n"


@contextmanager
def opened(**options: Any) -> Iterator[Machine]:
    with open_machine(ScriptedTarget(), costs=Costs.free(), **options) as machine:
        yield machine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "machine.reg"


def value_in(file: Path, name: str, key: str = r"\File") -> tuple[int, bytes]:
    with opened(registry=file):
        handle = open_key(SOFTWARE + key)
        found = value_of(handle, name)
        wdm.ZwClose(handle)
    return found


READ = [
    (r'"v"="a text"', wdm.REG_SZ, wide("a text")),
    (r'"v"="C:\\x \"y\""', wdm.REG_SZ, wide('C:\\x "y"')),
    ('"v"=""  ; empty', wdm.REG_SZ, wide("")),
    ('  "V" = dword:1f', wdm.REG_DWORD, b"\x1f\0\0\0"),
    ('"v"=dword:FFFFFFFF ; all', wdm.REG_DWORD, b"\xff" * 4),
    ('"v"=hex:01,2,FF', wdm.REG_BINARY, b"\1\2\xff"),
    ('"v"=hex:', wdm.REG_BINARY, b""),
    ('"v"=hex(2):25,00,00,00', wdm.REG_EXPAND_SZ, b"%\0\0\0"),
    ('"v"=hex(b):01,00,00,00,\\\n  00,00,\\\n  00,00', wdm.REG_QWORD, b"\1" + bytes(7)),
    ('"v"=hex(1234):01', 0x1234, b"\1"),
    ('"v"="old"\n"v"=dword:2', wdm.REG_DWORD, b"\2\0\0\0"),
    ('"w"="x"\n; "v"="no"\n\n"v"="yes"', wdm.REG_SZ, wide("yes")),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_REG_11_values_of_each_form_are_read(file: Path, encoding: str) -> None:
    keys = [BELOW.replace("File", f"File{number}") + lines for number, (lines, _, _) in enumerate(READ)]
    text = HEADER + "\n".join(keys) + "\n"
    file.write_bytes((text.replace("\n", "\r\n") if encoding == "utf-16" else text).encode(encoding))
    with opened(registry=file):
        for number, (_, type, data) in enumerate(READ):
            key = open_key(rf"{SOFTWARE}\File{number}")
            assert value_of(key, "v") == (type, data)
            wdm.ZwClose(key)


def test_REG_11_the_unnamed_value_and_other_roots(file: Path) -> None:
    file.write_text(
        HEADER
        + '[HKLM\\SOFTWARE\\File]\n@="unnamed"\n[HKCU\\Own]\n"v"=dword:1\n[HKEY_USERS\\.Default\\Other]\n'
        + '[hkey_classes_root\\Kind]\n"\\"quoted\\""=dword:7\n'
    )
    assert value_in(file, "") == (wdm.REG_SZ, wide("unnamed"))
    assert value_in(file, '"quoted"', r"\Classes\Kind") == (wdm.REG_DWORD, b"\7\0\0\0")
    with opened(registry=file):
        keys = [open_key(r"\Registry\User\.DEFAULT" + "\\" + name) for name in ("Own", "Other")]
        assert value_names(keys[0]) == ["v"]
        assert [wdm.ZwClose(key) for key in keys] == [0, 0]


def test_REG_11_keys_and_values_are_deleted(file: Path) -> None:
    below = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\File"
    file.write_text(
        HEADER
        + f'{below}\\A\\B]\n"v"=dword:1\n{below}]\n"x"="1"\n"y"="2"\n"x"=-\n"gone"=-\n[-{below[1:]}\\a]\n'
    )
    with opened(registry=file):
        key = open_key(SOFTWARE + r"\File")
        assert value_names(key) == ["y"]
        gone = attributes(SOFTWARE + r"\File\A")
        assert wdm.ZwOpenKey(wdm.KEY_READ, gone)[0] == wdm.STATUS_OBJECT_NAME_NOT_FOUND
        wdm.ZwClose(key)


def test_REG_11_the_current_control_set_is_that_of_select(file: Path) -> None:
    file.write_text(
        HEADER
        + '[HKLM\\SYSTEM\\CurrentControlSet\\Control\\Mine]\n"v"=dword:1\n'
        + '[HKLM\\SYSTEM\\Select]\n"Current"=dword:2\n"Default"=dword:2\n'
    )
    with opened(registry=file):
        key = open_key(r"\Registry\Machine\SYSTEM\ControlSet002\Control\Mine")
        assert value_names(key) == ["v"]
        wdm.ZwClose(key)


WRONG = [
    ("", 1, "the first line must be \"Windows Registry Editor Version 5.00\"; it was ''"),
    ("REGEDIT4\n", 1, "the first line must be"),
    (HEADER + '"v"="x"\n', 2, "a value must stand below its key"),
    (HEADER + "[HKLM\\SOFTWARE\\x\n", 2, "a key must end with a bracket; it was '[HKLM"),
    (HEADER + "[HKEY_X\\SOFTWARE]\n", 2, "a key must be below one of HKEY_LOCAL_MACHINE, HKEY_USERS"),
    (HEADER + f"[HKLM\\{'n' * 256}]\n", 2, "the name of a key must have at most 255 characters"),
    (HEADER + "[-HKLM\\SOFTWARE]\n", 2, "a key to delete must be below SYSTEM, SOFTWARE"),
    (HEADER + '[-HKLM\\SOFTWARE\\x]\n"v"=-\n', 3, "a value must stand below its key"),
    (HEADER + BELOW + "v=1\n", 4, 'a line must be a key in brackets, "name"=value, @=value, or a comment'),
    (HEADER + BELOW + '"v"=1\n', 4, 'the value of "v" must be a text in quotes, dword: with up to 8'),
    (HEADER + BELOW + '"v"="x\n', 4, "must be a text in quotes"),
    (HEADER + BELOW + '"v"=dword:123456789\n', 4, "must be a text in quotes"),
    (HEADER + BELOW + '"v"=dword:12G\n', 4, "it was 'dword:12G'"),
    (HEADER + BELOW + '"v"=hex(x):00\n', 4, "it was 'hex(x):00'"),
    (HEADER + BELOW + '\n"v"=hex:00,\\\n  1z,00\n', 5, 'each byte of "v" must be two hexadecimal digits'),
    (HEADER + BELOW + '"v"=hex:00,,00\n', 4, "it was ''"),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG)
def test_REG_11_a_wrong_line_is_told_and_nothing_is_lost(
    file: Path, text: str, line: int, message: str
) -> None:
    file.write_text(text)
    with pytest.raises(RegistryFileError) as refused, opened(registry=file, save_registry=True):
        pass
    assert str(refused.value).startswith(f"{file}:{line}: ")
    assert message in str(refused.value)
    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_REG_11_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(HEADER.encode() + b"\n; caf\xe9\n")
    with pytest.raises(RegistryFileError, match=r"machine.reg:3: a registry file must be UTF-8, or UTF-16"):
        open_machine(ScriptedTarget(), registry=file)
    with pytest.raises(RegistryFileError, match="must be a file that can be read: no such file"):
        open_machine(ScriptedTarget(), registry=file.with_name("other.reg"))
    with pytest.raises(RegistryFileError, match="must be one that can be written: there is no folder"):
        open_machine(ScriptedTarget(), registry=file.parent / "gone" / "x.reg", save_registry=True)
    with pytest.raises(RegistryFileError, match="must be one that can be written: it is a folder"):
        open_machine(ScriptedTarget(), registry=file.parent, save_registry=True)
    with opened() as machine:  # a machine that was not opened has let go of everything
        assert not machine.closed


WRITTEN = """Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SOFTWARE\\File]
@="C:\\\\x \\"y\\""
"Number"=dword:00000007
"Odd"=hex(4):01,02
"Big"=hex(b):01,00,00,00,00,00,00,00
"Bytes"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,\\
  16,17,18,19,1a,1b,1c,1d
; %SystemRoot%
"Variable"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,\\
  74,00,25,00,00,00
; a | bc
"Texts"=hex(7):61,00,00,00,62,00,63,00,00,00,00,00
"Not text"=hex(1):0a,00,00,00
"Cut"=hex(1):61,00
"None"=hex(0):

[HKEY_LOCAL_MACHINE\\SOFTWARE\\File\\Empty]

[HKEY_USERS\\.DEFAULT\\Größe]
"v"="ü"
"""


SELECT = """[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]
"Current"=dword:00000001
"Default"=dword:00000001
"Failed"=dword:00000000
"LastKnownGood"=dword:00000002

"""
"""A machine that has started with a file has numbers of its control sets."""


def fill() -> None:
    """Make the keys and values of `WRITTEN`, and some that are not kept."""
    key = create_key(SOFTWARE + r"\File")
    handles = [key, create_key("Empty", key), create_key(r"\Registry\User\.DEFAULT\Größe")]
    handles.append(create_key("Volatile", key, wdm.REG_OPTION_VOLATILE))
    handles.append(create_key(r"\Registry\Machine\HARDWARE\Mine"))
    set_value(handles[2], "v", wdm.REG_SZ, wide("ü"))
    for name, type, data in (
        ("", wdm.REG_SZ, wide('C:\\x "y"')),
        ("Number", wdm.REG_DWORD, b"\7\0\0\0"),
        ("Odd", wdm.REG_DWORD, b"\1\2"),
        ("Big", wdm.REG_QWORD, b"\1" + bytes(7)),
        ("Bytes", wdm.REG_BINARY, bytes(range(30))),
        ("Variable", wdm.REG_EXPAND_SZ, wide("%SystemRoot%")),
        ("Texts", wdm.REG_MULTI_SZ, wide("a") + wide("bc") + wide("")),
        ("Not text", wdm.REG_SZ, wide("\n")),
        ("Cut", wdm.REG_SZ, b"a\0"),
        ("None", wdm.REG_NONE, b""),
    ):
        set_value(key, name, type, data)
    for handle in handles:
        wdm.ZwClose(handle)


def test_REG_11_what_is_written_is_read_again(file: Path) -> None:
    machine = open_machine(ScriptedTarget(), costs=Costs.free())
    fill()
    machine.save_registry(file)
    machine.kernel.stop(RuntimeError("the test is over"))
    machine.close()
    assert file.read_text(encoding="utf-8") == WRITTEN
    again = file.with_name("again.reg")
    with opened(registry=file) as machine:
        machine.save_registry(again)
    select = WRITTEN.replace("[HKEY_USERS", SELECT + "[HKEY_USERS")
    assert again.read_text(encoding="utf-8") == select


def save_change(file: Path) -> None:
    """Change a value on a machine that saves its registry."""
    with opened(registry=file, save_registry=True):
        status, key, _ = wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, attributes(SOFTWARE + r"\File"), 0, None, 0)
        assert key is not None, hex(status)
        wdm.ZwSetValueKey(key, "saved", 0, wdm.REG_NONE, None, 0)
        wdm.ZwClose(key)


def test_REG_11_a_new_file_is_written_when_the_machine_closes(file: Path) -> None:
    save_change(file)
    assert value_in(file, "saved") == (wdm.REG_NONE, b"")
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_REG_11_a_file_keeps_its_encoding(file: Path, encoding: str) -> None:
    file.write_bytes((HEADER + BELOW).replace("\n", "\r\n").encode(encoding))
    save_change(file)
    contents = file.read_bytes()
    assert contents[:3] == (HEADER.encode(encoding))[:3]
    assert '\r\n"saved"=hex(0):\r\n' in contents.decode(encoding)


def test_REG_11_without_being_asked_the_file_stays(file: Path) -> None:
    file.write_text(HEADER + BELOW)
    with opened(registry=file):
        key = open_key(SOFTWARE + r"\File")
        wdm.ZwSetValueKey(key, "x", 0, wdm.REG_NONE, None, 0)
        assert wdm.ZwFlushKey(key) == wdm.STATUS_SUCCESS
        wdm.ZwClose(key)
    assert file.read_text() == HEADER + BELOW


def test_REG_11_a_flush_writes_the_file_at_once(file: Path) -> None:
    file.write_text(HEADER + BELOW)
    file.chmod(0o640)
    with opened(registry=file, save_registry=True):
        key = open_key(SOFTWARE + r"\File")
        wdm.ZwSetValueKey(key, "flushed", 0, wdm.REG_NONE, None, 0)
        assert "flushed" not in file.read_text()
        assert wdm.ZwFlushKey(key) == wdm.STATUS_SUCCESS
        assert "flushed" in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o640
        wdm.ZwClose(key)


def test_REG_11_a_file_that_cannot_be_written_stays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(HEADER + BELOW)
    machine = open_machine(ScriptedTarget(), costs=Costs.free(), registry=file, save_registry=True)
    key = open_key(SOFTWARE + r"\File")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert wdm.ZwFlushKey(key) == wdm.STATUS_REGISTRY_IO_FAILED
    wdm.ZwClose(key)
    with pytest.raises(FileNotWritten, match=r"machine.reg could not be written: no space left on device"):
        machine.close()
    assert file.read_text() == HEADER + BELOW
    assert list(file.parent.iterdir()) == [file]
    assert machine.closed


def test_REG_11_a_machine_that_was_stopped_does_not_save(file: Path) -> None:
    file.write_text(HEADER + BELOW)
    machine = open_machine(ScriptedTarget(), registry=file, save_registry=True)
    machine.kernel.stop(RuntimeError("the test is over"))
    machine.close()
    assert file.read_text() == HEADER + BELOW


PAGE = (ROOT / "docs" / "registry.md").read_text(encoding="utf-8")


def test_the_file_and_the_message_of_the_page_are_right(file: Path) -> None:
    lines = PAGE.split("in UTF-8 or UTF-16:\n\n")[1].split("\n\n|")[0]
    text = "\n".join(line.removeprefix("    ") for line in lines.splitlines())
    file.write_text(text)
    with opened(registry=file):
        key = open_key(r"\Registry\Machine\SYSTEM\CurrentControlSet\Services\own\Parameters")
        assert value_of(key, "depth") == (wdm.REG_DWORD, b"\x10\0\0\0")
        assert value_names(key) == ["Name", "Depth", "Table"]
        wdm.ZwClose(key)
    file.write_text(text.replace("dword:00000010", "16").replace('"Name"="a text"\n', ""))
    with pytest.raises(RegistryFileError) as refused, opened(registry=file):
        pass
    begin, _, end = PAGE.split("    own.reg")[1].splitlines()[0].partition("…")
    assert str(refused.value).startswith(f"{file}{begin}")
    assert str(refused.value).endswith(end)


def test_the_code_of_the_page_runs(file: Path) -> None:
    names: dict[str, Any] = {}
    for block in PAGE.split("```python\n")[1:]:
        exec(block.split("```")[0], names)
    with opened(drivers=names["services"]) as machine:
        parameters = machine.registry.find(SERVICES + r"\store\Parameters")
        assert parameters is not None
        assert [value.name for value in parameters.values()] == ["Depth"]
        assert list(machine.loaded_services) == ["pci", "store"]
        key = create_key(SOFTWARE + r"\Page")
        buffer, data = allocate(16), put(b"\x10\0\0\0")
        assert wdm.ZwSetValueKey(key, "Depth", 0, wdm.REG_DWORD, data, 4) == wdm.STATUS_SUCCESS
        assert names["read_number"](key, "Depth", buffer) == 16
        assert names["read_number"](key, "Width", buffer) == 0
        wdm.ZwClose(key)
        for address in (buffer, data):
            wdm.ExFreePoolWithTag(address, wdm.POOL_TAG("Test"))


@pytest.mark.row("REG-16")
def test_any_name_leaves_a_file_that_can_be_read(file: Path) -> None:
    names = ["two\nlines", "\r", "\ud800 alone", '"quoted" \\ ] = ;']
    path = r"\Registry\Machine\SOFTWARE\File"
    with opened(registry=file, save_registry=True) as machine:
        key = machine.registry.ensure(path)
        for name in names:
            machine.registry.set_value(key, name, wdm.REG_DWORD, b"\1\0\0\0")
        machine.registry.create(key, "a\nkey", is_volatile=False)
    with opened(registry=file) as machine:
        found = machine.registry.find(path)
        assert found is not None
        assert {value.name for value in found.values()} == set(names[2:])
        assert not list(found.subkeys())
    text = file.read_text(encoding="utf-8", errors="surrogatepass")
    assert "; a value is not kept, because its name is not one line: 'two\\nlines'" in text


def test_keys_below_a_link_that_leads_nowhere_are_made_where_it_leads(file: Path) -> None:
    file.write_text(
        f"{HEADER}\n[-HKLM\\SYSTEM\\ControlSet001]\n\n[HKLM\\SYSTEM\\CurrentControlSet\\Services\\x]\n"
    )
    with opened(registry=file) as machine:
        system = machine.registry.find(r"\Registry\Machine\SYSTEM")
        assert system is not None
        names = [each.name for each in system.subkeys()]
        assert names.count("CurrentControlSet") == 1
        assert machine.registry.find(r"\Registry\Machine\SYSTEM\ControlSet001\Services\x") is not None


def test_a_registry_that_cannot_be_written_hides_no_other_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ZeroDivisionError) as caught:
        fail_without_the_folder(folder)
    assert "machine.reg" in "".join(caught.value.__notes__)


def fail_without_the_folder(folder: Path) -> None:
    with opened(registry=folder / "machine.reg", save_registry=True):
        folder.rmdir()
        raise ZeroDivisionError


def test_a_wrong_limit_opens_no_target() -> None:
    target = ScriptedTarget()
    with pytest.raises(ValueError, match="a limit must be"):
        open_machine(target, limits="nonsense")
    target.close()


def test_a_registry_that_is_to_be_saved_needs_a_file() -> None:
    with pytest.raises(
        ValueError, match="save_registry must come with a registry, the file to write; there was none"
    ):
        open_machine(ScriptedTarget(), save_registry=True)
