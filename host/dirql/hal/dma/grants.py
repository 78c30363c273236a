# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory that devices may access now, and the memory that they could access before: the machine's IOMMU.

Bus masters reach scatter/gather lists that were not put back, transfers that were not flushed, and common buffers. Any
other access has no effect, and stops the system with bug check 0xE6/0x26, whose message says what used to cover the
address. The machine does not name the master of an access, so that all devices may access what one of them may.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, NoReturn

from dirql.hal.dma.transfers import Run
from dirql.ke.bugcheck import BugCheck, stop
from dirql.ke.origin import Mark, describe_mark
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_IOMMU
from dirql.target.contract import Capability, Grant as TargetGrant, StrayAccess, Target

__all__ = ["DmaGrant", "DmaGrants"]

_REMEMBERED: Final = 1024
"""The number of grants that ended lately and are still known by name."""


class DmaGrant:
    """Memory that a device may access, or could access once."""

    __slots__ = (
        "bounds",
        "device",
        "ended",
        "key",
        "kind",
        "made",
        "purpose",
        "reads",
        "writes",
    )

    def __init__(
        self,
        kind: str,
        bounds: array[int],
        mdl: Mdl | None,
        device: object,
        reads: bool,
        writes: bool,
        place: Mark | None,
    ) -> None:
        """`kind` is what the driver asked for, `mdl` its buffer, `device` its device object.

        `reads` and `writes` say what the device may do.
        """
        self.kind = kind
        self.bounds = bounds
        self.purpose = "" if mdl is None else mdl.purpose
        self.device = device
        self.reads = reads
        self.writes = writes
        self.made = place
        self.ended: Mark | None = None
        self.key: TargetGrant | None = None

    def covers(self, address: int) -> bool:
        """Whether the dword at an address belongs to it."""
        return any(start - 4 < address < end for start, end in self.pieces())

    def pieces(self) -> Iterable[Run]:
        """The start and the end of each piece."""
        return zip(self.bounds[::2], self.bounds[1::2], strict=True)

    def describe(self) -> str:
        """The words for it in a message."""
        request = f" of an {self.purpose}" if self.purpose else ""
        owner = "" if self.device is None else f" on {self.device!r}"
        length = sum(end - start for start, end in self.pieces())
        return f"{self.kind}{request} of {length} bytes{owner}, made by {describe_mark(self.made)}"


class DmaGrants:
    """The grants of one machine."""

    __slots__ = ("_ended", "_live", "_target")

    def __init__(self, target: Target) -> None:
        self._target = target if Capability.CONFINEMENT in target.capabilities else None
        self._live: dict[DmaGrant, None] = {}
        self._ended: deque[DmaGrant] = deque(maxlen=_REMEMBERED)

    def begin(self) -> None:
        """Confine the devices of the machine, if its target can do that."""
        if self._target is not None:
            self._target.confine()

    def add(
        self,
        kind: str,
        pieces: Sequence[Run],
        mdl: Mdl | None,
        device: object,
        reads: bool,
        writes: bool,
        place: Mark | None,
    ) -> DmaGrant | None:
        """Let devices access pieces of memory; None on a target that cannot confine them.

        `place` is where the driver asked for it.
        """
        if self._target is None:
            return None
        # An array and not the pairs: the garbage collector would look through the pairs of all grants.
        bounds = array("Q", chain.from_iterable(pieces))
        made = DmaGrant(kind, bounds, mdl, device, reads, writes, place)
        made.key = self._target.grant(bounds, reads=reads, writes=writes)
        self._live[made] = None
        return made

    def end(self, grants: Iterable[DmaGrant], place: Mark | None) -> None:
        """Let devices access these pieces no longer; `place` is where the driver said so."""
        for grant in grants:
            assert self._target is not None
            assert grant.key is not None
            grant.ended = place
            del self._live[grant]
            self._ended.append(grant)
            self._target.revoke(grant.key)
            grant.key = None

    def check(self) -> None:
        """Stop the system with bug check 0xE6/0x26 if a device has made a stray access."""
        if self._target is not None:
            stray = self._target.take_stray_access()
            if stray is not None:
                self._refuse(stray)

    def _refuse(self, stray: StrayAccess) -> NoReturn:
        used = self._cover(stray)
        action = "written to" if stray.is_write else "read"
        more = f" ({stray.accesses} accesses in all)" if stray.accesses > 1 else ""
        reason = (
            f"memory that a device accesses must be mapped for it by GetScatterGatherList, MapTransfer or"
            f" AllocateCommonBuffer; {stray.address:#010x} was {action} by a device at clock {stray.clock}"
            f"{more}: {self._advice(stray, used)}"
        )
        device = 0 if used is None else used.device
        parameters = (VF_DMA_IOMMU, device, stray.address, int(stray.is_write))
        raise stop(BugCheck(DRIVER_VERIFIER_DMA_VIOLATION, parameters, reason))

    def _cover(self, stray: StrayAccess) -> DmaGrant | None:
        """The grant that covers the address now, or that covered it last."""
        for grant in (*reversed(self._live), *reversed(self._ended)):
            if grant.covers(stray.address):
                return grant
        return None

    def _advice(self, stray: StrayAccess, used: DmaGrant | None) -> str:
        if used is None:
            return (
                "no transfer ever covered it; write only logical addresses from these routines into the device, and"
                " keep to their lengths" + self._neighbour(stray)
            )
        if used in self._live:
            allowed = "read" if used.reads else "written to"
            return (
                f"it may only be {allowed}, as part of {used.describe()}; let WriteToDevice be TRUE for data that the"
                " device reads and FALSE for data that it writes, and start the transfer that fits"
            )
        return (
            f"it was part of {used.describe()}, which ended in {describe_mark(used.ended)}; stop the device, or wait"
            " until it is idle, before the memory is given back"
        )

    def _neighbour(self, stray: StrayAccess) -> str:
        """The transfer that ends in front of the address, if there is one near."""
        near = [
            (stray.address - end, grant)
            for grant in self._live
            for _, end in grant.pieces()
            if 0 <= stray.address - end < _NEAR
        ]
        if not near:
            return ""
        distance, grant = min(near, key=lambda pair: pair[0])
        return f"; {distance} bytes before it ends a piece of {grant.describe()}"


_NEAR: Final = 1 << 16
