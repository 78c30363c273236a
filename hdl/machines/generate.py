# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generates the tops, the file lists and the facts of each machine in this folder, and the page of machines.

    python hdl/machines/generate.py            writes the files
    python hdl/machines/generate.py --check    exits 1 and names the files that are not what it would write

The simulators make the same files again in the folder of each build; those written here are for reading, for lint and
for synthesis.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.linked import LINKED_FILE_LIST, LINKED_TOP, linked_file_list, render_linked
from dirql.hardware.page import render_page
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.render import CHASSIS, TOP, generated_files, hdl_files

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "hdl/machines/generated"
PAGE = ROOT / "docs/machines.md"
COMMAND = "python hdl/machines/generate.py"


def file_list(machine: MachineDescription) -> str:
    """The files of a machine for tools that read file lists; each name is relative to the folder of the list."""
    names = [f"../../../{path.relative_to(ROOT / 'hdl').as_posix()}" for path in hdl_files(machine, ROOT)]
    return "\n".join((f"// Generated from {machine.file}, do not edit.", *names, CHASSIS, TOP)) + "\n"


def render_all() -> dict[Path, str]:
    """Every generated file and its text."""
    machines = [load_machine(name, ROOT) for name in machine_names(ROOT)]
    files = {PAGE: render_page(machines, COMMAND)}
    for machine in machines:
        folder = GENERATED / machine.name
        files |= {folder / name: text for name, text in generated_files(machine).items()}
        files[folder / "machine.f"] = file_list(machine)
        files[folder / LINKED_TOP] = render_linked(machine)
        files[folder / LINKED_FILE_LIST] = linked_file_list(machine, ROOT)
    return files


def main(arguments: list[str]) -> int:
    """Write the files, or with --check compare them; returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate what is made from the machine files.")
    parser.add_argument("--check", action="store_true", help="only say whether the files are current")
    check: bool = parser.parse_args(arguments).check
    wanted = render_all()
    stale = [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    left = [path for path in GENERATED.rglob("*") if path.is_file() and path not in wanted]
    for path in sorted([*stale, *left]):
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what the machine files give; run `{COMMAND}` and commit the result")
        elif path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {name}")
        else:
            path.unlink()
            print(f"removed {name}")
    return 1 if check and (stale or left) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
