# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generates the ROM of the USB core, and the numbers by which the host finds the device, from usb/device.toml.

    python hdl/link/usb_descriptors.py            writes the files
    python hdl/link/usb_descriptors.py --check    exits 1 and names the files that are not what it would write

The layouts are those of USB 2.0, 9.6, of the BOS descriptor of USB 3.2, 9.6.2, and of the Microsoft OS 2.0 Descriptors
Specification.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tomllib
import uuid
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

__all__ = ["Device", "Entry", "entries", "main", "read_device", "render_all"]

HERE = Path(__file__).resolve().parent / "usb"
ROOT = HERE.parents[2]
COMMAND = "python hdl/link/usb_descriptors.py"

INTERNAL = 0x100
"""Added to a kind that a host cannot ask for by GET_DESCRIPTOR."""


class Kind(IntEnum):
    """Kinds of descriptors (USB 2.0, table 9-5), and of other answers in the ROM."""

    DEVICE = 1
    CONFIGURATION = 2
    STRING = 3
    INTERFACE = 4
    ENDPOINT = 5
    BOS = 15
    CAPABILITY = 16
    CONSTANT_8 = INTERNAL
    CONSTANT_16 = INTERNAL + 1
    VENDOR_SET = INTERNAL + 2


ENGLISH = 0x0409
VENDOR_CLASS = 0xFF
BULK, INTERRUPT, TO_HOST = 2, 3, 0x80
PLATFORM = 5
MICROSOFT = uuid.UUID("D8DD60DF-4589-4CC7-9CD2-659D9E648A9F")
WINDOWS_8_1 = 0x0603_0000
SET_HEADER, COMPATIBLE, PROPERTY, MULTI_TEXT = 0, 3, 4, 7


@dataclass(frozen=True)
class Device:
    """The facts of device.toml."""

    vendor: int
    product: int
    release: int
    current: int
    vendor_code: int
    guid: uuid.UUID
    strings: tuple[str, ...]
    control_packet: int
    bulk: int
    bulk_packet: int
    interrupt: int
    interrupt_packet: int
    interval: int


@dataclass(frozen=True)
class Entry:
    """An answer: its kind, its index, and its bytes."""

    kind: int
    index: int
    octets: bytes


def read_device(path: Path = HERE / "device.toml") -> Device:
    """Read the facts from device.toml."""
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    strings, ends = facts["strings"], facts["endpoints"]
    return Device(
        vendor=facts["vendor"],
        product=facts["product"],
        release=facts["release"],
        current=facts["current"],
        vendor_code=facts["vendor_code"],
        guid=uuid.UUID(facts["interface_guid"]),
        strings=(strings["manufacturer"], strings["product"], strings["interface"]),
        control_packet=ends["control"]["packet"],
        bulk=ends["bulk"]["number"],
        bulk_packet=ends["bulk"]["packet"],
        interrupt=ends["interrupt"]["number"],
        interrupt_packet=ends["interrupt"]["packet"],
        interval=ends["interrupt"]["interval"],
    )


def descriptor(kind: Kind, body: bytes) -> bytes:
    """A descriptor with its length and its kind."""
    return bytes((len(body) + 2, kind)) + body


def entries(device: Device) -> list[Entry]:
    """Everything that the device sends on endpoint 0."""
    languages = descriptor(Kind.STRING, ENGLISH.to_bytes(2, "little"))
    texts = [descriptor(Kind.STRING, text.encode("utf-16-le")) for text in device.strings]
    vendor_set = _vendor_set(device)
    return [
        Entry(Kind.DEVICE, 0, _device(device)),
        Entry(Kind.CONFIGURATION, 0, _configuration(device)),
        *(Entry(Kind.STRING, index, octets) for index, octets in enumerate((languages, *texts))),
        Entry(Kind.BOS, 0, _bos(device, len(vendor_set))),
        Entry(Kind.VENDOR_SET, 0, vendor_set),
        *(Entry(Kind.CONSTANT_8, value, bytes((value,))) for value in (0, 1)),
        *(Entry(Kind.CONSTANT_16, value, bytes((value, 0))) for value in (0, 1)),
    ]


