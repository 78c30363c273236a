# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Wave dumps of a conventional PCI bus, by whatever device and simulator, checked against the rules of the bus."""
