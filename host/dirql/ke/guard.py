# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The one place that calls a driver's routine.

The guard knows the kind of the routine and the driver that the routine belongs to. It

- remembers whose code runs now (`current_driver`), and restores that when the routine returns or raises;
- turns an exception that escapes from the routine into the bug check of the kind. Routines of some kinds are called
  back within a call of their own driver, whose code the exception then reaches first;
- checks that the routine returns at the IRQL at which it was called, if the kind has that rule;
- checks that a routine of a verified driver returns with the spin locks with which it was called;
- checks that the routine returns a value of the type that the kind has.

A routine belongs to the driver that handed it to the kernel: a DPC to the driver that initialized it, an interrupt to
the driver that connected it, a thread to the driver that created it. Those objects keep `current_driver()` of that
moment and pass it to `call_driver`. A routine that is called back at once, as by KeSynchronizeExecution, belongs to the
driver whose code runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import sep
from typing import Final, NoReturn, TypeVar, TypeVarTuple, cast

from dirql.ke.bugcheck import BugCheck, bug_check, stop
from dirql.ke.current import current
from dirql.ke.mistakes import explain_error, missing_parameters
from dirql.ke.origin import is_kernel_frame, origin_of, origin_of_routine
from dirql.ke.processors.dpc_queue import QueuedDpc
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import OwnedLock, Processor
from dirql.ke.refusals import explain_status
from dirql.ke.threads.thread import ThreadExit
from dirql.nt.bugcodes import (
    DDI_SPIN_LOCK,
    DDI_SPIN_LOCK_RELEASE,
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    IRQL_UNEXPECTED_VALUE,
    KMODE_EXCEPTION_NOT_HANDLED,
    SYSTEM_THREAD_EXCEPTION_NOT_HANDLED,
    UNEXPECTED_KERNEL_MODE_TRAP,
    VF_IO_COMPLETION_IRQL,
    VF_IO_ISR_IRQL,
    VF_IO_VERIFY_INCONSISTENT_RETURN,
    VF_IOMANAGER_DISPATCH_IRQL,
)
from dirql.nt.constants import DISPATCH_LEVEL, DeallocateObject, DeallocateObjectKeepRegisters, KeepObject
from dirql.nt.ntstatus import NTSTATUS, StatusException
from dirql.nt.status import STATUS_UNHANDLED_EXCEPTION

__all__ = [
    "ADAPTER_CONTROL",
    "ADD_DEVICE",
    "CALLBACK",
    "CALLBACK_FUNCTION",
    "CANCEL",
    "COMPLETION",
    "CONTROLLER_CONTROL",
    "CSQ_INSERT_EX",
    "CSQ_LOCK",
    "DISPATCH",
    "DPC",
    "DRIVER_ENTRY",
    "EXT_CALLBACK",
    "IO_TIMER",
    "ISR",
    "KERNEL_APC",
    "NORMAL_APC",
    "NOTIFICATION",
    "QUERY_ROUTINE",
    "REINITIALIZE",
    "RUNDOWN_APC",
    "START_IO",
    "SYNCHRONIZE",
    "THREAD",
    "UNLOAD",
    "WORKER",
    "Mortal",
    "RoutineKind",
    "call_completion",
    "call_deferred",
    "call_driver",
    "call_start_io",
    "call_synchronized",
    "call_with_two",
    "current_driver",
    "describe",
    "is_verified",
    "verifies",
]

Arguments = TypeVarTuple("Arguments")
A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")

_NO_APC: Final = 2
"""The unique value of bug check 0xC8 for a routine of no APC; those of APCs are 0 and 1."""
_DOUBLE_FAULT: Final = 8
"""The trap of a kernel stack that is used up."""


class Mortal:
    """An object that comes to an end which drivers must respect, and from which attributes are taken away then."""

    __slots__ = ()

    def tell_end(self, name: str) -> str | None:
        """Say why the object lacks the attribute `name`; None if it has not come to its end."""
        raise NotImplementedError


class _AllocationAction:
    """Stands for IO_ALLOCATION_ACTION, which is a plain integer in Python: no value has this type."""


