# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tokens of the two processes of a machine: the system's, and that of the programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dirql.ke.current import get_current_thread
from dirql.ke.running import Running
from dirql.se.token import ACCOUNTS, SYSTEM, Token

__all__ = ["SecurityMonitor", "install_monitor", "running"]


class SecurityMonitor:
    """Knows for whom the programs of a machine run: an administrator, unless a test says otherwise."""

    __slots__ = ("program", "system")

    def __init__(self) -> None:
        self.system: Token = SYSTEM
        self.program: Token = ACCOUNTS["Administrator"]

    def current_token(self) -> Token:
        """The token of the process of the current thread."""
        return self.system if get_current_thread().is_system else self.program

    @contextmanager
    def program_as(self, account: str) -> Iterator[None]:
        """Let the programs run for another account for a while; raises `ValueError` for one that is not there."""
        if account not in ACCOUNTS:
            names = ", ".join(ACCOUNTS)
            raise ValueError(f"an account of the machine must be one of {names}; it was {account!r}")
        before = self.program
        self.program = ACCOUNTS[account]
        try:
            yield
        finally:
            self.program = before


running: Final = Running[SecurityMonitor]("routines of security")


def install_monitor() -> SecurityMonitor:
    """Make the monitor of a machine that is opened; `running.clear` takes it away."""
    monitor = SecurityMonitor()
    running.install(monitor)
    return monitor
