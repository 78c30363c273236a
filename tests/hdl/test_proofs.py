# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The quick proofs hold, and each proof finds a fault that is put into its block."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import prove
from proof_engine import Task, missing_tools, run_task
from proof_plan import HDL, Proof, load_plan, statements

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_tools()), reason="the tools of the extra `formal` are not installed"),
]

PROOFS = {proof.name: proof for proof in load_plan()}


@dataclass(frozen=True)
class Fault:
    """A change of a file, and the property that it breaks."""

    proof: str
    file: str
    old: str
    new: str
    broken: str


QUEUE = "prim/rtl/prim_queue.sv"
RAM = "prim/rtl/prim_ram.sv"
FIFO = "prim/rtl/prim_fifo.sv"
ARBITER = "bus/rtl/bus_arbiter.sv"
TARGET = "bus/rtl/bus_target.sv"
INITIATOR = "bus/rtl/bus_initiator.sv"
COUNTERS = "timestamp/rtl/bus_counters.sv"
CAUSES = "socket/rtl/function_causes.sv"
PIN = "socket/rtl/socket_interrupt.sv"
DECODE = "socket/rtl/socket_decode.sv"
SOCKET = "socket/rtl/function_socket.sv"
MASTER = "socket/rtl/socket_master.sv"
HEADER = "functions/common/rtl/config_header.sv"
PINS = "functions/gpio/rtl/gpio_pins.sv"
GPIO = "functions/gpio/rtl/gpio.sv"
COLLECTOR = "timestamp/rtl/event_collector.sv"
UNIT = "timestamp/rtl/timestamp_unit.sv"
ALIGN = "functions/store/rtl/store_align.sv"
MOVER = "functions/store/rtl/store_mover.sv"
DMA = "functions/store/rtl/store_dma.sv"
CELLS = "interrupt/rtl/interrupt_cells.sv"
CORE = "interrupt/rtl/interrupt_core.sv"
PIC = "interrupt/rtl/interrupt_pic.sv"
SOURCE = "functions/pulser/rtl/pulser_source.sv"
FRAME = "link/rtl/link_frame.sv"
RECEIVE = "link/rtl/link_receive.sv"
INBOX = "link/rtl/link_inbox.sv"
TRANSMIT = "link/rtl/link_transmit.sv"
SESSION = "link/rtl/link_session.sv"
USB = "link/usb/rtl/usb_pkg.sv"
USB_TRANSMIT = "link/usb/rtl/usb_transmit.sv"
USB_TRANSACTION = "link/usb/rtl/usb_transaction.sv"
POSTED = "pci_bridge/rtl/pci_bridge_posted.sv"
SLOT = "pci_bridge/rtl/pci_bridge_slot.sv"

