# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The one rule that gives the member of a C structure a name in Python.

Each part of the C path is put into snake_case and keeps its place: `Tail.Overlay.Thread` is `tail.overlay.thread`. A
new word begins at a capital letter that follows a small letter or a digit, and at the last of several capital letters
when a small letter follows it: `MdlAddress` is `mdl_address`, `UINumber` is `ui_number`, `Type3InputBuffer` is
`type3_input_buffer`. A plural `s` belongs to the abbreviation before it: `DeviceIDs` is `device_ids`. A Python keyword
gets an underscore at the end.
"""

from __future__ import annotations

import keyword
import re

__all__ = ["python_path"]

_PLURAL = r"[A-Z]s(?![a-z])"
_BOUNDARY = re.compile(rf"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])(?!{_PLURAL})")


def python_path(c_path: str) -> str:
    """The Python attribute path for the path of a C member, such as "IoStatus.Information"."""
    return ".".join(_snake_case(part) for part in c_path.split("."))


def _snake_case(name: str) -> str:
    words = _BOUNDARY.sub("_", name).lower()
    return words + "_" if keyword.iskeyword(words) else words
