# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The power manager: power IRPs, the sleep of the system, and what drivers tell of their devices' power states.

Read it in this order: `request` (a power IRP), `manager` (which of them go when), `routines` (those that drivers call),
`system` (sleep and shutdown), `idle` (devices that nobody uses), `policy` (demands on the system's state), `settings`,
`hang_report`. `rules` has the checks of drivers.
"""
