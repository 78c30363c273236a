# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Access tokens: who a process runs for, its groups and its privileges; and the accounts of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.se.sid import WELL_KNOWN, sid_of

__all__ = ["ACCOUNTS", "SYSTEM", "Token"]


@dataclass(frozen=True, slots=True)
class Token:
    """The token of a process (TOKEN): its account, the identifiers of that, and the numbers of its privileges."""

    account: str
    user: bytes
    groups: frozenset[bytes]
    privileges: frozenset[int]

    def has(self, sid: bytes) -> bool:
        """Whether the identifier is that of the user or of one of the groups."""
        return sid == self.user or sid in self.groups


def _token(account: str, user: str, groups: str, privileges: frozenset[int]) -> Token:
    sids = (sid_of(WELL_KNOWN[name]) for name in groups.split())
    own = sid_of(user)
    assert own is not None
    return Token(account, own, frozenset(sid for sid in sids if sid is not None), privileges)


_LOCAL: Final = "S-1-5-21-1000-2000-3000"
_EVERYBODY: Final = frozenset({19, 23, 25, 33, 34})
"""SeShutdown, SeChangeNotify, SeUndock, SeIncreaseWorkingSet and SeTimeZone, which every user has."""
_ADMINISTRATORS: Final = _EVERYBODY | {5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 20, 22, 24, 28, 29, 30, 35}
_SYSTEM: Final = frozenset(range(2, 36)) - {6, 26, 27, 32}

SYSTEM: Final = _token("LocalSystem", "S-1-5-18", "BA WD AU", _SYSTEM)
ACCOUNTS: Final = {
    token.account: token
    for token in (
        SYSTEM,
        _token("Administrator", f"{_LOCAL}-500", "BA BU WD AU IU", _ADMINISTRATORS),
        _token("User", f"{_LOCAL}-1001", "BU WD AU IU", _EVERYBODY),
        _token("Guest", f"{_LOCAL}-501", "BG WD IU", frozenset({23})),
    )
}
"""The accounts for which programs run, by their names."""
