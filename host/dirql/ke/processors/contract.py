# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contracts of kernel routines, each kept by the first statement of its routine.

host/wdk describes the contract of each routine once: its WDK name, the IRQLs at which it may be called, and the objects
that it takes. A file that defines such a routine gets the contract by that name, and the routine checks it first:

    _SET: Final = contract("KeSetEvent")

    def set(self, increment: int = 0, wait: bool = False) -> int:
        _SET.check(self)
        ...

tests/unit/test_contracts.py holds the statement of each routine to the description.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from types import CodeType
from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.origin import origin
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import STOPPED_IRQL
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    IRQL_NOT_GREATER_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    VF_ACQUIRE_FAST_MUTEX_UNSAFE_IRQL,
    VF_DMA_NULL_ADAPTER,
    VF_IO_VERIFY_NULL_DEVICE,
    VF_IOMANAGER_CALL_DRIVER_IRQL,
    VF_RELEASE_FAST_MUTEX_UNSAFE_IRQL,
)
from dirql.nt.constants import APC_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL
from dirql.nt.contract import Contract, Form, Pointer, Value, Violation
from dirql.nt.contracts import CONTRACTS

__all__ = ["KeptContract", "charge_call", "contract", "forget_types", "never_runs"]

_DDI_RULES: Final = 0x2_0000
"""The first parameters of 0xC4 from here on are rules of DDI compliance checking."""
_UNSAFE: Final = (VF_ACQUIRE_FAST_MUTEX_UNSAFE_IRQL, VF_RELEASE_FAST_MUTEX_UNSAFE_IRQL)
_BY_ROUTINE: Final = {stated.routine: stated for stated in CONTRACTS.values()}
_kept: Final[list[KeptContract]] = []


def contract(routine: str) -> KeptContract:
    """Return the contract of a WDK routine, for the routine itself or for a part of it that takes no pointers.

    A routine that host/wdk does not describe is a `LookupError`.
    """
    if routine not in _BY_ROUTINE:
        raise LookupError(
            f"a routine with a contract must be described in host/wdk/routines; {routine} is not: describe it, and run"
            " `make wdk`"
        )
    kept = KeptContract(_BY_ROUTINE[routine])
    _kept.append(kept)
    return kept


def forget_types(kinds: Collection[type]) -> None:
    """Let no contract remember types that end with their machine, as those of objects that drivers in C see."""
    for each in _kept:
        each.forget_types(kinds)


