# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The subject of a check of access: the token of the process that runs (SECURITY_SUBJECT_CONTEXT)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract
from dirql.se.monitor import running
from dirql.se.token import Token

__all__ = ["SubjectContext"]

_CAPTURE: Final = contract("SeCaptureSubjectContext")
_LOCK: Final = contract("SeLockSubjectContext")
_UNLOCK: Final = contract("SeUnlockSubjectContext")
_RELEASE: Final = contract("SeReleaseSubjectContext")


@mypyc_attr(allow_interpreted_subclasses=True)
class SubjectContext:
    """The subject of a check of access (SECURITY_SUBJECT_CONTEXT). Drivers treat it as opaque."""

    __slots__ = ("primary_token",)

    def __init__(self) -> None:
        """Make a place for a subject that is not captured yet."""
        self.primary_token: Token | None = None

    def __repr__(self) -> str:
        who = "nobody" if self.primary_token is None else self.primary_token.account
        return f"<SECURITY_SUBJECT_CONTEXT of {who}>"

    def capture(self) -> None:
        """Keep the token of the current thread's process; follows SeCaptureSubjectContext. No thread impersonates."""
        _CAPTURE.check(self)
        self.primary_token = running.value.current_token()

    def lock(self) -> None:
        """Let nobody change the tokens; follows SeLockSubjectContext. Nobody changes them anyway."""
        _LOCK.check(self)

    def unlock(self) -> None:
        """Undo `lock`; follows SeUnlockSubjectContext."""
        _UNLOCK.check(self)

    def release(self) -> None:
        """Give the tokens back; follows SeReleaseSubjectContext."""
        _RELEASE.check(self)
        self.primary_token = None
