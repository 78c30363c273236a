# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers in C as programs load them: from files and folders, with facts beside them, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql import wdm
from dirql.c.driver import CDriver
from dirql.c.image.compiler import CompileError
from dirql.c.image.imports import MissingImports
from dirql.cli import main
from dirql.cm.service_keys import SERVICES
from dirql.driver_files import LoadError
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from source_tree import ROOT

pytestmark = pytest.mark.interpreted("c drivers")

HEAD = "#include <ntddk.h>\nDRIVER_INITIALIZE DriverEntry;\nstatic int loads;\n"
UNLOAD = 'static VOID Unload(PDRIVER_OBJECT d) { UNREFERENCED_PARAMETER(d); DbgPrint("unloaded\\n"); }\n'


def entry(body: str) -> str:
    """The text of a driver that does `body` in its entry point, and can be unloaded."""
    return (
        f"{HEAD}{UNLOAD}NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)\n{{\n"
        f"    driver->DriverUnload = Unload;\n    {body}\n    return STATUS_SUCCESS;\n}}\n"
    )


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_each_load_has_variables_of_its_own(machine: Machine, tmp_path: Path) -> None:
    file = write(tmp_path / "sample.c", entry('DbgPrint("load %d of %wZ\\n", ++loads, path);'))
    for _ in range(2):
        machine.unload_driver(machine.load_driver(file))
    assert machine.debug_output.count("load 1 of") == 2
    assert machine.debug_output.count("unloaded") == 2
    assert "sample" in machine.debug_output


def test_a_folder_is_a_driver_with_its_facts(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "inc").mkdir(parents=True)
    write(folder / "inc" / "Text.h", '#define SAID "from the header"\n')
    write(folder / "one.c", '#include "text.h"\n#include <ntddk.h>\nPCSTR Say(VOID) { return SAID; }\n')
    write(folder / "two.c", entry('PCSTR Say(VOID);\n    DbgPrint("%s %d", Say(), DEPTH);'))
    write(folder / "left_out.c", "this is no C\n")
    write(
        folder / "driver.toml",
        'service = "Both"\nsources = ["one.c", "two.c"]\ninclude = ["inc"]\n[define]\nDEPTH = 7\n'
        '[parameters]\nCount = 3\nNames = ["a", "b"]\n',
    )
    machine.load_driver(folder)
    assert machine.debug_output == "from the header 7"
    key = machine.registry.find(rf"{SERVICES}\Both\Parameters")
    assert key is not None
    count = key.value("Count")
    assert count is not None
    assert count.data == bytes([3, 0, 0, 0])


def test_a_file_is_a_driver_with_the_sources_that_its_facts_list(machine: Machine, tmp_path: Path) -> None:
    write(tmp_path / "main.c", entry('PCSTR Say(VOID);\n    DbgPrint("%s", Say());'))
    write(tmp_path / "say.c", '#include <ntddk.h>\nPCSTR Say(VOID) { return "from the other file"; }\n')
    facts = write(tmp_path / "main.toml", 'sources = ["main.c", "say.c"]\n')
    machine.load_driver(tmp_path / "main.c")
    assert machine.debug_output == "from the other file"
    both = CDriver(tmp_path / "main.c", tmp_path / "main.c")
    assert [source.name for source in both.sources] == ["main.c", "main.c"]
    write(facts, 'sources = ["main.c", "none.c"]\n')
    with pytest.raises(
        ValueError, match=r"main\.toml: sources must name files that exist; .*none\.c does not"
    ):
        CDriver(tmp_path / "main.c")


def test_addresses_and_interrupts_of_a_bus_as_a_legacy_driver_asks_for_them(
    machine: Machine, tmp_path: Path
) -> None:
    """HalTranslateBusAddress changes the space in place; HalGetInterruptVector gives the IRQL and the processors."""
    body = """PHYSICAL_ADDRESS from, to;
    ULONG space = 1, nowhere = 7, vector;
    BOOLEAN found, lost;
    KIRQL irql = 0;
    KAFFINITY affinity = 0;

    from.QuadPart = 0x1234;
    to.QuadPart = 0;
    found = HalTranslateBusAddress(PCIBus, 0, from, &space, &to);
    lost = HalTranslateBusAddress(PCIBus, 0, from, &nowhere, &from);
    vector = HalGetInterruptVector(PCIBus, 0, 1, 1, &irql, &affinity);
    DbgPrint("%d %lu %I64x, %d %lu, %lx %d %I64x", found, space, to.QuadPart, lost, nowhere, vector, irql, affinity);"""
    machine.load_driver(write(tmp_path / "legacy.c", entry(body)))
    vector, irql, affinity = wdm.HalGetInterruptVector(wdm.PCIBus, 0, 1, 1)
    assert machine.debug_output == f"1 1 1234, 0 7, {vector:x} {irql} {affinity:x}"


