# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A random program of target operations, the same for the same seed, and everything observable of the run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from dirql.registers import interrupt_controller, store, store_io
from dirql.registers.protocol import Vector
from dirql.target import MemoryDelays
from dirql.target.contract import BusError, BusFault, BusStatus, EventRecord
from fakes.default_machine import CONTROLLER, input_of
from machine.target_bench import Bench, open_bench

DATA = 0x10_0000
DESCRIPTOR = 0x20_0000
DEVICE_BYTES = 1 << 16
BURST_MAX = 4 * 300

Step = Callable[[Bench, random.Random], object]


def _buffer(random_: random.Random, largest: int) -> bytearray:
    return bytearray(random_.randbytes(4 * random_.randint(1, largest // 4)))


def _read_burst(bench: Bench, random_: random.Random) -> object:
    into = _buffer(random_, BURST_MAX)
    bench.target.read_memory_burst(
        random_.choice((bench.ram, bench.ram + 1200, bench.absent)), memoryview(into)
    )
    return into.hex()


def _write_burst(bench: Bench, random_: random.Random) -> None:
    data = _buffer(random_, BURST_MAX)
    bench.target.write_memory_burst(
        random_.choice((bench.ram, bench.ram + 400, bench.absent)), memoryview(data)
    )


def _string(bench: Bench, random_: random.Random) -> object:
    words = _buffer(random_, 100)
    port = bench.ports + random_.choice((store_io.FIFO_DATA.offset, store_io.FIFO_STATUS.offset))
    if random_.random() < 0.5:
        return bench.target.write_io_string(port, memoryview(words))
    return bench.target.read_io_string(port, memoryview(words)), words.hex()


def _dma(bench: Bench, random_: random.Random) -> None:
    size = random_.randint(1, 5000)
    bench.target.memory[DATA : DATA + size] = random_.randbytes(size)
    operation = random_.choice((store.Operation.DMA_WRITE, store.Operation.DMA_READ))
    bench.transfer_by_dma(operation, DATA, size, DESCRIPTOR)


def _service(bench: Bench, random_: random.Random) -> object:
    """Serve an interrupt as a kernel does: fetch the vector, clear the cause, write the end of interrupt."""
    target = bench.target
    if target.interrupt_request() is None and random_.random() < 0.9:
        return None
    target.mark(random_.getrandbits(32))
    vector = target.interrupt_acknowledge()
    cause = target.read_memory(bench.registers + store.INTERRUPT_CAUSE.offset)
    target.write_memory(bench.registers + store.INTERRUPT_CAUSE.offset, cause)
    target.spend(random_.randrange(60))
    if vector != Vector.SPURIOUS:
        bench.end(input_of(vector))
    target.mark(random_.getrandbits(32))
    return vector, cause


def _deadline(bench: Bench, random_: random.Random) -> None:
    now = bench.target.now()
    bench.target.set_deadline(random_.choice((None, now, now + random_.randrange(500))))


def _fault(bench: Bench, random_: random.Random) -> None:
    status = random_.choice([status for status in BusStatus if status is not BusStatus.OK])
    bench.target.inject_bus_fault(
        BusFault(random_.choice((bench.ram, bench.ports)), status, random_.randint(1, 2))
    )


def _calls(bench: Bench, random_: random.Random) -> object:
    """Spend clocks one by one, as kernel calls do, and wait for 0 clocks when something may have happened in them.

    Returns the number of calls until something asked for attention. A target that says for too long that nothing can
    happen finds out later than the others.
    """
    target = bench.target
    for number in range(random_.randrange(200)):
        target.spend(1)
        if target.spent >= target.horizon:
            target.wait(0)
            if target.attention:
                return number
    target.wait(0)  # targets may have let different numbers of clocks pass so far
    return None


def _look(bench: Bench, _random: random.Random) -> object:
    controller = [
        CONTROLLER + register.offset for register in (interrupt_controller.PENDING, interrupt_controller.RAW)
    ]
    return [bench.target.read_memory(address) for address in controller]


STEPS: dict[str, tuple[int, Step]] = {
    "read": (20, lambda b, r: b.target.read_memory(r.choice((b.ram, b.ram + 4, b.absent)), r.randrange(16))),
    "write": (
        20,
        lambda b, r: b.target.write_memory(b.ram + 4 * r.randrange(8), r.getrandbits(32), r.randrange(16)),
    ),
    "status": (10, lambda b, _: b.target.read_memory(b.registers + store.STATUS.offset)),
    "port": (5, lambda b, r: b.target.read_io(r.choice((b.ports, b.ports + 4, b.absent_port)))),
    "configuration": (5, lambda b, r: b.target.read_configuration(b.function + 4 * r.randrange(16))),
    "read burst": (8, _read_burst),
    "write burst": (8, _write_burst),
    "string": (8, _string),
    "dma": (6, _dma),
    "raise": (5, lambda b, r: b.request_after(r.randrange(300))),
    "service": (25, _service),
    "controller": (5, _look),
    "mark": (10, lambda b, r: b.target.mark(r.getrandbits(32))),
    "calls": (25, _calls),
    "spend": (15, lambda b, r: b.target.spend(r.randrange(100))),
    "wait": (15, lambda b, r: b.target.wait(r.randrange(400))),
    "deadline": (5, _deadline),
    "hold": (2, lambda b, r: b.target.hold_interrupt(r.randrange(300))),
    "fault": (3, _fault),
    "events": (3, lambda b, _: _rows(b.target.take_event_records())),
    "memory": (3, lambda b, _: bytes(b.target.memory[DATA : DATA + 5000]).hex()),
}


def _rows(events: Sequence[EventRecord]) -> list[list[int]]:
    return [list(event) for event in events]


def _outcome(step: Step, bench: Bench, random_: random.Random) -> object:
    try:
        return step(bench, random_)
    except BusError as error:
        return str(error)


def run_program(bench: Bench, seed: int, steps: int) -> list[object]:
    """Run `steps` random operations; one row each of what was seen: operation, clock, attention, input, result."""
    random_ = random.Random(seed)
    target = bench.target
    names, weights = list(STEPS), [weight for weight, _ in STEPS.values()]
    bench.enable(1 << bench.store_input)
    # A simulator's next machine finds in the device's RAM what the last one left there, as after a warm reset.
    target.write_memory_burst(bench.ram, memoryview(bytes(DEVICE_BYTES)))
    seen: list[object] = []
    for name in random_.choices(names, weights, k=steps):
        result = _outcome(STEPS[name][1], bench, random_)
        seen.append([name, target.now(), target.attention, target.interrupt_request(), result])
    target.set_deadline(None)
    target.hold_interrupt(1 << 20)
    target.wait(2000)
    seen.append(["end", target.now(), target.event_records_dropped(), _rows(target.take_event_records())])
    return seen


def main(arguments: Sequence[str]) -> int:
    """Inside a simulator: run the program of each seed and write what was seen."""
    path, steps, slow, *seeds = arguments
    seen = []
    for seed in seeds:
        bench = open_bench("cocotb", memory_delays=MemoryDelays(int(seed)) if slow == "slow" else None)
        seen.append(run_program(bench, int(seed), int(steps)))
        bench.target.close()
    Path(path).write_text(json.dumps(seen), encoding="utf-8")
    return 0
