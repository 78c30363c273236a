# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The questions of the watch to the rooms above the kernel, each of which sees a part of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mypy_extensions import mypyc_attr

__all__ = ["DefectWitness", "Section", "Witness"]

Section = tuple[str, Sequence[str]]
"""A part of a hang report: its title, and a line for each thing."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Witness:
    """A room that tells the watch what goes on in it. Each method has an answer for a room that knows nothing."""

    def progress(self) -> tuple[int, ...]:
        """Numbers that are others as soon as something was begun or has ended."""
        return ()

    def oldest(self) -> object:
        """The thing that waits for its end longest, and that should not wait for long; None if there is none."""
        return None

    def accuse(self) -> str:
        """A clause that names the oldest thing that waits and who has it; "" if nothing waits."""
        return ""

    def name_of(self, thing: object) -> str:
        """The name of a dispatcher object; "" if the room does not know the object."""
        return ""

    def sections(self) -> Iterator[Section]:
        """The parts of the report that the room can write."""
        yield from ()

    def begin_polling(self) -> None:
        """Note the accesses of drivers from now on, if that was not begun before."""

    def end_polling(self) -> None:
        """Note accesses no longer."""

    def polled(self) -> str:
        """The register that alone was read since `begin_polling`, with its value; "" if anything else was done."""
        return ""


class DefectWitness(Witness):
    """Tells of the mistakes that NT lets pass, of which one may be why nothing goes on."""

    __slots__ = ("_defects",)

    def __init__(self, defects: Sequence[tuple[str, str]]) -> None:
        """`defects` are the rows and sentences that were found; more may come."""
        self._defects = defects

    def accuse(self) -> str:
        """See `Witness`."""
        return f"a mistake was found before: {self._defects[0][1]}" if self._defects else ""

    def sections(self) -> Iterator[Section]:
        """See `Witness`."""
        yield "mistakes found before", [f"{row}: {sentence}" for row, sentence in self._defects]
