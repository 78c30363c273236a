# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The policy: the rules of Driver Verifier that hold for a driver."""

from __future__ import annotations

from dirql.nt.bugcodes import VERIFIER_DMA_VERIFICATION, VERIFIER_FORCE_IRQL_CHECKING, VERIFIER_POOL_TRACKING
from dirql.verifier.policy import Verifier


def test_the_default_holds_for_every_driver_and_for_code_of_none() -> None:
    verifier = Verifier()
    for driver in ("store", None):
        assert verifier.is_verified(driver)
        assert verifier.is_on(VERIFIER_FORCE_IRQL_CHECKING, driver)
        assert not verifier.is_on(VERIFIER_POOL_TRACKING, driver)


def test_flags_belong_to_a_driver() -> None:
    verifier = Verifier()
    verifier.verify("store", VERIFIER_POOL_TRACKING | VERIFIER_DMA_VERIFICATION)
    assert verifier.is_on(VERIFIER_DMA_VERIFICATION, "store")
    assert not verifier.is_on(VERIFIER_FORCE_IRQL_CHECKING, "store")
    assert not verifier.is_on(VERIFIER_DMA_VERIFICATION, "other")


def test_flags_of_0_leave_the_automatic_checks() -> None:
    verifier = Verifier()
    verifier.verify("store", 0)
    assert verifier.is_verified("store")
    assert not verifier.is_on(VERIFIER_FORCE_IRQL_CHECKING, "store")


def test_a_driver_can_be_left_unverified_and_be_forgotten() -> None:
    verifier = Verifier()
    verifier.verify("store", None)
    assert not verifier.is_verified("store")
    assert not verifier.is_on(VERIFIER_FORCE_IRQL_CHECKING, "store")
    verifier.forget("store")
    verifier.forget("never seen")
    assert verifier.is_verified("store")


def test_a_default_of_none_verifies_chosen_drivers_only() -> None:
    verifier = Verifier(None)
    verifier.verify("store", 0)
    assert verifier.is_verified("store")
    assert not verifier.is_verified("other")
