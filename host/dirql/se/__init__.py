# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The security reference monitor: who asks, what a descriptor grants, and the Se routines that drivers call.

Descriptors, lists and identifiers have the layout of [MS-DTYP], section 2.4, and texts that of section 2.5.1.
"""
