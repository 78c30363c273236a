# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Registration with WMI: the system remembers who is registered."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, make_device, make_driver


@pytest.mark.parametrize("action", [wdm.WMIREG_ACTION_UPDATE_GUIDS, wdm.WMIREG_ACTION_DEREGISTER, 77])
def test_a_device_must_be_registered_before_anything_else(machine: Machine, action: int) -> None:
    device = make_device(make_driver(OPEN_AND_CLOSE), NAME)
    assert wdm.IoWMIRegistrationControl(device, action) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.IoWMIRegistrationControl(device, wdm.WMIREG_ACTION_REGISTER) == wdm.STATUS_SUCCESS
    expected = wdm.STATUS_INVALID_PARAMETER if action == 77 else wdm.STATUS_SUCCESS
    assert wdm.IoWMIRegistrationControl(device, action) == expected


def test_a_registration_ends_once(machine: Machine) -> None:
    device = make_device(make_driver(OPEN_AND_CLOSE), NAME)
    wdm.IoWMIRegistrationControl(device, wdm.WMIREG_ACTION_REGISTER)
    answers = [wdm.IoWMIRegistrationControl(device, wdm.WMIREG_ACTION_DEREGISTER) for _ in range(2)]
    assert answers == [wdm.STATUS_SUCCESS, wdm.STATUS_INVALID_PARAMETER]