FAULTS = (
    Fault("pci_bridge_posted", POSTED, "ready_o      = whole_q != '0 && ", "ready_o      = ", "whole"),
    Fault("pci_bridge_slot", SLOT, "~bus_i.cbe == delayed_q.be;", "1'b1;", "matched"),
    Fault(
        "pci_bridge_slot",
        SLOT,
        "state_q == StWaiting && same_q == '0;",
        "state_q == StWaiting;",
        "B06_request",
    ),
    Fault("pci_bridge_slot", SLOT, "there && other_q == '0 && !bad_q", "there && !bad_q", "B06_answer"),
    Fault("prim_queue", QUEUE, "kept != 3'(Depth)", "level_q != 3'(Depth)", "count"),
    Fault("prim_queue", QUEUE, "kept == 3'(i)", "level_q == 3'(i)", "stored"),
    Fault("prim_fifo", FIFO, "data1_o   = '0", "data1_o   = '1", "no_second"),
    Fault("prim_ram", RAM, "if (write_i[lane])", "if (write_i[0])", "kept"),
    Fault("prim_fifo", FIFO, "(!out_q || leaves);", "(!out_q || pop_i);", "latency"),
    Fault("prim_fifo", FIFO, "out_q <= !clear_i && ", "out_q <= ", "pointers"),
    Fault("bus_arbiter", ARBITER, "StartLimit && idle && requests[owner_q]", "StartLimit", "A07_broken"),
    Fault("bus_arbiter", ARBITER, "|| !idle || gnt_q[choice]", "|| 1'b1", "A02"),
    Fault("bus_arbiter", ARBITER, "32'(last) + step", "32'(Park) + step", "A04_round"),
    Fault(
        "bus_arbiter", ARBITER, "if (gnt_q != '0) master_q <= owner_q", "master_q <= choice", "master_granted"
    ),
    Fault("bus_arbiter_two_level", ARBITER, "High[owner_q] ? ~32'd1 << owner_q : '1", "'1", "A04_low"),
    Fault("bus_arbiter_two_level", ARBITER, "next_of(low, low_q)", "next_of(low, '0)", "A04_low"),
    Fault(
        "bus_arbiter_fixed",
        ARBITER,
        "(requests, IndexWidth'(Masters - 1))",
        "(requests, owner_q)",
        "A11_first",
    ),
    Fault("bus_target", TARGET, "if (load_o) ad_q <=", "ad_q <=", "T08"),
    Fault(
        "bus_target", TARGET, "if (bus_i.irdy && !bus_i.frame) state_d", "if (bus_i.irdy) state_d", "T11_hold"
    ),
    Fault("bus_target", TARGET, "? LaterLimit : FirstLimit", "? FirstLimit : FirstLimit", "later_limit"),
    Fault(
        "bus_target",
        TARGET,
        "= state_q == StDecode && answer_i.hit && !address_bad",
        "= state_q == StDecode && answer_i.hit",
        "unclaimed",
    ),
    Fault("bus_target", TARGET, "devsel_d = 1'b0;\n        stop_d ", "stop_d ", "T14_abort"),
    Fault("bus_initiator", INITIATOR, "if (transfer) moved_q", "if (phase_end) moved_q", "request_state"),
    Fault("bus_initiator", INITIATOR, "gnt_i && enable_i &&", "enable_i &&", "M01_enabled"),
    Fault("bus_initiator", INITIATOR, "DevselLimit = 3'd3", "DevselLimit = 3'd2", "M17_status"),
    Fault("bus_initiator", INITIATOR, "if (second_q) state_d", "state_d", "M20_second"),
    Fault("bus_initiator", INITIATOR, "ad_d = backend_i.wdata1", "ad_d = backend_i.wdata0", "data_lanes"),
    Fault("bus_initiator", INITIATOR, "(timer_expired && !gnt_i)", "!gnt_i", "M25"),
    Fault("bus_counters", COUNTERS, "!address && !data && !refused", "!data && !refused", "every_clock"),
    Fault(
        "function_causes",
        CAUSES,
        "((cause_q & ~clear) | set_i)",
        "((cause_q | set_i) & ~clear)",
        "causes",
    ),
    Fault(
        "function_causes", PIN, "(line_q || interrupt_disable_i) && wanted", "line_q && wanted", "pulse_each"
    ),
    Fault("function_causes", PIN, "due || (again_q &&", "due || (1'b0 &&", "pulse_kept"),
    Fault("function_causes", PIN, "(bus_master_i || interrupt_i.status)", "bus_master_i", "message_kept"),
    Fault("function_causes", PIN, "set_q <= interrupt_i.due", "set_q <= set_q", "event_causes"),
    Fault("function_causes", CAUSES, "cleared = cause_q;", "cleared = '0;", "event_reset"),
    Fault("function_causes", PIN, "if (!rst_ni) clear_q", "if (!on) clear_q", "event_reset"),
    Fault("function_socket", DECODE, "transaction_i.configuration || bar_o", "bar_o", "T15_claims"),
    Fault("function_socket", TARGET, "bus_i.ad[10:8] == number_i", "1'b1", "T15_claims"),
    Fault("function_socket", DECODE, "abort_o = cbe_i[1] || !cbe_i[0]", "abort_o = cbe_i[1]", "T14_aborts"),
    Fault("function_socket", DECODE, " && command_i.memory_enable", "", "decodes"),
    Fault("function_socket", DECODE, "!memory || bar_o == '0 || last", "last", "single"),
    Fault("function_socket", HEADER, "bar_we[i]", "bar_we[0]", "base"),
    Fault("function_socket", SOCKET, "transaction.configuration || answer_i.rvalid", "1'b1", "answered"),
    Fault("function_socket", MASTER, "progress.transfer && !owns;", "progress.transfer;", "not_mixed"),
    Fault("function_socket", MASTER, "if (message_taken_o) datum_q", "datum_q", "message_progress"),
    Fault("gpio", PINS, "second_q & ~(before_q & ~level_i)", "second_q & ~before_q", "cause"),
    Fault("gpio", GPIO, ".loopback_i(reg2hw.loopback.pins[Pins-1:0])", ".loopback_i('0)", "level"),
    Fault("gpio", GPIO, "16'(levels)", "'0", "show_level"),
    Fault("event_collector", COLLECTOR, "chosen[33] = 1'b0", "chosen[33] = chosen[33]", "once"),
    Fault("event_collector", COLLECTOR, "level == 3'(Waiting) && !pop", "level == 3'(Waiting)", "room"),
    Fault("event_collector", COLLECTOR, "armed_q <= !spurious_i", "armed_q <= 1'b1", "real_events"),
    Fault("event_collector_functions", COLLECTOR, "left_q[index] <= 1'b1", "left_q <= '1", "complete"),
    Fault("timestamp_unit", UNIT, ".enable_i(1'b1)", ".enable_i(!fetch_i)", "clocks"),
    Fault("timestamp_unit", UNIT, "else if (low_read) high_q", "else high_q", "high_state"),
    Fault("timestamp_unit", UNIT, "== Address[31:12]", "== Address[31:12] || mark_i", "T15_claims"),
    Fault(
        "store_dma",
        ALIGN,
        "sink_offset_i - source_offset_i",
        "source_offset_i - sink_offset_i",
        "value_stored",
    ),
    Fault("store_dma", DMA, "4'hF >> (2'd3 - tail_q)", "4'hF", "bytes_enabled"),
    Fault("store_dma", DMA, "too_long ? left_q : length_q", "length_q", "in_list"),
    Fault("store_dma", MOVER, "data_coming_q && !bus_bad_i", "data_coming_q", "stored_moved"),
    Fault("store_dma_lists", DMA, "bad ? '0 : judged_q", "judged_q", "progress_bad"),
    Fault("store_dma_lists", MOVER, "read_address_q + 1'b1", "read_address_q", "value_written"),
    Fault(
        "store_dma_lists",
        DMA,
        "{1'b0, base_q} + (AddressBits-3)'(1)",
        "{1'b0, base_q} + (AddressBits-3)'(2)",
        "list_read",
    ),
    Fault("store_dma_end", DMA, "rdata_i[31:1] != '0 || past_last", "rdata_i[31:1] != '0", "D01"),
    Fault("store_dma_end", DMA, "!invalid_q && (last_q || !next_base[AddressBits])", "!invalid_q", "D01"),
    Fault("store_dma_lists", DMA, "buffer_q + BufferLog2'(segment_length)", "buffer_q", "place_stored"),
    Fault(
        "interrupt_core",
        CELLS,
        "& ~acknowledged_i & ~withdrawn_i) | set",
        "| set) & ~acknowledged_i",
        "I03_I08_request",
    ),
    Fault("interrupt_core", CORE, "blocked || in_service[i]", "blocked", "I06_offered"),
    Fault("pulser", SOURCE, "if (distance < period_i) distance = '1;", "", "timer"),
    Fault("pulser", SOURCE, "running && !waits && !start_i", "!waits && !start_i", "allowed"),
    Fault("interrupt_pic", CELLS, "& ~ended_i) | served_i", "| served_i) & ~ended_i", "I14_I15_service"),
    Fault("interrupt_pic", PIC, "~raw_o & ~messages_q", "~raw_o", "I13_request"),
    Fault(
        "interrupt_pic", PIC, "blocked || serving[number] || request_o", "blocked || request_o", "I11_offered"
    ),
    Fault("interrupt_pic", PIC, "ends || wdata_i[6:5] == 2'b10", "ends", "I14_order"),
    Fault("link_frame", FRAME, "|| datum == host_pkg::LinkEscape;", ";", "same"),
    Fault("link_frame", FRAME, "end_i ? ~crc_q[7:0] : byte_i", "end_i ? crc_q[7:0] : byte_i", "crc"),
    Fault("link_receive", RECEIVE, "good_o       <= crc_q == Residue && ", "good_o       <= ", "accepted"),
    Fault("link_receive", RECEIVE, " && !bad_q && !escaped_q;", " && !escaped_q;", "accepted"),
    Fault("link_receive", RECEIVE, "32'hDEBB_20E3", "32'hDEBB_20E2", "accepted"),
    Fault("link_inbox", INBOX, "numbered && distance == '0", "numbered", "accepted"),
    Fault("link_inbox", INBOX, "lost_o = !distance[7]", "lost_o = 1'b1", "told"),
    Fault(
        "link_inbox",
        INBOX,
        "if (ended_i && !taken_o) write_q <= base_q;",
        "if (1'b0) write_q <= base_q;",
        "contents",
    ),
    Fault("link_inbox", INBOX, "wanted_q != oldest_q && !done_i", "wanted_q != oldest_q", "once"),
    Fault(
        "link_transmit",
        TRANSMIT,
        "oldest_q != unacknowledged_q && oldest_q != made_q",
        "oldest_q != made_q",
        "dropped",
    ),
    Fault(
        "link_transmit",
        TRANSMIT,
        "if (is_end) sent_q <= sent_q + 8'd1;\n",
        "if (is_end) sent_q <= oldest_q;\n",
        "goes_on",
    ),
    Fault("link_session", SESSION, "renew) reset_q <= Reset", "renew) reset_q <= 3'd1", "reset"),
    Fault("link_session", SESSION, "(hello && !same) ||", "hello ||", "reset"),
    Fault("link_session", SESSION, "if (lost_i && !gap_q) again_o", "if (lost_i) again_o", "gap_once"),
    Fault("usb_crc", USB, "16'hA001", "16'hA003", "crc16_drawn"),
    Fault("usb_crc", USB, "5'h14", "5'h12", "crc5_drawn"),
    Fault("usb_crc", USB, "5'h06", "5'h07", "residue5"),
    Fault("usb_transmit", USB_TRANSMIT, "stuffs   = run_q == usb_pkg::LongestRun", "stuffs   = 1'b0", "run"),
    Fault("usb_transmit", USB_TRANSMIT, "se0_q    <= !bit_q[1]", "se0_q    <= bit_q == '0", "released"),
    Fault("usb_transaction", USB_TRANSACTION, "with_data_o ? StAck : StToken", "StAck", "acks"),
    Fault(
        "usb_transaction",
        USB_TRANSACTION,
        "StData:  if (data) state_q <= StTurn",
        "StData:  if (ended_i) state_q <= StTurn",
        "asked",
    ),
)


