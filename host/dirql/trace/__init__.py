# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recording and analysis of a run: the kernel writes marks into the stream of event records that the hardware makes.

`recorder` subscribes to the kernel's hooks and keeps the records as a `run`; `reconstruct` turns the event records into
interrupts, DPCs and IRPs; `latency` counts the clocks of each stage; `perfetto` draws them.
"""

__all__: list[str] = []
