# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""For each rule of the bus checker a trace in which an agent breaks it; and legal traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hdl.bus_trace import READ, Clock, Trace

__all__ = ["BREAKS", "LEGAL"]

CONFIGURATION_READ, IO_READ, INVALIDATE = 0xA, 0x2, 0xF
Break = Callable[[Trace], Sequence[int] | None]
BREAKS: dict[str, Break] = {}


def breaks(rule: str) -> Callable[[Break], Break]:
    """Register how the rule is broken."""

    def register(change: Break) -> Break:
        BREAKS[rule] = change
        return change

    return register


def other_master(clock: Clock, **outputs: int) -> None:
    for name, value in outputs.items():
        setattr(clock.masters[1], name, value)


def other_target(clock: Clock, **outputs: int) -> None:
    for name, value in outputs.items():
        setattr(clock.targets[1], name, value)


# Masters. Clocks of a transaction count from 0 here: 0 is the address phase, 1 the first with IRDY, 2 that with DEVSEL.


@breaks("M01")
def start_without_grant(trace: Trace) -> None:
    trace.clocks[-1].gnt = 0
    trace.transaction()


@breaks("M02")
def frame_off_without_irdy(trace: Trace) -> None:
    clocks = trace.transaction(count=2)
    clocks[1].m.irdy = clocks[2].m.irdy = 0
    clocks[2].m.frame = 0


@breaks("M03")
def frame_again_without_idle(trace: Trace) -> None:
    clocks = trace.transaction()
    clocks[-4].m.frame = 1
    trace.transaction()


@breaks("M04")
def irdy_dropped(trace: Trace) -> None:
    trace.transaction(count=2, waits=2)[4].m.irdy = 0


@breaks("M05")
def irdy_late(trace: Trace) -> None:
    clocks = trace.transaction(count=2, first_waits=9)
    for clock in clocks[1:9]:
        clock.m.irdy = 0


@breaks("M06")
def irdy_in_the_address_phase(trace: Trace) -> None:
    trace.transaction(count=2)[0].m.irdy = 1


@breaks("M07")
def irdy_after_the_last_datum(trace: Trace) -> None:
    trace.transaction()[-4].m.irdy = 1


@breaks("M08")
def ad_changes(trace: Trace) -> None:
    trace.transaction(first_waits=2)[3].m.ad = 0x999


@breaks("M09")
def enables_change(trace: Trace) -> None:
    trace.transaction(READ, first_waits=2)[3].m.cbe = 3


@breaks("M10")
def reserved_command(trace: Trace) -> None:
    trace.master_abort(0x4)


@breaks("M11")
def other_burst_order(trace: Trace) -> None:
    trace.transaction(address=0x4000_0002)


@breaks("M12")
def invalidate_without_all_bytes(trace: Trace) -> None:
    for clock in trace.transaction(INVALIDATE)[1:-4]:
        clock.m.cbe = 1


@breaks("M13")
def io_enables_contradict(trace: Trace) -> None:
    trace.transaction(IO_READ, address=0x4000_0001)


@breaks("M14")
def io_burst(trace: Trace) -> None:
    trace.transaction(IO_READ, count=2)


@breaks("M15_one")
def configuration_without_idsel(trace: Trace) -> None:
    trace.transaction(CONFIGURATION_READ)


@breaks("M15_none")
def idsel_in_a_memory_transaction(trace: Trace) -> None:
    trace.transaction()[0].idsel = 1


@breaks("M16_give_up")
def waits_too_long_for_devsel(trace: Trace) -> None:
    clocks = trace.master_abort()
    clocks[5].m.frame = 1


@breaks("M16_leave")
def stays_after_giving_up(trace: Trace) -> None:
    trace.master_abort()[6].m.irdy = 1


@breaks("M16_patience")
def gives_up_early(trace: Trace) -> None:
    clocks = trace.master_abort()
    clocks[2].m.frame = 0
    for clock in clocks[3:6]:
        clock.m.frame = clock.m.irdy = 0


@breaks("M19")
def frame_goes_on_after_stop(trace: Trace) -> None:
    clocks = trace.retry()
    clocks[3].m.frame = 1


@breaks("M20_idle")
def request_on_the_idle_clock_after_stop(trace: Trace) -> None:
    trace.retry()[4].req = 1


@breaks("M20_second")
def request_on_the_clock_after_the_idle_clock(trace: Trace) -> None:
    trace.retry()[5].req = 1


@breaks("M27")
def wrong_parity_of_an_address(trace: Trace) -> list[int]:
    return [trace.clocks.index(trace.transaction()[1])]


@breaks("M30")
def granted_and_does_not_start(trace: Trace) -> None:
    trace.idle(18)
    for clock in trace.clocks[-18:]:
        clock.req = 1


@breaks("M31")
def burst_goes_on_beyond_the_last_address(trace: Trace) -> None:
    trace.transaction(count=3, address=0xFFFF_FFF8)


@breaks("M32_turnaround")
def ad_in_the_turnaround_clock(trace: Trace) -> None:
    trace.transaction(READ)[1].m.ad_en = 1


