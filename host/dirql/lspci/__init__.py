# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql lspci`: shows the PCI functions of a machine in the forms of pciutils' lspci.

Configuration space is read through the Target contract alone; no kernel runs. The forms are those that people know from
Linux, the words are dirql's own.
"""

__all__: list[str] = []
