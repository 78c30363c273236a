# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Imports drivers: by the path of a file, or by the name of a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["driver_module"]

_from_files: dict[str, ModuleType] = {}
"""The modules that were imported here from files, by the names that they have in `sys.modules`."""


def driver_module(driver: str | Path, folder: Path | None = None) -> ModuleType:
    """The module of a driver: a file whose name ends in `.py`, in `folder` if its path is relative, or a dotted name.

    A file is run anew in each call, so that its module is fresh, and may import modules beside it. Raises `ValueError`
    if there is no such file or module.
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
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    _from_files[name] = module
    return module