def test_structured_exceptions_have_the_names_of_reactos_too(machine: Machine, tmp_path: Path) -> None:
    body = """NTSTATUS status = STATUS_SUCCESS;
    ULONG steps = 0;
    _SEH2_TRY {
        _SEH2_TRY {
            if (driver != NULL) _SEH2_LEAVE;
            steps += 100;
        } _SEH2_FINALLY {
            steps += _SEH2_AbnormalTermination() ? 10 : 1;
        } _SEH2_END;
        *(volatile LONG *)NULL = 1;
    } _SEH2_EXCEPT(_SEH2_GetExceptionCode() == STATUS_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER
                                                                       : EXCEPTION_CONTINUE_SEARCH) {
        status = _SEH2_GetExceptionCode();
    } _SEH2_END;
    DbgPrint("%lx %lu", status, steps);"""
    machine.load_driver(write(tmp_path / "seh.c", f"#include <pseh/pseh2.h>\n{entry(body)}"))
    assert machine.debug_output == "c0000005 1"


def test_the_name_of_a_service_may_have_dots(machine: Machine, tmp_path: Path) -> None:
    machine.load_driver(write(tmp_path / "bus.v2.c", entry('DbgPrint("%wZ", path);')))
    assert machine.debug_output.endswith(r"\bus.v2")


def test_errors_before_the_load_stop_nothing(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"bad\.c:\d+:\d+: error: "):
        machine.load_driver(write(tmp_path / "bad.c", entry("nothing here;")))
    with pytest.raises(MissingImports, match="the nearest that dirql has is KeSetEvent"):
        machine.load_driver(write(tmp_path / "lacks.c", entry("KeSetEvnt();")))
    machine.load_driver(write(tmp_path / "good.c", entry('DbgPrint("loaded");')))
    assert machine.debug_output == "loaded"


def test_a_status_of_the_entry_point_is_told(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="DriverEntry ended with STATUS_DEVICE_DOES_NOT_EXIST"):
        machine.load_driver(write(tmp_path / "refuses.c", entry("return STATUS_DEVICE_DOES_NOT_EXIST;")))


def test_a_wrong_pointer_names_function_file_and_line(machine: Machine, tmp_path: Path) -> None:
    text = entry("*(volatile int *)0x10 = 1;")
    line = text[: text.index("*(volatile")].count("\n") + 1
    with pytest.raises(BugCheck, match=rf"DriverEntry \(.*wrong\.c:{line}\)"):
        machine.load_driver(write(tmp_path / "wrong.c", text))


def test_sources_that_cannot_be_are_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "other.txt", "")
    source = write(tmp_path / "source.c", "")
    for sources, complaint in (
        ((), "must have a source"),
        ((tmp_path / "no.c",), "must exist; .*no.c' does not"),
        ((other,), "must be a .c file, a folder with .c files, or a .so or .sys file; it was .*other.txt"),
        ((source, other), "of several sources each must be a .c file; one was .*other.txt"),
        ((tmp_path / "none",), "must exist"),
    ):
        with pytest.raises(ValueError, match=complaint):
            CDriver(*sources)
    for name in ("a/b", r"a\b"):
        with pytest.raises(ValueError, match=r"must be a text without / and \\; it was 'a"):
            CDriver(source, name=name)


