# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers as programs name them: a module or an object, the path of a file or a folder, or the name of a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from dirql.io.objects import DriverEntry, DriverObject
from dirql.ke.refusals import explain_status
from dirql.nt.ntstatus import status_name

__all__ = [
    "DriverModule",
    "LoadError",
    "driver_module",
    "entry_and_ids",
    "file_beside",
    "find_driver",
    "is_in_c",
    "scenario_file",
    "service_name",
]


class DriverModule(Protocol):
    """A driver for `Machine.load_driver`: a module or an object with an entry point.

    An attribute HARDWARE_IDS, a sequence of hardware or compatible IDs, takes the place of the INF file's list; a
    driver without it gets no device through AddDevice.
    """

    def DriverEntry(self, driver_object: DriverObject, registry_path: str, /) -> int:
        """The driver's entry point."""


class LoadError(Exception):
    """A driver could not be loaded or unloaded; `status` is the NTSTATUS of the step that failed."""

    def __init__(self, driver: str, step: str, status: int) -> None:
        self.status = status
        self.why = explain_status(status)
        """Why a routine of the kernel has failed with that status, behind a colon; "" if none has."""
        super().__init__(f"the driver {driver}: {step} ended with {status_name(status)}{self.why}")


_from_files: dict[str, ModuleType] = {}
"""The modules that were imported here from files, by the names that they have in `sys.modules`."""


def is_in_c(file: Path) -> bool:
    """Whether a path names a driver in C: a source, an image for Linux or Windows, or a folder with sources."""
    return file.suffix in (".c", ".so", ".sys") or (file.is_dir() and any(file.glob("*.c")))


def find_driver(driver: str | Path, folder: Path | None = None) -> DriverModule:
    """The driver that a path or the name of a module names.

    A file whose name ends in `.c`, `.so` or `.sys`, and a folder with files of C, are a driver in C
    (docs/c-drivers.md). For others `driver_module` says what is found. Raises `ValueError` if there is no such file or
    module.
    """
    file = (folder or Path()) / driver
    if is_in_c(file):
        from dirql.c.driver import (
            CDriver,
        )  # with all names that drivers in C may need, which others do without

        return CDriver(file)
    return cast(DriverModule, driver_module(driver, folder))


def driver_module(driver: str | Path, folder: Path | None = None) -> ModuleType:
    """The module of a driver: a file whose name ends in `.py`, in `folder` if its path is relative, or a dotted name.

    A file is run anew in each call, so that its module is fresh, and may import modules beside it. Raises `ValueError`
    if there is no such file or module, or if the file ends the program; its own errors come up as they are.
    """
    if isinstance(driver, Path) or driver.endswith(".py") or "/" in driver:
        return _from_file((folder or Path()) / driver)
    try:
        return importlib.import_module(driver)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{driver}.".startswith(f"{error.name}."):
            raise  # the driver is there, and imports something that is not
        raise ValueError(
            f"a driver must be a file whose name ends in .py, or the name of a module; there is no module {driver!r}"
        ) from error


def _from_file(file: Path) -> ModuleType:
    if file.suffix != ".py" or not file.is_file():
        why = (
            "it is a folder"
            if file.is_dir()
            else "it has another suffix"
            if file.is_file()
            else "it is not there"
        )
        raise ValueError(
            f"a driver's file must exist and have a name that ends in .py; it was {str(file)!r}: {why}"
        )
    name = file.stem
    if sys.modules.get(name) is not _from_files.get(name):
        name = f"driver_files.{file.stem}"  # another module has the name
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    if spec is None or spec.loader is None:
        raise ValueError(f"a driver's file must be one that Python can import; it was {str(file)!r}")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    if str(file.resolve().parent) not in sys.path:
        sys.path.append(str(file.resolve().parent))
    sys.modules[name] = module
    try:
        _execute(spec.loader, module, file)
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    _from_files[name] = module
    return module


def _execute(loader: Loader, module: ModuleType, file: Path) -> None:
    try:
        loader.exec_module(module)
    except SyntaxError as error:
        error.filename = error.filename or str(
            file.resolve()
        )  # Python leaves it out for a byte that is none of a text
        raise
    except SystemExit as error:
        raise ValueError(
            f"a driver's file must not end the program when it is imported; {str(file)!r} called sys.exit: put what is"
            ' for a run as a program below `if __name__ == "__main__":`'
        ) from error


def entry_and_ids(driver: object) -> tuple[DriverEntry, tuple[str, ...]]:
    """The entry point of a driver, and the IDs of the devices that it names."""
    entry = getattr(driver, "DriverEntry", None)
    if entry is None or not callable(entry):
        raise TypeError(
            "a driver must be a module or an object with a routine DriverEntry(driver_object, registry_path)"
            f"; it was {driver!r}: import the file that defines DriverEntry and pass the module"
        )
    ids = getattr(driver, "HARDWARE_IDS", ())
    return entry, (ids,) if isinstance(ids, str) else tuple(ids)


def service_name(driver: DriverModule) -> str:
    """The last part of the name of a module, or the name of an object or of its class."""
    name: str = getattr(driver, "__name__", type(driver).__name__)
    return name.rpartition(".")[2] if isinstance(driver, ModuleType) else name


def file_beside(driver: Path) -> Path:
    """The file of Python beside a driver in C."""
    return driver / "driver.py" if driver.is_dir() else driver.with_suffix(".py")


def scenario_file(driver: Path) -> Path:
    """The file with the scenario of a driver in C, which is the file of Python beside it.

    Raises `ValueError` if there is none.
    """
    file = file_beside(driver)
    if not file.is_file():
        raise ValueError(
            f"a driver in C must have its scenario in {str(file)!r}, which is not there: write a generator"
            f" `scenario(machine)` in it that yields the routine for each transfer, see docs/measuring.md"
        )
    return file
