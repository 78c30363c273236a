# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What a run did and when: marks put into the hardware's event stream, and what can be read out of it afterwards.

`recorder` subscribes to the kernel's hooks and keeps a `run`; `reconstruct` turns its events into interrupts, DPCs and
IRPs; `latency` counts their stages; `perfetto` draws them.
"""

__all__: list[str] = []