class KeptContract:
    """A contract, with the methods of which a routine calls one as its first statement.

    Each checks the IRQL and the types of the objects, charges `Costs.kernel_call`, and is a point of preemption: where
    something may have happened in the machine by now, or others may go on. The first argument of each is that of the
    routine: a bug check shows it.
    """

    __slots__ = (
        "_accepted",
        "_firsts",
        "_is_legal",
        "_legal_firsts",
        "_places",
        "_seconds",
        "_values",
        "stated",
    )

    def __init__(self, stated: Contract) -> None:
        """Keep the contract `stated`."""
        self.stated = stated
        # A look into this table takes 0.012 µs less than a comparison with both limits, a tenth of the cheapest kernel
        # call ("contract call" in bench/ke_paths.py).
        self._is_legal = tuple(stated.min_irql <= irql <= stated.max_irql for irql in range(STOPPED_IRQL + 1))
        self._accepted: list[set[type]] = [set() for _ in range(max(2, len(stated.pointers)))]
        """For each pointer, the types that it has had and may have.

        Without it each `check_with` would compare names ("a read" of bench/io_paths.py: 33.0 to 35.6 µs).
        """
        self._firsts = self._accepted[0]
        self._seconds = self._accepted[1]
        nothing: set[type] = set()
        self._legal_firsts = tuple(self._firsts if is_legal else nothing for is_legal in self._is_legal)
        """By IRQL, the types that the first pointer may have. There are none where the routine must not be called, so
        that one look tells both: "contract call" in bench/ke_paths.py takes 0.16 instead of 0.17 µs.
        """
        # Both tables hold what `check_arguments` would have to look up; it takes half the time.
        self._values = tuple((value.position, value.lowest, value.highest, value) for value in stated.values)
        self._places = tuple(
            (pointer.position, accepted)
            for pointer, accepted in zip(stated.pointers, self._accepted, strict=False)
        )

    def forget_types(self, kinds: Collection[type]) -> None:
        """See the function `forget_types`."""
        for accepted in self._accepted:
            accepted.difference_update(kinds)

    # The check of the level and the charge are written out in each method: a call of a common one would take 0.05 µs, a
    # third of the cheapest kernel call ("contract call" in bench/ke_paths.py).

    def check_level(self, first: object) -> None:
        """For a routine that takes no pointer to a structure; `first` is 0 for one that takes nothing."""
        if not self._is_legal[current.processor.irql]:
            self._refuse(first)
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()

    def check_irql(self, first: object, last: object) -> None:
        """For a routine of whose broken rule the bug check shows `last` as its fourth parameter; another check follows.

        It checks the IRQL and does not charge the call.
        """
        if not self._is_legal[current.processor.irql]:
            self._refuse(first, last)

    def check(self, first: object) -> None:
        """For a routine whose first argument, and no other, is a pointer to a structure."""
        if type(first) not in self._legal_firsts[current.processor.irql]:
            self._look_closer(first)
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()

    def check_two(self, first: object, second: object) -> None:
        """For a routine whose first argument and one other are pointers to structures."""
        if type(first) not in self._legal_firsts[current.processor.irql]:
            self._look_closer(first, second)
        if type(second) not in self._seconds:
            self._accept(1, second, self._seconds)
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()

    def check_with(self, first: object, *others: object) -> None:
        """For all other routines; `others` are the arguments behind the first that are pointers to structures."""
        self.check_level(first)
        pointers = self.stated.pointers
        objects = (first, *others) if pointers[0].position == 0 else others
        for number, argument in enumerate(objects):
            accepted = self._accepted[number]
            if type(argument) not in accepted:
                self._accept(number, argument, accepted)

    def check_arguments(self, *arguments: object) -> None:
        """Check the types of all arguments of the routine, in their order, and the ranges of its numbers.

        Raises `TypeError` or `ValueError` with the names of the routine and the parameter. Routines that run often look
        at their numbers themselves, and call this only if one is not what it should be.
        """
        for position, lowest, highest, value in self._values:
            argument = arguments[position]
            if isinstance(argument, int):
                if highest and lowest <= argument <= highest:
                    continue
            elif argument is None and value.optional:
                continue
            self._accept_value(value, argument)
        for number, (position, accepted) in enumerate(self._places):
            argument = arguments[position]
            if type(argument) not in accepted:
                self._accept(number, argument, accepted)

    def explain(self, error: Exception, *arguments: object) -> NoReturn:
        """Raise what `check_arguments` says of the arguments for which `error` came up, else `error` with names.

        A routine that runs often calls this where Python has failed on its arguments, before it has changed anything.
        So right arguments cost nothing.
        """
        self.check_arguments(*arguments)
        raise ValueError(f"{self.stated.routine}: {error}") from error

    def refuse_argument(self, name: str, what: str, argument: object) -> NoReturn:
        """Raise `TypeError` because the argument for the parameter `name` is not `what`."""
        step = self._next_step(what, argument)
        raise TypeError(f"{self.stated.routine}: {name} must be {what}; it was {argument!r}: {step}")

    def _next_step(self, what: str, argument: object) -> str:
        """Say how an argument that is not `what` becomes right."""
        if argument is None:
            return (
                f"look for a call that has failed, since None stands for NULL; a call is {self.stated.call}"
            )
        if what.startswith(Form.ROUTINE.value) and never_runs(argument):
            return "take `async` or `yield` out of it, with which a call runs nothing of it"
        if "integer" in what and isinstance(argument, bytes | bytearray | memoryview):
            if "address" in what:
                return "write the bytes to memory with RtlWriteMemory, and give the address of that memory"
            return 'int.from_bytes(…, "little") makes an integer of bytes'
        if "integer" in what and isinstance(argument, float):
            return "write // for a division without a fraction, / always makes a float"
        if what.startswith(Form.BYTES.value) and isinstance(argument, str):
            return "encode the text, as Windows does in UTF-16-LE"
        return f"a call is {self.stated.call}"

    def _accept_value(self, value: Value, argument: object) -> None:
        """Raise `TypeError` for an argument of another form, and `ValueError` for a number outside of its range."""
        if not _has_form(value.form, argument):
            null = ", or None" if value.optional else ""
            self.refuse_argument(value.name, f"{value.form.value} ({value.type}){null}", argument)
        if isinstance(argument, int) and not value.lowest <= argument <= value.highest:
            if value.such_as:
                raise ValueError(
                    f"{self.stated.routine}: {value.name} must be a member of {value.type}, such as {value.such_as};"
                    f" it was {argument}: a call is {self.stated.call}"
                )
            raise ValueError(
                f"{self.stated.routine}: {value.name} must be {value.form.value} from {value.lowest:#x} to"
                f" {value.highest:#x} ({value.type}); it was {argument:#x}: write & {value.highest:#x} where C"
                " would cut it to that size"
            )

    def _look_closer(self, first: object, second: object = 0) -> None:
        """Check the IRQL and the first pointer, one of which is wrong or new."""
        if not self._is_legal[current.processor.irql]:
            self._refuse(first)
        if type(first) not in self._firsts:
            self._accept(0, first, self._firsts, second)

    def _accept(self, number: int, argument: object, accepted: set[type], other: object = 0) -> None:
        """Note the type of the argument for a pointer if it is right; raises `TypeError` if it is wrong."""
        pointer = self.stated.pointers[number]
        if not _fits(pointer, argument):
            self._refuse_pointer(pointer, argument, other)
        accepted.add(type(argument))

    def _refuse_pointer(self, pointer: Pointer, argument: object, other: object) -> NoReturn:
        null = " or be None" if pointer.optional else ""
        reason = (
            f"{self.stated.routine}: {pointer.name} must have the type {pointer.type}{null}; it was {argument!r}:"
            f" {self._next_step(pointer.type, argument)}"
        )
        if argument is None and current.kernel.verifier.is_verified(current.processor.driver):
            if pointer.type == "DMA_ADAPTER":
                bug_check(DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_NULL_ADAPTER, reason=reason)
            if self.stated.routine == "IoCallDriver" and pointer.type == "DEVICE_OBJECT":
                code, place = DRIVER_VERIFIER_IOMANAGER_VIOLATION, origin()
                bug_check(code, VF_IO_VERIFY_NULL_DEVICE, place, other, reason=reason)
        raise TypeError(reason)

    def _refuse(self, argument: object, last: object = 0) -> None:
        """Bug check, or return if only Driver Verifier has the rule and the driver is not verified."""
        stated = self.stated
        processor = current.processor
        kernel = current.kernel
        irql = processor.irql
        if irql == STOPPED_IRQL:
            kernel.refuse()
        reason = (
            f"{stated.routine} must be called {_levels(stated)}; it was called at {irql_name(irql)}:"
            f" {_step_to_level(stated, irql)}"
        )
        violation = stated.violation
        if violation is None:
            code = IRQL_NOT_GREATER_OR_EQUAL if irql < stated.min_irql else IRQL_NOT_LESS_OR_EQUAL
            bug_check(code, argument, irql, 0, stated.routine, reason=reason)
        if kernel.verifier.is_verified(processor.driver):
            rest = _parameters(stated, violation, (irql, argument, last), reason)
            bug_check(violation.code, violation.subcode, *rest, reason=reason)