def task_for(proof: Proof, label: str) -> Task:
    """A task that looks for a run from reset that breaks one property, and at no other one, which may break as well."""
    files = (*proof.sources, proof.harness)
    others = {statement.label for file in files for statement in statements(HDL / file)} - {label}
    depth = max(proof.induction, proof.bounded)
    alone = replace(proof, induction=depth, only_bounded=tuple(sorted(others)))
    return Task(alone, proof.parameters[0], "prove")


def test_the_quick_proofs_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = prove.main(["--quick", "--work", str(tmp_path)])
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.proof}_{fault.broken}")
def test_a_fault_in_a_block_is_found(fault: Fault, tmp_path: Path) -> None:
    hdl = tmp_path / "hdl"
    shutil.copytree(HDL, hdl)
    file = hdl / fault.file
    text = file.read_text(encoding="utf-8")
    assert text.count(fault.old) == 1
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    outcome = run_task(task_for(PROOFS[fault.proof], fault.broken), hdl, tmp_path / "work")
    refuted = {finding.label for finding in outcome.findings if finding.status == "failed"}
    assert fault.broken in refuted, (refuted, outcome.error)


def test_each_quick_proof_has_faults() -> None:
    assert {proof.name for proof in PROOFS.values()} == {fault.proof for fault in FAULTS}
