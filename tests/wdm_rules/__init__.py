# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rules of Static Driver Verifier for WDM drivers, each with a driver that breaks it."""