def _device(device: Device) -> bytes:
    # USB 2.1, because only then a host asks for the BOS descriptor.
    versions = struct.pack("<H4B", 0x0210, 0, 0, 0, device.control_packet)
    identity = struct.pack("<3H", device.vendor, device.product, device.release)
    return descriptor(Kind.DEVICE, versions + identity + bytes((1, 2, 0, 1)))


def _configuration(device: Device) -> bytes:
    ends = (
        (device.bulk, BULK, device.bulk_packet, 0),
        (device.bulk | TO_HOST, BULK, device.bulk_packet, 0),
        (device.interrupt | TO_HOST, INTERRUPT, device.interrupt_packet, device.interval),
    )
    body = descriptor(Kind.INTERFACE, bytes((0, 0, len(ends), VENDOR_CLASS, 0, 0, 3)))
    body += b"".join(descriptor(Kind.ENDPOINT, struct.pack("<BBHB", *end)) for end in ends)
    powered_by_the_bus = 0x80
    head = struct.pack("<H5B", len(body) + 9, 1, 1, 0, powered_by_the_bus, device.current // 2)
    return descriptor(Kind.CONFIGURATION, head) + body


def _bos(device: Device, set_length: int) -> bytes:
    facts = struct.pack("<IHBB", WINDOWS_8_1, set_length, device.vendor_code, 0)
    platform = descriptor(Kind.CAPABILITY, bytes((PLATFORM, 0)) + MICROSOFT.bytes_le + facts)
    return descriptor(Kind.BOS, struct.pack("<HB", len(platform) + 5, 1)) + platform


def _vendor_set(device: Device) -> bytes:
    compatible = struct.pack("<HH8s8x", 20, COMPATIBLE, b"WINUSB")
    name = "DeviceInterfaceGUIDs\0".encode("utf-16-le")
    value = f"{{{str(device.guid).upper()}}}\0\0".encode("utf-16-le")
    sizes = struct.pack("<HH", MULTI_TEXT, len(name)) + name + struct.pack("<H", len(value)) + value
    feature = struct.pack("<HH", len(sizes) + 4, PROPERTY) + sizes
    total = 10 + len(compatible) + len(feature)
    return struct.pack("<HHIH", 10, SET_HEADER, WINDOWS_8_1, total) + compatible + feature


HEAD = f"""\
// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated by `{COMMAND}` from hdl/link/usb/device.toml, do not edit.
"""


def render_package(device: Device) -> str:
    """The package with the words between the ROM and its user."""
    return f"""{HEAD}
/// Kinds of answers in usb_rom that are no descriptors, and the vendor's request.
package usb_rom_pkg;
  localparam logic [8:0] Constant8  = 9'h{Kind.CONSTANT_8:03X};
  localparam logic [8:0] Constant16 = 9'h{Kind.CONSTANT_16:03X};
  localparam logic [8:0] VendorSet  = 9'h{Kind.VENDOR_SET:03X};
  localparam logic [7:0] VendorCode = 8'h{device.vendor_code:02X};
endpackage
"""


def render_rom(device: Device) -> str:
    """The ROM and its directory."""
    directory, places, octets = [], [], b""
    for number, entry in enumerate(entries(device)):
        fields = f"{{9'd{len(octets)}, 8'd{len(entry.octets)}}}"
        directory.append(f"      {{9'h{entry.kind:03X}, 8'd{entry.index}}}: entry = {{1'b1, 4'd{number}}};")
        places.append(f"      4'd{number}: {{start_o, length_o}} = {fields};")
        octets += entry.octets
    if len(octets) > 512:
        raise ValueError(f"the ROM must have at most 512 bytes; it has {len(octets)}: shorten the strings")
    cells = [f"      9'd{place}: datum = 8'h{octet:02X};" for place, octet in enumerate(octets)]
    lines = "\n".join(directory)
    slices = "\n".join(places)
    data = "\n".join(cells)
    return f"""{HEAD}
/// All that endpoint 0 sends: where each answer stands, and its bytes.
module usb_rom (
  input  logic       clk_i,
  /// The kind of descriptor or answer, and its index; a clock later, whether there is one, its first byte, its length.
  input  logic [8:0] kind_i,
  input  logic [7:0] index_i,
  output logic       found_o,
  output logic [8:0] start_o,
  output logic [7:0] length_o,
  /// A byte, one clock later.
  input  logic [8:0] address_i,
  output logic [7:0] byte_o
);
  logic [4:0] entry, entry_q;
  always_comb begin : p_directory
    unique case ({{kind_i, index_i}})
{lines}
      default: entry = '0;
    endcase
  end
  always_ff @(posedge clk_i) entry_q <= entry;
  assign found_o = entry_q[4];
  always_comb begin : p_place
    unique case (entry_q[3:0])
{slices}
      default: {{start_o, length_o}} = '0;
    endcase
  end

  logic [7:0] datum;
  always_comb begin : p_bytes
    unique case (address_i)
{data}
      default: datum = '0;
    endcase
  end
  always_ff @(posedge clk_i) byte_o <= datum;
endmodule
"""


def render_python(device: Device) -> str:
    """The numbers for the host, and the descriptors for twins."""
    head = HEAD.replace("//", "#")
    answers = "\n".join(
        f"    ({entry.kind}, {entry.index}): bytes.fromhex(\n{_hex_lines(entry.octets)}\n    ),"
        for entry in entries(device)
        if entry.kind < INTERNAL
    )
    vendor_set = _hex_lines(_vendor_set(device), indent=4)
    return f'''{head}"""The numbers by which a host finds a board with the USB core, and the core's descriptors."""

from typing import Final

__all__ = [
    "BULK_ENDPOINT",
    "BULK_PACKET",
    "DESCRIPTORS",
    "INTERRUPT_ENDPOINT",
    "PRODUCT",
    "VENDOR",
    "VENDOR_CODE",
    "VENDOR_SET",
]

VENDOR: Final = 0x{device.vendor:04X}
PRODUCT: Final = 0x{device.product:04X}
BULK_ENDPOINT: Final = {device.bulk}
BULK_PACKET: Final = {device.bulk_packet}
INTERRUPT_ENDPOINT: Final = {device.interrupt}
VENDOR_CODE: Final = 0x{device.vendor_code:02X}
"""The request of Microsoft, whose answer for index 7 is `VENDOR_SET`."""
VENDOR_SET: Final = bytes.fromhex(
{vendor_set}
)
DESCRIPTORS: Final = {{
{answers}
}}
"""The answers to GET_DESCRIPTOR, by kind and index."""
'''


def _hex_lines(octets: bytes, indent: int = 8) -> str:
    """Octets as lines of strings in hexadecimal, 40 bytes each."""
    return "\n".join(f'{" " * indent}"{octets[at : at + 40].hex()}"' for at in range(0, len(octets), 40))


def render_all() -> dict[Path, str]:
    """Every generated file and its text."""
    device = read_device()
    return {
        HERE / "generated/usb_rom_pkg.sv": render_package(device),
        HERE / "generated/usb_rom.sv": render_rom(device),
        ROOT / "host/dirql/registers/usb_device.py": render_python(device),
    }


def main(arguments: list[str]) -> int:
    """Write or check the files; the exit code."""
    parser = argparse.ArgumentParser(description="Generate the ROM of the USB core.")
    parser.add_argument("--check", action="store_true", help="only say whether the files are current")
    check: bool = parser.parse_args(arguments).check
    stale = [
        (path, text) for path, text in render_all().items() if not path.exists() or path.read_text() != text
    ]
    for path, text in stale:
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what device.toml gives; run `{COMMAND}` and commit the result")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
