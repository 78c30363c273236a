# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""DbgPrint and its kin."""

from __future__ import annotations

from typing import Final

from dirql.kd.debugger import DebugMessage, level_mask, running
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.processors.irql import current_irql, irql_name
from dirql.nt.constants import DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, PASSIVE_LEVEL
from dirql.nt.status import STATUS_SUCCESS
from dirql.rtl.formatting import format_text

__all__ = [
    "dbg_print",
    "dbg_print_ex",
    "kd_print",
    "kd_print_ex",
    "query_debug_filter_state",
    "set_debug_filter_state",
    "show",
    "v_dbg_print_ex",
    "v_dbg_print_ex_with_prefix",
]

_DBG_PRINT: Final = contract("DbgPrint")
_DBG_PRINT_EX: Final = contract("DbgPrintEx")
_V_DBG_PRINT_EX: Final = contract("vDbgPrintEx")
_V_DBG_PRINT_EX_WITH_PREFIX: Final = contract("vDbgPrintExWithPrefix")
_KD_PRINT: Final = contract("KdPrint")
_KD_PRINT_EX: Final = contract("KdPrintEx")
_QUERY_FILTER: Final = contract("DbgQueryDebugFilterState")
_SET_FILTER: Final = contract("DbgSetDebugFilterState")

_MOST_BYTES: Final = 512
"""The most bytes of one message."""


def dbg_print(format_: str, *arguments: object) -> int:
    """Send a message to the debugger; follows DbgPrint (row DBG-01).

    The component is DPFLTR_DEFAULT_ID and the level DPFLTR_INFO_LEVEL. The format is that of Microsoft's C, with
    arguments of 32 bits for %d and %lx. Returns STATUS_SUCCESS.
    """
    _DBG_PRINT.check_arguments(format_)
    return _print(_DBG_PRINT, DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, "", format_, arguments)


def dbg_print_ex(component_id: int, level: int, format_: str, *arguments: object) -> int:
    """Send a message to the debugger if the filter lets it pass; follows DbgPrintEx (rows DBG-01, DBG-02)."""
    _DBG_PRINT_EX.check_arguments(component_id, level, format_)
    return _print(_DBG_PRINT_EX, component_id, level, "", format_, arguments)


def v_dbg_print_ex(component_id: int, level: int, format_: str, arglist: tuple[object, ...]) -> int:
    """Do as `dbg_print_ex` with the arguments in a tuple; follows vDbgPrintEx."""
    _V_DBG_PRINT_EX.check_arguments(component_id, level, format_, arglist)
    return _print(_V_DBG_PRINT_EX, component_id, level, "", format_, _list(_V_DBG_PRINT_EX, arglist))


def v_dbg_print_ex_with_prefix(
    prefix: str, component_id: int, level: int, format_: str, arglist: tuple[object, ...]
) -> int:
    """Do as `v_dbg_print_ex`, with a text before the message; follows vDbgPrintExWithPrefix."""
    kept = _V_DBG_PRINT_EX_WITH_PREFIX
    kept.check_arguments(prefix, component_id, level, format_, arglist)
    return _print(kept, component_id, level, prefix, format_, _list(kept, arglist))


def kd_print(arguments: tuple[object, ...] | str) -> None:
    """Do as DbgPrint in a checked build, and nothing in a free one; follows KdPrint (row DBG-03).

    As in C, `arguments` are the format and its arguments in parentheses: `KdPrint(("%d sectors", count))`.
    """
    if running.value.checked_build:
        given = (
            (arguments,) if isinstance(arguments, str) else _list(_KD_PRINT, arguments, "DbgPrintArguments")
        )
        if not given or not isinstance(given[0], str):
            _KD_PRINT.refuse_argument(
                "DbgPrintArguments", "a format and its arguments in parentheses", arguments
            )
        _print(_KD_PRINT, DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, "", given[0], given[1:])


def kd_print_ex(arguments: tuple[object, ...]) -> None:
    """Do as DbgPrintEx in a checked build, and nothing in a free one; follows KdPrintEx (row DBG-03).

    As in C, `arguments` are those of DbgPrintEx in parentheses.
    """
    if running.value.checked_build:
        given = _list(_KD_PRINT_EX, arguments, "DbgPrintExArguments")
        if len(given) < 3:
            what = "a component, a level, a format and its arguments in parentheses"
            _KD_PRINT_EX.refuse_argument("DbgPrintExArguments", what, arguments)
        component_id, level, format_ = given[:3]
        _DBG_PRINT_EX.check_arguments(component_id, level, format_)
        assert isinstance(component_id, int)
        assert isinstance(level, int)
        assert isinstance(format_, str)
        _print(_KD_PRINT_EX, component_id, level, "", format_, given[3:])


def query_debug_filter_state(component_id: int, level: int) -> int:
    """TRUE if messages of this component and level are shown, else FALSE; follows DbgQueryDebugFilterState."""
    _QUERY_FILTER.check_arguments(component_id, level)
    return int(running.value.shows(component_id, level))


def set_debug_filter_state(component_id: int, level: int, state: int) -> int:
    """Show messages of this component and level from now on, or hide them; follows DbgSetDebugFilterState."""
    _SET_FILTER.check_arguments(component_id, level, state)
    masks, bits = running.value.masks, level_mask(level)
    mask = masks.get(component_id, 0)
    masks[component_id] = mask | bits if state else mask & ~bits
    return STATUS_SUCCESS


def show(text: str) -> None:
    """Send a message of the system itself, which no filter hides."""
    _show(text, DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL)


def _list(kept: KeptContract, arguments: object, name: str = "arglist") -> tuple[object, ...]:
    if not isinstance(arguments, tuple):
        kept.refuse_argument(name, "arguments in parentheses, which make a tuple", arguments)
    return arguments


def _print(
    kept: KeptContract, component: int, level: int, prefix: str, format_: str, arguments: tuple[object, ...]
) -> int:
    if not running.value.shows(component, level):
        return STATUS_SUCCESS
    try:
        formatted = format_text(format_, arguments)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{kept.stated.routine}: {error}") from error
    routine, irql = kept.stated.routine, current_irql()
    if formatted.wide and irql != PASSIVE_LEVEL:
        report_defect(
            "DBG-01",
            f"{routine} must be called at PASSIVE_LEVEL with {formatted.wide} in its format; it was called at"
            f" {irql_name(irql)}: print such strings before, or print their bytes with %s",
        )
    if formatted.unsupported:
        report_defect(
            "DBG-01",
            f"{routine} must have a format without floating point and %n; it had {formatted.unsupported}: print"
            " integers",
        )
    _show(prefix + formatted.text, component, level)
    return STATUS_SUCCESS


def _show(text: str, component: int, level: int) -> None:
    encoded = text.encode("utf-8", "surrogatepass")[:_MOST_BYTES]
    clock = current.kernel.clock
    message = DebugMessage(encoded.decode("utf-8", "ignore"), component, level, current_driver(), clock.now())
    running.value.show(message)