@dataclass(frozen=True, slots=True)
class RoutineKind:
    """A kind of routine that drivers give to the kernel, and the rules that hold for it."""

    noun: str
    """Begins the message of a broken rule."""
    exception: int | None = KMODE_EXCEPTION_NOT_HANDLED
    """The bug check for an exception that escapes; None lets the exception go up to a caller of the same driver."""
    level: int | None = None
    """The bug check for a return at another IRQL; None if the routine may do that."""
    subcode: int = 0
    """The first parameter of the bug check `level`, where Driver Verifier makes it."""
    locks: int | None = 0
    """The number of spin locks that the routine must release for its caller, 0 or 1; None if there is no rule."""
    result: type | None = None
    """The type of the value that the routine must return, a key of `_RESULTS`; None if nobody uses the value."""
    step: str = "return STATUS_SUCCESS, or the status of the step that failed"
    """The advice for a routine that returns no such value."""
    parameters: tuple[str, ...] | None = None
    """The WDK's names of the routine's parameters; None for a kind of routine that has several forms."""


_DEVICE_AND_IRP: Final = ("DeviceObject", "Irp")

ISR: Final = RoutineKind(
    "the ISR",
    level=DRIVER_VERIFIER_DETECTED_VIOLATION,
    subcode=VF_IO_ISR_IRQL,
    result=bool,
    step="return TRUE if the device of the ISR has interrupted, else FALSE",
    parameters=("Interrupt", "ServiceContext"),
)
SYNCHRONIZE: Final = RoutineKind(
    "the SynchCritSection routine",
    result=bool,
    step="return TRUE, or FALSE if the operation has failed",
    parameters=("SynchronizeContext",),
)
DPC: Final = RoutineKind(
    "the DPC routine",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("Dpc", "DeferredContext", "SystemArgument1", "SystemArgument2"),
)
THREAD: Final = RoutineKind(
    "the thread routine", SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, parameters=("StartContext",)
)
DISPATCH: Final = RoutineKind(
    "the dispatch routine",
    level=DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    subcode=VF_IOMANAGER_DISPATCH_IRQL,
    result=NTSTATUS,
    step=(
        "return the status of the completed request, the result of IoCallDriver, or STATUS_PENDING for a request that"
        " IoMarkIrpPending has marked"
    ),
    parameters=_DEVICE_AND_IRP,
)
COMPLETION: Final = RoutineKind(
    "the completion routine",
    level=DRIVER_VERIFIER_DETECTED_VIOLATION,
    subcode=VF_IO_COMPLETION_IRQL,
    result=NTSTATUS,
    step="return STATUS_CONTINUE_COMPLETION, or STATUS_MORE_PROCESSING_REQUIRED to keep the request",
    parameters=(*_DEVICE_AND_IRP, "Context"),
)
START_IO: Final = RoutineKind("the StartIo routine", parameters=_DEVICE_AND_IRP)
DRIVER_ENTRY: Final = RoutineKind(
    "DriverEntry", level=IRQL_UNEXPECTED_VALUE, result=NTSTATUS, parameters=("DriverObject", "RegistryPath")
)
ADD_DEVICE: Final = RoutineKind(
    "the AddDevice routine",
    level=IRQL_UNEXPECTED_VALUE,
    result=NTSTATUS,
    parameters=("DriverObject", "PhysicalDeviceObject"),
)
UNLOAD: Final = RoutineKind("the Unload routine", level=IRQL_UNEXPECTED_VALUE, parameters=("DriverObject",))
CANCEL: Final = RoutineKind("the cancel routine", locks=1, parameters=_DEVICE_AND_IRP)
"""The routine releases the cancel spin lock. IoCancelIrp must not end with that lock held."""
WORKER: Final = RoutineKind("the worker routine", SYSTEM_THREAD_EXCEPTION_NOT_HANDLED)
IO_TIMER: Final = RoutineKind(
    "the IoTimer routine", level=IRQL_UNEXPECTED_VALUE, parameters=("DeviceObject", "Context")
)
REINITIALIZE: Final = RoutineKind(
    "the reinitialization routine",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("DriverObject", "Context", "Count"),
)
CALLBACK_FUNCTION: Final = RoutineKind(
    "the callback routine",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("CallbackContext", "Argument1", "Argument2"),
)
EXT_CALLBACK: Final = RoutineKind(
    "the callback of an executive timer", level=IRQL_UNEXPECTED_VALUE, parameters=("Timer", "Context")
)
CONTROLLER_CONTROL: Final = RoutineKind(
    "the ControllerControl routine",
    result=_AllocationAction,
    step="return KeepObject if the device has the controller until IoFreeController, else DeallocateObject",
    parameters=(*_DEVICE_AND_IRP, "MapRegisterBase", "Context"),
)
KERNEL_APC: Final = RoutineKind(
    "the KernelRoutine of an APC",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("Apc", "NormalRoutine", "NormalContext", "SystemArgument1", "SystemArgument2"),
)
NORMAL_APC: Final = RoutineKind(
    "the NormalRoutine of an APC", parameters=("NormalContext", "SystemArgument1", "SystemArgument2")
)
RUNDOWN_APC: Final = RoutineKind("the RundownRoutine of an APC", parameters=("Apc",))
NOTIFICATION: Final = RoutineKind(
    "the notification callback", result=NTSTATUS, parameters=("NotificationStructure", "Context")
)
ADAPTER_CONTROL: Final = RoutineKind(
    "the AdapterControl routine",
    None,
    result=_AllocationAction,
    step="return DeallocateObjectKeepRegisters if the adapter is a bus master, else KeepObject",
    parameters=(*_DEVICE_AND_IRP, "MapRegisterBase", "Context"),
)
"""An exception goes up to a caller of the same driver, as for the kinds below."""
CSQ_INSERT_EX: Final = RoutineKind(
    "the CsqInsertIrpEx routine", None, result=NTSTATUS, parameters=("Csq", "Irp", "InsertContext")
)
QUERY_ROUTINE: Final = RoutineKind(
    "the QueryRoutine",
    None,
    result=NTSTATUS,
    parameters=("ValueName", "ValueType", "ValueData", "ValueLength", "Context", "EntryContext"),
)
CSQ_LOCK: Final = RoutineKind("the CsqAcquireLock or CsqReleaseLock routine", None, locks=None)
CALLBACK: Final = RoutineKind("the callback", None)
"""Any other routine that the kernel calls back, such as AdapterListControl."""


