# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Driver Verifier's policy: which drivers are verified, and with which options.

NT's own rules hold for every driver and need no policy. A rule that only Driver Verifier checks holds for the drivers
that are verified. Some of these rules are checked for each verified driver (the WDK calls them automatic checks); the
others belong to an option, one of the VERIFIER_… flags.

The kernel, the memory manager, the I/O manager and the HAL share the one `Verifier` of the machine. A driver is any
object that can be a key of a dictionary; None stands for code that belongs to no driver: a program or the kernel.
"""

from __future__ import annotations

from typing import Final

from dirql.nt.bugcodes import VERIFIER_FORCE_IRQL_CHECKING

__all__ = ["DEFAULT_FLAGS", "Verifier"]

DEFAULT_FLAGS: Final = VERIFIER_FORCE_IRQL_CHECKING
"""The options of a driver for which nobody chose options."""


class Verifier:
    """Says for each driver whether a rule of Driver Verifier is checked."""

    __slots__ = ("_flags", "default", "spurious_interrupts")

    def __init__(self, default: int | None = DEFAULT_FLAGS) -> None:
        """`default` holds for code without an entry of its own; None means that such code is not verified."""
        self.default = default
        self.spurious_interrupts = False
        """The ISR of a verified driver is called once as soon as it is connected to a line that others may share.

        Its device has not interrupted, which happens on a shared line whenever another device has: the ISR must be
        ready for it. The checked build of Windows made such calls. `open_machine` sets this.
        """
        self._flags: dict[object, int | None] = {}

    def verify(self, driver: object, flags: int | None) -> None:
        """Verify `driver` with the options `flags`, 0 for the automatic checks alone; None leaves it unverified."""
        self._flags[driver] = flags

    def forget(self, driver: object) -> None:
        """Let the default hold for `driver` again, because it was unloaded."""
        self._flags.pop(driver, None)

    def flags_of(self, driver: object) -> int | None:
        """The options of `driver`; None if it is not verified."""
        return self._flags.get(driver, self.default)

    def is_verified(self, driver: object) -> bool:
        """Whether the automatic checks hold for `driver`."""
        return self.flags_of(driver) is not None

    def is_on(self, flag: int, driver: object) -> bool:
        """Whether `driver` is verified with the option `flag`."""
        flags = self.flags_of(driver)
        return flags is not None and bool(flags & flag)