def test_the_command_line_says_what_is_missing_and_measures_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "examples" / "first_driver" / "identify.c").read_text(encoding="utf-8")
    write(
        tmp_path / "identify.py",
        'def scenario(machine):\n    with machine.open(r"\\\\.\\Identify") as handle:\n'
        "        yield lambda number: len(handle.read(4))\n",
    )
    arguments = ["run", "--driver", str(tmp_path / "identify.c"), "--transfers", "3", "--interrupt", "level"]
    write(tmp_path / "identify.c", source.replace("IoCompleteRequest(", "IoCompleteReqest("))
    assert main(arguments) != 0
    assert "the nearest that dirql has is IoCompleteRequest" in capsys.readouterr().err
    write(tmp_path / "identify.c", source)
    assert main(arguments) == 0
    assert "All data was right and nothing leaked." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sample.c", "sample.so", "sample.sys"])
def test_a_driver_in_c_without_a_scenario_is_told_which_file_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = write(tmp_path / name, entry(""))
    assert main(["run", "--driver", str(file)]) == 2
    complaint = capsys.readouterr().err
    assert f"must have its scenario in '{tmp_path / 'sample.py'}', which is not there" in complaint


def test_an_image_that_is_none_is_told_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "sample.sys", "no image")
    write(tmp_path / "sample.py", "def scenario(machine):\n    yield\n")
    assert main(["run", "--driver", str(file)]) != 0
    assert "sample.sys: a driver's image for Windows must begin with MZ" in capsys.readouterr().err


BY_NAME = """UNICODE_STRING name;
    ULONG (*query)(VOID);
    RtlInitUnicodeString(&name, L"KeQueryActiveProcessors");
    query = (ULONG (*)(VOID))(ULONG_PTR)MmGetSystemRoutineAddress(&name);
    DbgPrint("%u ", query());
    RtlInitUnicodeString(&name, L"KeNumberProcessors");
    DbgPrint("%d ", *(PCCHAR)MmGetSystemRoutineAddress(&name));
    RtlInitUnicodeString(&name, L"KeNoSuchRoutine");
    DbgPrint("%p", MmGetSystemRoutineAddress(&name));"""


def test_routines_are_found_by_their_names(machine: Machine, tmp_path: Path) -> None:
    machine.load_driver(write(tmp_path / "by_name.c", entry(BY_NAME)))
    assert machine.debug_output == f"1 1 {0:016X}"


DEEP = """static ULONG Deepest, Returned;
static EXPAND_STACK_CALLOUT Nest;
static VOID Nest(PVOID Parameter)
{
    ULONG left = (ULONG)(ULONG_PTR)Parameter;
    LARGE_INTEGER interval;

    if (left != 0) {
        KeExpandKernelStackAndCallout(Nest, (PVOID)(ULONG_PTR)(left - 1), 4096);
    } else {
        interval.QuadPart = -10;
        KeDelayExecutionThread(KernelMode, FALSE, &interval);
        Deepest = 1;
    }
    Returned += left;
}
"""


def test_calls_nest_two_hundred_deep_and_wait_there(machine: Machine, tmp_path: Path) -> None:
    """Each level goes from C to Python and back, and asks for a page of stack."""
    body = entry('Nest((PVOID)200);\n    DbgPrint("%u %u", Deepest, Returned);')
    machine.load_driver(
        write(tmp_path / "deep.c", body.replace("NTSTATUS DriverEntry(", f"{DEEP}NTSTATUS DriverEntry(", 1))
    )
    assert machine.debug_output == f"1 {sum(range(201))}"


LARGE = """static EXPAND_STACK_CALLOUT Large;
static VOID Large(PVOID Parameter)
{
    volatile UCHAR room[40000];

    room[0] = room[39999] = 7;
    DbgPrint("%u ", room[0] + room[39999] + *(PULONG)Parameter);
    ExRaiseStatus(STATUS_DEVICE_BUSY);
}
"""
RAISE = """ULONG value = 1;
    for (int round = 0; round < 3; round++) {
        __try {
            KeExpandKernelStackAndCallout(Large, &value, MAXIMUM_EXPANSION_SIZE);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            DbgPrint("%x ", GetExceptionCode());
        }
    }"""


def test_a_callout_has_the_stack_that_it_asks_for_and_may_raise(machine: Machine, tmp_path: Path) -> None:
    text = entry(RAISE).replace("NTSTATUS DriverEntry(", f"{LARGE}NTSTATUS DriverEntry(", 1)
    machine.load_driver(write(tmp_path / "large.c", text))
    assert machine.debug_output == "15 80000011 " * 3
