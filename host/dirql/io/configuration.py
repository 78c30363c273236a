# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of devices of some types, which the drivers of these devices count up."""

from __future__ import annotations

from typing import Final

from dirql.io.manager import ConfigurationInformation, running as io_manager
from dirql.ke.processors.contract import contract

__all__ = ["get_configuration_information"]

_GET: Final = contract("IoGetConfigurationInformation")


def get_configuration_information() -> ConfigurationInformation:
    """The numbers, which the caller may change; follows IoGetConfigurationInformation."""
    _GET.check_level(0)
    return io_manager.value.configuration
