# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Levels and the contracts of routines."""

from __future__ import annotations

import pytest

from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.guard import CALLBACK, call_driver
from dirql.ke.kernel import Kernel
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.processors.irql import (
    current_irql,
    irql_name,
    lower_irql,
    raise_irql,
    raise_irql_to_dpc_level,
    raise_irql_to_synch_level,
)
from dirql.nt.constants import APC_LEVEL, CLOCK_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL
from dirql.nt.contract import Contract, Enforcement, Violation
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, bug_check


@pytest.mark.parametrize("irql", range(HIGH_LEVEL + 1))
def test_IRQL_01_each_level_can_be_requested(kernel: Kernel, irql: int) -> None:
    assert raise_irql(irql) == PASSIVE_LEVEL
    assert current_irql() == irql
    assert raise_irql(irql) == irql, "the level held already is legal"
    lower_irql(PASSIVE_LEVEL)
    assert current_irql() == PASSIVE_LEVEL


def test_IRQL_01_raising_to_dpc_level(kernel: Kernel) -> None:
    raise_irql(APC_LEVEL)
    assert raise_irql_to_dpc_level() == APC_LEVEL
    assert current_irql() == DISPATCH_LEVEL
    assert raise_irql_to_synch_level() == DISPATCH_LEVEL
    assert current_irql() == 12


@pytest.mark.parametrize(("held", "requested"), [(2, 1), (5, 0), (2, 16), (0, 99), (1, -1)])
def test_IRQL_04_raising_downwards(kernel: Kernel, held: int, requested: int) -> None:
    raise_irql(held)
    with bug_check(0xC4, 0x30, held, requested, match="KeRaiseIrql must be at or above the current one"):
        raise_irql(requested)


@pytest.mark.parametrize(("held", "requested"), [(0, 1), (2, 15), (5, -1)])
def test_IRQL_04_lowering_upwards(kernel: Kernel, held: int, requested: int) -> None:
    raise_irql(held)
    with bug_check(0xC4, 0x31, held, requested, 0, match="KeLowerIrql must be at or below the current one"):
        lower_irql(requested)


BETWEEN = KeptContract(Contract("KeBetween", APC_LEVEL, DISPATCH_LEVEL, Enforcement.EACH_CALL))
PASSIVE = KeptContract(
    Contract("KePassive", PASSIVE_LEVEL, PASSIVE_LEVEL, Enforcement.EACH_CALL, Violation(0xC4, 0x1234))
)


class Thing:
    def between(self, first: int, second: int = 5) -> int:
        """A routine with a contract, for the tests."""
        BETWEEN.check_level(self)
        return first * second

    def passive(self) -> None:
        """Do nothing, at PASSIVE_LEVEL."""
        PASSIVE.check_level(self)


def test_a_routine_that_is_not_described_has_no_contract() -> None:
    with pytest.raises(LookupError, match=r"must be described in host/wdk/routines; KeUndescribed is not"):
        contract("KeUndescribed")


@pytest.mark.row("IRQL-04")
def test_IRQL_04_without_verifier_any_level_there_is_can_be_had(kernel: Kernel) -> None:
    kernel.verifier.default = None
    raise_irql(DISPATCH_LEVEL)
    assert (raise_irql(APC_LEVEL), current_irql()) == (2, 1)
    lower_irql(5)
    assert current_irql() == 5
    with bug_check(0xC4, 0x30, 5, 16):
        raise_irql(16)


def test_a_kept_contract_lets_a_routine_run_at_its_levels(kernel: Kernel) -> None:
    with at(APC_LEVEL):
        assert Thing().between(2) == 10
        assert Thing().between(second=3, first=2) == 6


def test_a_broken_contract_without_a_code(kernel: Kernel) -> None:
    thing = Thing()
    raise_irql(CLOCK_LEVEL)
    with bug_check(
        0xA, thing, 13, match="must be called at or above APC_LEVEL and at or below DISPATCH_LEVEL; .* CLOCK"
    ):
        thing.between(1)


def test_a_broken_contract_below_its_level(kernel: Kernel) -> None:
    thing = Thing()
    with bug_check(0x9, thing, 0, match="it was called at PASSIVE_LEVEL"):
        thing.between(1)


def test_a_broken_contract_with_a_code(kernel: Kernel) -> None:
    thing = Thing()
    raise_irql(APC_LEVEL)
    with bug_check(
        0xC4, 0x1234, 1, thing, 0, match="must be called at PASSIVE_LEVEL; it was called at APC_LEVEL"
    ):
        thing.passive()


def test_a_rule_of_the_verifier_holds_for_verified_drivers(kernel: Kernel) -> None:
    """A rule without a code of the verifier's is NT's own, and holds for all."""
    thing = Thing()
    kernel.verifier.verify("unverified", None)
    raise_irql(APC_LEVEL)
    call_driver(CALLBACK, "unverified", thing.passive)
    raise_irql(CLOCK_LEVEL)
    with bug_check(0xA, thing, 13):
        call_driver(CALLBACK, "unverified", thing.between, 1)


def test_a_rule_of_the_verifier_is_that_of_the_driver_whose_code_runs(kernel: Kernel) -> None:
    thing = Thing()
    kernel.verifier.default = None
    kernel.verifier.verify("verified", 0)
    raise_irql(APC_LEVEL)
    thing.passive()
    with bug_check(0xC4, 0x1234, 1, thing):
        call_driver(CALLBACK, "verified", thing.passive)


def test_a_kernel_call_costs(machine: FakeMachine) -> None:
    with_costs = Kernel(machine, machine, costs=Costs(kernel_call=7))
    before = machine.now()
    Thing().passive()
    assert machine.now() == before + 7
    with_costs.close()


def test_names_of_levels() -> None:
    assert [irql_name(n) for n in (0, 2, 5, 12, 13, 99)] == [
        "PASSIVE_LEVEL",
        "DISPATCH_LEVEL",
        "DIRQL 5",
        "SYNCH_LEVEL",
        "CLOCK_LEVEL",
        "99",
    ]


def test_without_a_kernel_there_is_one_clear_error() -> None:
    with pytest.raises(RuntimeError, match="call open_machine first"):
        current_irql()


def test_a_second_kernel_is_refused(kernel: Kernel) -> None:
    other = FakeMachine()
    with pytest.raises(RuntimeError, match="one machine can be open at a time"):
        Kernel(other, other)
    assert current.kernel is kernel