def current_driver() -> object:
    """The driver whose code runs now on this processor; None for the code of a program or of the kernel."""
    return current.processor.driver


def is_verified() -> bool:
    """Whether Driver Verifier's automatic checks hold for the code that runs now."""
    return current.kernel.verifier.is_verified(current.processor.driver)


def verifies(flag: int) -> bool:
    """Whether the code that runs now is verified with the option `flag`, one of the VERIFIER_… flags."""
    return current.kernel.verifier.is_on(flag, current.processor.driver)


def describe(routine: object) -> str:
    """A routine as messages name it: its module and its qualified name; that of a driver in the place of a wrapper."""
    routine = getattr(routine, "__wrapped__", routine)
    module, name = getattr(routine, "__module__", None), getattr(routine, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(routine)


def call_driver(
    kind: RoutineKind, driver: object, routine: Callable[[*Arguments], R], *arguments: *Arguments
) -> R:
    """Call `routine(*arguments)` for `driver`, with the checks of its kind, and return its result."""
    processor = current.processor
    irql, caller, lock = processor.irql, processor.driver, processor.lock
    if kind.locks and lock is not None:
        lock = lock.below
    processor.driver = driver
    try:
        result = routine(*arguments)
    except BaseException as error:
        _raised(kind, routine, error, caller)
        raise
    # The routine may have waited, and may have gone on running on another processor.
    processor = current.processor
    if processor.irql != irql or processor.lock is not lock:
        _check_state(kind, driver, routine, irql, lock, arguments[0] if arguments else None)
    if kind.result is not None and type(result) is not kind.result:
        result = _checked_result(kind, driver, routine, result, arguments)
    processor.driver = caller
    return result


# `call_driver` written out for the numbers of arguments that run most often. Collecting and spreading the arguments
# takes 0.05 µs more: 4 % of "interrupts dispatched" and 6 % of "DPC inserted and run" in bench/ke_paths.py, and 4 % of
# "a request through 3 drivers" in bench/io_paths.py.


def call_with_two(kind: RoutineKind, driver: object, routine: Callable[[A, B], R], first: A, second: B) -> R:
    """Do as `call_driver` for a routine with two arguments and a result: an ISR or a dispatch routine."""
    processor = current.processor
    irql, caller, lock = processor.irql, processor.driver, processor.lock
    processor.driver = driver
    try:
        result = routine(first, second)
    except BaseException as error:
        _raised(kind, routine, error, caller)
        raise
    processor = current.processor
    if processor.irql != irql or processor.lock is not lock:
        _check_state(kind, driver, routine, irql, lock, first)
    processor.driver = caller
    return (
        result
        if type(result) is kind.result
        else _checked_result(kind, driver, routine, result, (first, second))
    )


def call_start_io(driver: object, routine: Callable[[A, B], object], device: A, irp: B) -> None:
    """Do as `call_driver` with the kind START_IO."""
    processor = current.processor
    irql, caller, lock = processor.irql, processor.driver, processor.lock
    processor.driver = driver
    try:
        routine(device, irp)
    except BaseException as error:
        _raised(START_IO, routine, error, caller)
        raise
    processor = current.processor
    if processor.irql != irql or processor.lock is not lock:
        _check_state(START_IO, driver, routine, irql, lock, device)
    processor.driver = caller


def call_completion(
    driver: object, routine: Callable[[A, B, object], R], device: A, irp: B, context: object
) -> R:
    """Do as `call_driver` with the kind COMPLETION."""
    processor = current.processor
    irql, caller, lock = processor.irql, processor.driver, processor.lock
    processor.driver = driver
    try:
        status = routine(device, irp, context)
    except BaseException as error:
        _raised(COMPLETION, routine, error, caller)
        raise
    processor = current.processor
    if processor.irql != irql or processor.lock is not lock:
        _check_state(COMPLETION, driver, routine, irql, lock, device)
    processor.driver = caller
    return status if type(status) is NTSTATUS else _checked_result(COMPLETION, driver, routine, status)


def call_deferred(processor: Processor, dpc: QueuedDpc) -> None:
    """Do as `call_driver` for the routine of a DPC and the current processor, which is `processor`."""
    caller, lock = processor.driver, processor.lock
    processor.driver = driver = dpc.driver
    routine = dpc.deferred_routine
    try:
        routine(dpc, dpc.deferred_context, dpc.system_argument1, dpc.system_argument2)
    except BaseException as error:
        _raised(DPC, routine, error, caller)
        raise
    # A DPC stays on its processor: it must not wait.
    if processor.irql != DISPATCH_LEVEL or processor.lock is not lock:
        _check_state(DPC, driver, routine, DISPATCH_LEVEL, lock, dpc)
    processor.driver = caller


def call_synchronized(processor: Processor, routine: Callable[[A], object], context: A) -> bool:
    """Call a routine of KeSynchronizeExecution as a part of the code that runs on the current processor."""
    lock = processor.lock
    try:
        result = routine(context)
    except BaseException as error:
        _raised(SYNCHRONIZE, routine, error, processor.driver)
        raise
    if processor.lock is not lock:
        _check_state(SYNCHRONIZE, processor.driver, routine, processor.irql, lock, context)
    if type(result) is bool:
        return result
    return bool(_checked_result(SYNCHRONIZE, processor.driver, routine, result))


def _raised(kind: RoutineKind, routine: object, error: BaseException, caller: object) -> None:
    """Stop the kernel for an error that must not leave a routine of this kind, else note whose code runs again."""
    code = kind.exception
    if code is None and caller is not current.processor.driver:
        code = KMODE_EXCEPTION_NOT_HANDLED  # nobody of the driver is above it, who could handle it
    if code is not None and not isinstance(error, ThreadExit):
        _stop_unhandled(kind, code, routine, error)
    current.processor.driver = caller


def _stop_unhandled(kind: RoutineKind, code: int, routine: object, error: BaseException) -> None:
    """Stop the kernel, because `error` escaped from the routine; raises the bug check `code`.

    Returns for an error that goes up as it is: an interrupt from the keyboard, a bug check on its way up, or an error
    of the layers below the kernel (`Kernel.transparent`). A driver that calls `sys.exit` would end the run, as right.
    """
    kernel = current.kernel
    if not isinstance(error, Exception | SystemExit | GeneratorExit) or isinstance(error, kernel.transparent):
        if isinstance(error, KeyboardInterrupt) and kernel.stopped is None:
            error.add_note(f"it came in {origin_of(error)} of {current.processor.driver!r}, {kind.noun}")
        kernel.stop(error)
        return
    failure = _failure_of_driver(error) or _unhandled(kind, code, routine, error)
    failure.__cause__ = error
    stop(failure)
    raise failure from error


def _unhandled(kind: RoutineKind, code: int, routine: object, error: BaseException) -> BugCheck:
    status = error.status if isinstance(error, StatusException) else STATUS_UNHANDLED_EXCEPTION
    who = f"{kind.noun} {describe(routine)}"
    place = origin_of(error) or origin_of_routine(routine)
    if not callable(routine):
        reason = f"{kind.noun} must be a routine; it was {routine!r}: set it in DriverEntry"
        entry = getattr(current.processor.driver, "driver_init", None)
        place = origin_of_routine(entry) or place
        return BugCheck(code, (status, place or 0, error, 0), reason, place)
    wrong = None
    if kind.parameters is not None and isinstance(error, TypeError):
        wrong = missing_parameters(routine, kind.parameters)
    if wrong is not None:
        place = origin_of_routine(routine)
        reason = f"{who} {wrong} (it let TypeError escape: {error})"
        return BugCheck(code, (status, place or 0, error, 0), reason, place)
    name = type(error).__name__
    sentence = explain_error(error)
    if sentence is None and _is_refusal(error):
        sentence = str(error)
    if sentence is None:
        rule = f"{who} must handle its exceptions, and let {name} escape: {error}"
        reason = f"{rule}{_why(error)}; mend that line, or catch the exception"
    else:
        reason = f"{sentence} ({who} let the {name} escape)"
    return BugCheck(code, (status, place or 0, error, 0), reason, place)


def _why(error: BaseException) -> str:
    """Why a status was raised, behind a colon: its cause, or the reason that was noted last; "" for other errors."""
    if not isinstance(error, StatusException):
        return ""
    return explain_status(error.status) if error.__cause__ is None else f": {error.__cause__}"


_OWN_FILE: Final = f"ke{sep}guard.py"
"""The end of this file's name in tracebacks, compiled or not."""


def _is_refusal(error: BaseException) -> bool:
    """Whether a routine of the kernel has raised the error, whose text then says what was wrong with the call."""
    if not isinstance(error, TypeError | ValueError | AttributeError | ImportError):
        return False
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or step.tb_frame.f_code.co_filename.endswith(
        _OWN_FILE
    ):  # the routine itself could not be called
        return False
    return is_kernel_frame(step.tb_frame)


def _failure_of_driver(error: BaseException) -> BugCheck | None:
    """The bug check that NT has for a mistake which shows as an exception of Python's own; None for any other."""
    place = origin_of(error)
    if isinstance(error, AttributeError) and isinstance(error.obj, Mortal):
        reason = error.obj.tell_end(str(error.name))
        if reason is not None:
            parameters = (error.obj, 0, place, 0)
            return BugCheck(DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL, parameters, reason, place)
    if isinstance(error, RecursionError):
        reason = (
            "the kernel stack must have room for all calls that are under way; they were nested too deeply: let a DPC"
            " or a work item go on where a routine would call itself through the kernel"
        )
        return BugCheck(UNEXPECTED_KERNEL_MODE_TRAP, (_DOUBLE_FAULT, 0, 0, 0), reason, place)
    return None


def _check_state(
    kind: RoutineKind,
    driver: object,
    routine: object,
    irql: int,
    lock: OwnedLock | None,
    argument: object,
) -> None:
    """Check the IRQL and the spin locks with which a routine has returned, and that should be `irql` and `lock`."""
    if current.processor.irql != irql:
        _check_level(kind, driver, routine, irql, argument)
    if kind.locks is not None and current.kernel.verifier.is_verified(driver):
        _check_locks(kind, driver, routine, lock)


def _check_level(kind: RoutineKind, driver: object, routine: object, before: int, argument: object) -> None:
    """Bug check for a return at another IRQL, if the kind forbids it and the driver is held to that rule."""
    after = current.processor.irql
    reason = (
        f"{_who(kind, driver, routine)} must return at {irql_name(before)}, the IRQL at which it was called;"
        f" it returned at {irql_name(after)}: lower or raise the IRQL to the old one on each way out"
    )
    place = origin_of_routine(routine)
    if kind.level == IRQL_UNEXPECTED_VALUE:
        found = after << 16 | before << 8
        if kind is KERNEL_APC:
            normal = getattr(argument, "normal_routine", None) or 0
            bug_check(IRQL_UNEXPECTED_VALUE, found, routine, argument, normal, reason=reason, place=place)
        bug_check(IRQL_UNEXPECTED_VALUE, found | _NO_APC, reason=reason, place=place)
    if kind.level is not None and current.kernel.verifier.is_verified(driver):
        offender = argument if kind is DISPATCH else routine  # 0xC9/5 has the device
        bug_check(kind.level, kind.subcode, offender, before, after, reason=reason, place=place)


def _check_locks(kind: RoutineKind, driver: object, routine: object, last: OwnedLock | None) -> None:
    """Bug check 0xC4 unless `last` is the spin lock that the processor acquired last, of those that it holds."""
    held = current.processor.lock
    if held is last:
        return
    above = held
    while above is not None and above.below is not last:
        above = above.below
    if above is None:
        subcode, lock = DDI_SPIN_LOCK_RELEASE, last
        done = "released {}, which its caller held: release only what the routine itself has acquired"
    else:
        subcode, lock = DDI_SPIN_LOCK, held
        done = "acquired {} and did not release it: release it on each way out"
    reason = (
        f"{_who(kind, driver, routine)} must return with the spin locks held that its caller expects;"
        f" it {done.format(repr(lock))}"
    )
    place = origin_of_routine(routine)
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, subcode, reason, lock, 0, reason=reason, place=place)