def _parameters(
    stated: Contract, violation: Violation, found: tuple[int, object, object], reason: str
) -> tuple[object, object, object]:
    """The parameters behind the first, as the WDK's page of the bug check has them for this rule.

    `found` are the IRQL and two arguments of the call, which most rules have.
    """
    if violation.subcode >= _DDI_RULES:
        return reason, 0, 0  # the rule's condition in words
    if violation.code == DRIVER_VERIFIER_DMA_VIOLATION:
        is_exact = stated.min_irql == stated.max_irql
        return 1 if is_exact else 2, stated.max_irql, found[0]
    if (
        violation.code == DRIVER_VERIFIER_IOMANAGER_VIOLATION
        and violation.subcode == VF_IOMANAGER_CALL_DRIVER_IRQL
    ):
        return found[0], 0, 0
    if violation.subcode in _UNSAFE:
        return found[0], current.processor.current_thread.kernel_apc_disable, found[1]
    return found


def charge_call() -> None:
    """Spend the clocks of a kernel call, and be a point of preemption, as each kernel call is."""
    kernel = current.kernel
    clock = kernel.clock
    spent = clock.spent = clock.spent + kernel.call_clocks
    if spent >= clock.horizon or kernel.is_eager:
        current.dispatcher.pass_spent()


def _levels(stated: Contract) -> str:
    """The legal IRQLs in words."""
    if stated.max_irql == stated.min_irql:
        return f"at {irql_name(stated.min_irql)}"
    parts = []
    if stated.min_irql > PASSIVE_LEVEL:
        parts.append(f"at or above {irql_name(stated.min_irql)}")
    if stated.max_irql < HIGH_LEVEL:
        parts.append(f"at or below {irql_name(stated.max_irql)}")
    return " and ".join(parts) or "at any level"


