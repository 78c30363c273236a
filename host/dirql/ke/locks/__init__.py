# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Locks above events and spin locks: mutexes, executive resources, queued and push locks, rundown protection."""
