# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The C headers, compiled by gcc: they agree with the description, and a driver can be written with them."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdk.c_headers import C_FLAGS, INCLUDE
from wdk.c_types import Enumeration, Record, Typedef
from wdk.description import load_description
from wdk.layout import Layout, Place, TypeTable

HEADERS = sorted(file.name for file in INCLUDE.glob("*.h"))
WARNINGS = ("-Wall", "-Wextra", "-Werror")

DRIVER = """
#include <ntddk.h>
#include <initguid.h>
#include <wdmguid.h>

DRIVER_INITIALIZE DriverEntry;
static DRIVER_ADD_DEVICE add_device;
static DRIVER_UNLOAD unload;
static DRIVER_DISPATCH read;
static KDEFERRED_ROUTINE dpc_routine;
static KSERVICE_ROUTINE isr;

typedef struct _EXTENSION {
    PDEVICE_OBJECT lower;
    KDPC dpc;
    KEVENT idle;
    LIST_ENTRY waiting;
    PKINTERRUPT interrupt;
} EXTENSION, *PEXTENSION;

static const WCHAR name[] = L"\\\\Device\\\\Test";
static const GUID *const bus_type = &GUID_BUS_TYPE_PCI;
C_ASSERT(sizeof(name) == 2 * sizeof("\\\\Device\\\\Test"));

static NTSTATUS add_device(_In_ PDRIVER_OBJECT DriverObject, _In_ PDEVICE_OBJECT PhysicalDeviceObject)
{
    UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\\\Device\\\\Test");
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status;

    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->lower = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    InitializeListHead(&extension->waiting);
    KeInitializeEvent(&extension->idle, NotificationEvent, TRUE);
    KeInitializeDpc(&extension->dpc, dpc_routine, extension);
    device->Flags |= DO_DIRECT_IO;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static BOOLEAN isr(_In_ PKINTERRUPT Interrupt, _In_ PVOID ServiceContext)
{
    PEXTENSION extension = ServiceContext;

    UNREFERENCED_PARAMETER(Interrupt);
    return KeInsertQueueDpc(&extension->dpc, NULL, NULL);
}

static VOID dpc_routine(_In_ PKDPC Dpc, _In_opt_ PVOID DeferredContext, _In_opt_ PVOID SystemArgument1,
                        _In_opt_ PVOID SystemArgument2)
{
    PEXTENSION extension = CONTAINING_RECORD(Dpc, EXTENSION, dpc);

    UNREFERENCED_PARAMETER(DeferredContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    while (!IsListEmpty(&extension->waiting)) {
        PIRP irp = CONTAINING_RECORD(RemoveHeadList(&extension->waiting), IRP, Tail.Overlay.ListEntry);

        irp->IoStatus.Status = STATUS_SUCCESS;
        irp->IoStatus.Information = IoGetCurrentIrpStackLocation(irp)->Parameters.Read.Length;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
    }
    KeSetEvent(&extension->idle, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS read(_In_ PDEVICE_OBJECT DeviceObject, _In_ PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;

    IoMarkIrpPending(Irp);
    InsertTailList(&extension->waiting, &Irp->Tail.Overlay.ListEntry);
    return STATUS_PENDING;
}

static VOID unload(_In_ PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    PKSERVICE_ROUTINE service_routine = isr;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_READ] = read;
    DriverObject->DriverExtension->AddDevice = add_device;
    DriverObject->DriverUnload = unload;
    return service_routine != NULL && bus_type->Data4[7] == 0xe3 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
"""


def gcc(source: str, *arguments: str) -> str:
    """The messages of gcc for a C text; "" if it has none."""
    command = ["gcc", *C_FLAGS, *WARNINGS, f"-I{INCLUDE}", *arguments, "-x", "c", "-"]
    return subprocess.run(command, input=source, text=True, capture_output=True, check=False).stderr


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_compiles_alone(header: str) -> None:
    assert gcc(f"#include <{header}>\n", "-fsyntax-only") == ""


def test_the_order_of_headers_does_not_matter() -> None:
    for first, second in itertools.permutations(("ntstatus.h", "bugcodes.h", "ntdef.h", "ntifs.h"), 2):
        text = f"#include <{first}>\n#include <{second}>\n#include <ntddk.h>\n#include <wdm.h>\n"
        assert gcc(text, "-fsyntax-only") == ""


@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
def test_a_driver_compiles(optimisation: str) -> None:
    assert gcc(DRIVER, "-fPIC", optimisation, "-o", "/dev/null", "-c") == ""


def test_a_driver_that_misuses_a_type_does_not_compile() -> None:
    assert "incompatible pointer type" in gcc(DRIVER.replace("= add_device;", "= unload;"), "-fsyntax-only")


def size_lines(table: TypeTable) -> Iterator[tuple[str, str]]:
    """Each C statement that prints something, and the line that it must print."""
    for each in table.types:
        match each:
            case Typedef() | Record():
                yield f'print("{each.name}", sizeof({each.name}));', f"{each.name} {each.size}"
        if isinstance(each, Record):
            layout = table.layout(each)
            yield f'print("{each.name}", _Alignof({each.name}));', f"{each.name} {layout.align}"
            for place in layout.places:
                yield place_line(each, place, layout)
        if isinstance(each, Enumeration):
            for name, value in each.members:
                yield f'print("{name}", {name});', f"{name} {value}"


def element_path(record: Record, path: str) -> str:
    """The path of a member in C: of an array of structures, the first element's."""
    arrays = {
        each for each, field in record.body.members() if field.body is not None and field.length is not None
    }
    parts = path.split(".")
    prefixes = [".".join(parts[: end + 1]) for end in range(len(parts) - 1)]
    steps = [part + "[0]" * (prefix in arrays) for part, prefix in zip(parts, prefixes, strict=False)]
    return ".".join([*steps, parts[-1]])


def place_line(record: Record, place: Place, layout: Layout) -> tuple[str, str]:
    name = f"{record.name}.{place.path}"
    path = element_path(record, place.path)
    if not place.bits:
        return f'print("{name}", offsetof({record.name}, {path}));', f"{name} {place.offset}"
    mask = ((1 << place.bits) - 1) << (8 * place.offset + place.lowest_bit)
    expected = mask.to_bytes(layout.size, "little").hex()
    statement = (
        f"{{ {record.name} value; memset(&value, 0, sizeof value); value.{path} = -1;"
        f' print_bytes("{name}", &value, sizeof value); }}'
    )
    return statement, f"{name} {expected}"


PROLOGUE = """
#include <stdio.h>
#include <string.h>
#include <ntifs.h>
static void print(const char *name, long long value) { printf("%s %lld\\n", name, value); }
static void print_bytes(const char *name, const void *value, size_t size)
{
    printf("%s ", name);
    for (size_t each = 0; each < size; each++) {
        printf("%02x", ((const unsigned char *)value)[each]);
    }
    printf("\\n");
}
int main(void)
{
"""


def test_sizes_and_offsets_are_those_of_the_description(tmp_path: Path) -> None:
    lines = list(size_lines(load_description().types))
    source = PROLOGUE + "\n".join(statement for statement, _ in lines) + "\nreturn 0;\n}\n"
    program = tmp_path / "layout"
    # A bit field of one signed bit holds -1, and so does an unsigned one of any width after it is cut.
    assert gcc(source, "-Wno-overflow", "-o", str(program)) == ""
    printed = subprocess.run([str(program)], text=True, capture_output=True, check=True).stdout.splitlines()
    assert printed == [expected for _, expected in lines]
    assert len(printed) > 2000