def _step_to_level(stated: Contract, irql: int) -> str:
    """Say how a driver comes to a legal IRQL."""
    if irql < stated.min_irql:
        if stated.min_irql == DISPATCH_LEVEL:
            return "call it in a DPC, or raise the IRQL with KeRaiseIrql before"
        if stated.min_irql == APC_LEVEL:
            return "raise the IRQL to APC_LEVEL before, as ExAcquireFastMutex does for ExReleaseFastMutex"
        return "call it in the ISR or the routine of KeSynchronizeExecution"
    if stated.max_irql >= DISPATCH_LEVEL:
        return "queue a DPC, and call it there"
    return "call it in a system thread or a work item, which run at PASSIVE_LEVEL"


_OBJECTS: Final = {
    Form.STRING: "rtl.strings:UnicodeString",
    Form.BYTE_STRING: "rtl.strings:AnsiString",
    Form.LINK: "rtl.links:ListEntry",
    Form.SINGLE_LINK: "rtl.links:SingleListEntry",
}
"""The classes of which the argument may be, besides the types of the next table."""
_TYPES: Final[dict[Form, tuple[type, ...]]] = {
    Form.TEXT: (str,),
    Form.BYTES: (bytes, bytearray, memoryview),
    Form.STRING: (str,),
    Form.BYTE_STRING: (str, bytes),
    Form.CHARACTERS: (int, str, bytes),
}
"""The types of the argument; an integer where the table has none."""


_NOT_RUN: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""The flags of the code of functions that a call does not run."""


def never_runs(routine: object) -> bool:
    """Whether a call of a routine makes a generator or a coroutine, and runs nothing of it."""
    code = getattr(getattr(routine, "__func__", routine), "__code__", None)
    return isinstance(code, CodeType) and bool(code.co_flags & _NOT_RUN)


def _has_form(form: Form, argument: object) -> bool:
    """Whether the argument is an object of the form."""
    if form is Form.ROUTINE:
        return callable(argument) and not never_runs(argument)
    if isinstance(argument, _TYPES.get(form, (int,))):
        return True
    return form in _OBJECTS and _is_kind(argument, _OBJECTS[form])


def _fits(pointer: Pointer, argument: object) -> bool:
    """Whether the argument is an object of the class, or a NULL that is legal."""
    if argument is None:
        return pointer.optional
    return _is_kind(argument, pointer.python)


def _is_kind(argument: object, python: str) -> bool:
    """Whether the argument is an object of the class that `module:Class` below dirql names."""
    bases = type(argument).__mro__
    return f"dirql.{python}" in {f"{base.__module__}:{base.__qualname__}" for base in bases}