def _checked_result(
    kind: RoutineKind, driver: object, routine: object, result: R, arguments: tuple[object, ...] = ()
) -> R:
    """Return the value of a routine as the type that its kind must return; stops if it is no such value.

    `arguments` are those of a dispatch routine, the device and the packet.
    """
    assert kind.result is not None
    what, convert = _RESULTS[kind.result]
    try:
        return cast(R, convert(result))
    except (TypeError, ValueError):
        reason = f"{_who(kind, driver, routine)} must return {what}; it returned {result!r}: {kind.step}"
        current.processor.driver = driver
        _refuse_result(kind, routine, reason, arguments)


def _refuse_result(
    kind: RoutineKind, routine: object, reason: str, arguments: tuple[object, ...]
) -> NoReturn:
    place = origin_of_routine(routine)
    if kind is DISPATCH:
        code, violation = DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IO_VERIFY_INCONSISTENT_RETURN
        device, irp = arguments or (0, 0)
        bug_check(code, violation, place or 0, irp, device, reason=reason, place=place)
    error = TypeError(reason)
    code = KMODE_EXCEPTION_NOT_HANDLED if kind.exception is None else kind.exception
    bug_check(code, STATUS_UNHANDLED_EXCEPTION, place or 0, error, reason=reason, place=place)


def _boolean(value: object) -> bool:
    if not isinstance(value, int) or not 0 <= value <= 0xFF:
        raise TypeError
    return value != 0


def _allocation_action(value: object) -> object:
    if value not in {KeepObject, DeallocateObject, DeallocateObjectKeepRegisters}:
        raise TypeError
    return value


_RESULTS: dict[type, tuple[str, Callable[[object], object]]] = {
    bool: ("a BOOLEAN, TRUE or FALSE", _boolean),
    NTSTATUS: ("an NTSTATUS", lambda value: NTSTATUS(cast("int", value))),
    _AllocationAction: ("an IO_ALLOCATION_ACTION such as KeepObject", _allocation_action),
}
"""For each type of value in words, and the conversion of a value that may be another integer of C."""


def _who(kind: RoutineKind, driver: object, routine: object) -> str:
    """The routine and the driver that it belongs to, as messages name them."""
    return f"{kind.noun} {describe(routine)}" + (f" of {driver!r}" if driver is not None else "")