@breaks("M32_ad")
def two_drive_ad(trace: Trace) -> None:
    other_master(trace.transaction()[2], ad_en=1)


@breaks("M32_control")
def two_masters_drive_control(trace: Trace) -> None:
    other_master(trace.transaction()[2], control_en=1)


@breaks("M33")
def frame_let_go_at_once(trace: Trace) -> None:
    trace.transaction()[-4].m.control_en = 0


# Targets.


@breaks("T01")
def two_devsels(trace: Trace) -> None:
    other_target(trace.transaction()[2], devsel=1, control_en=1)


@breaks("T03")
def devsel_late(trace: Trace) -> None:
    clocks = trace.transaction(first_waits=2)
    clocks[2].t.devsel = 0


@breaks("T04_trdy")
def trdy_without_devsel(trace: Trace) -> None:
    clock = trace.clocks[-1]
    clock.t.trdy = clock.t.control_en = 1


@breaks("T04_stop")
def stop_without_devsel(trace: Trace) -> None:
    clock = trace.clocks[-1]
    clock.t.stop = clock.t.control_en = 1


@breaks("T05")
def devsel_dropped(trace: Trace) -> None:
    trace.transaction(count=2, waits=2)[4].t.devsel = 0


@breaks("T06")
def trdy_dropped(trace: Trace) -> None:
    clocks = trace.transaction(count=2, first_waits=2)
    clocks[1].m.irdy = clocks[2].m.irdy = clocks[3].m.irdy = 0
    clocks[2].t.trdy = 1


@breaks("T07")
def trdy_in_the_turnaround_clock(trace: Trace) -> None:
    clock = trace.transaction(READ)[1]
    trace.answer(clock, trdy=1)


@breaks("T08")
def read_datum_changes(trace: Trace) -> None:
    clocks = trace.transaction(READ, count=2, first_waits=2)
    clocks[1].m.irdy = clocks[2].m.irdy = clocks[3].m.irdy = 0
    clocks[2].t.trdy = clocks[3].t.trdy = 1
    clocks[3].t.ad = 0x77


@breaks("T09")
def first_datum_late(trace: Trace) -> None:
    trace.transaction(first_waits=14)


@breaks("T10")
def later_datum_late(trace: Trace) -> None:
    trace.transaction(count=2, waits=8)


@breaks("T11_hold")
def stop_dropped(trace: Trace) -> None:
    trace.retry()[3].t.stop = 0


@breaks("T11_off")
def stop_held_too_long(trace: Trace) -> None:
    clock = trace.retry()[4]
    clock.t.stop = 1


@breaks("T12_off")
def devsel_after_the_last_datum(trace: Trace) -> None:
    trace.transaction()[-4].t.devsel = 1


@breaks("T12_release")
def devsel_let_go_at_once(trace: Trace) -> None:
    trace.transaction()[-4].t.control_en = 0


@breaks("T14")
def trdy_in_a_target_abort(trace: Trace) -> None:
    clocks = trace.target_abort()
    clocks[3].t.trdy = 1


@breaks("T15")
def special_cycle_claimed(trace: Trace) -> None:
    trace.transaction(0x1)


@breaks("T22")
def wrong_parity_of_a_read_datum(trace: Trace) -> list[int]:
    clocks = trace.transaction(READ)
    return [trace.clocks.index(clocks[3])]


# Arbiter and reset.


@breaks("A01")
def two_grants(trace: Trace) -> None:
    trace.clocks[-1].gnt = 3


@breaks("A02")
def grant_passes_without_a_gap(trace: Trace) -> None:
    trace.idle(2)
    trace.clocks[-2].req = 2
    trace.clocks[-1].gnt = 2


@breaks("A03")
def grant_to_a_master_that_does_not_ask(trace: Trace) -> None:
    trace.idle(4)
    for clock in trace.clocks[-4:]:
        clock.req = 1
    trace.clocks[-2].gnt = 0
    trace.clocks[-1].gnt = 2


@breaks("A05")
def grant_not_parked(trace: Trace) -> None:
    trace.idle(8)
    for clock in trace.clocks[-6:]:
        clock.gnt = 0


@breaks("T32")
def driven_in_reset(trace: Trace) -> None:
    trace.clocks[2].m.control_en = 1


@breaks("A08")
def grant_in_reset(trace: Trace) -> None:
    trace.clocks[2].gnt = 1


LEGAL: dict[str, Callable[[Trace], object]] = {
    "write": lambda trace: trace.transaction(count=3, waits=1, first_waits=3),
    "read": lambda trace: trace.transaction(READ, count=3, waits=1, first_waits=3),
    "longest waits": lambda trace: trace.transaction(count=2, waits=6, first_waits=12),
    "retry": Trace.retry,
    "target abort": Trace.target_abort,
    "master abort": Trace.master_abort,
    "invalidate": lambda trace: trace.transaction(INVALIDATE, count=4),
    "burst up to the last address": lambda trace: trace.transaction(count=2, address=0xFFFF_FFF8),
    "input": lambda trace: trace.transaction(IO_READ, address=0x4000_0000),
}
