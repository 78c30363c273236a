// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A full-speed device of USB 2.0 with a stream of bytes in each direction and notices of eight bytes. It has three
/// endpoints: 0 for control, 1 bulk OUT and bulk IN, 2 interrupt IN; generated/usb_rom.sv has its descriptors. The clock
/// is 48 MHz, to 0.25 %.
module usb_device #(
  /// Clocks of SE0 that are a reset of the bus, and of idle lines that are its suspension: 10 µs and 3 ms.
  parameter int unsigned ResetClocks   = 480,
  parameter int unsigned SuspendClocks = 144_000,
  /// Log2 of the bytes that each bulk endpoint keeps.
  parameter int unsigned RingLog2 = 9
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// The lines D+ and D−: as they are; as the device drives them while `oe_o` is on. D+ needs a pull-up of 1.5 kΩ to 3.3 V
  /// while `pullup_o` is on: so a host sees that a device is there.
  input  logic        dp_i,
  input  logic        dn_i,
  output logic        dp_o,
  output logic        dn_o,
  output logic        oe_o,
  output logic        pullup_o,
  /// A host has chosen the configuration; the bus is suspended, and the device may draw little current only.
  output logic        configured_o,
  output logic        suspended_o,
  /// Bytes from the host.
  output logic        rx_valid_o,
  output logic [7:0]  rx_byte_o,
  input  logic        rx_ready_i,
  /// Bytes to the host. Without a configuration none is taken. Those that were taken are lost with a reset of the bus, and
  /// when a host chooses a configuration.
  input  logic        tx_valid_i,
  input  logic [7:0]  tx_byte_i,
  output logic        tx_ready_o,
  /// A notice to the host, its first byte on top. Without a configuration it is lost.
  input  logic        notice_valid_i,
  input  logic [63:0] notice_i,
  output logic        notice_ready_o
);
  // The bus resets everything but the receiver of its lines.
  logic bus_reset, bus_rst_n, stream_rst_n, flush;
  always_ff @(posedge clk_i) begin : p_reset
    bus_rst_n    <= rst_ni && !bus_reset;
    stream_rst_n <= rst_ni && !bus_reset && configured_o && !flush;
    pullup_o     <= rst_ni;
  end

  logic       tx_start, tx_with_data, tx_idle, tx_done, tx_byte_valid, tx_byte_taken;
  logic [3:0] tx_pid;
  logic [7:0] tx_byte;
  usb_transmit u_transmit (
    .clk_i, .rst_ni(bus_rst_n), .start_i(tx_start), .pid_i(tx_pid), .with_data_i(tx_with_data),
    .byte_valid_i(tx_byte_valid), .byte_i(tx_byte), .byte_taken_o(tx_byte_taken), .idle_o(tx_idle), .done_o(tx_done),
    .dp_o, .dn_o, .oe_o
  );

  logic       started, line_bit_valid, line_bit, line_byte_valid, line_ended, line_broken;
  logic [7:0] line_byte;
  usb_receive #(.ResetClocks(ResetClocks), .SuspendClocks(SuspendClocks)) u_receive (
    .clk_i, .rst_ni, .dp_i, .dn_i, .mute_i(!tx_idle), .started_o(started), .bit_valid_o(line_bit_valid),
    .bit_o(line_bit), .byte_valid_o(line_byte_valid), .byte_o(line_byte), .ended_o(line_ended), .broken_o(line_broken),
    .bus_reset_o(bus_reset), .suspended_o
  );

  logic       data_valid, ended, token, data_good, handshake, is_setup_long, is_too_long;
  logic [3:0] pid, token_endpoint;
  logic [6:0] token_address, address;
  logic [7:0] data;
  usb_packet u_packet (
    .clk_i, .rst_ni(bus_rst_n), .started_i(started), .bit_valid_i(line_bit_valid), .bit_i(line_bit),
    .byte_valid_i(line_byte_valid), .byte_i(line_byte), .ended_i(line_ended), .broken_i(line_broken),
    .data_valid_o(data_valid), .data_o(data), .ended_o(ended), .token_o(token), .data_good_o(data_good),
    .handshake_o(handshake), .pid_o(pid), .address_o(token_address), .endpoint_o(token_endpoint),
    .is_setup_long_o(is_setup_long), .is_too_long_o(is_too_long)
  );

  logic [1:0] endpoint, out_commit;
  logic [2:0] in_full, in_begin, in_taken, halted, clear;
  logic       control_in_halted, control_out_halted, control_room, bulk_room, out_begin, receiving, setup;
  usb_transaction u_transaction (
    .clk_i, .rst_ni(bus_rst_n), .started_i(started), .ended_i(ended), .token_i(token), .data_good_i(data_good),
    .handshake_i(handshake), .pid_i(pid), .token_address_i(token_address), .token_endpoint_i(token_endpoint),
    .is_setup_long_i(is_setup_long), .is_too_long_i(is_too_long), .start_o(tx_start), .pid_o(tx_pid),
    .with_data_o(tx_with_data), .done_i(tx_done), .address_i(address), .configured_i(configured_o),
    .in_halted_i({halted[2:1], control_in_halted}), .in_full_i(in_full), .in_clear_i({clear[2:1], 1'b0}),
    .out_halted_i({halted[0], control_out_halted}), .out_room_i({bulk_room, control_room}),
    .out_clear_i({clear[0], 1'b0}), .endpoint_o(endpoint), .in_begin_o(in_begin), .in_taken_o(in_taken),
    .out_begin_o(out_begin), .receiving_o(receiving), .out_commit_o(out_commit), .setup_o(setup)
  );

  // The byte to be sent is that of the endpoint of the transaction.
  logic [2:0] bytes_valid;
  logic [7:0] control_byte, bulk_byte, notice_byte;
  assign tx_byte_valid = bytes_valid[endpoint];
  assign tx_byte       = endpoint == 2'd0 ? control_byte : endpoint == 2'd1 ? bulk_byte : notice_byte;

  usb_control u_control (
    .clk_i, .rst_ni(bus_rst_n), .begin_i(out_begin), .byte_valid_i(data_valid && receiving && endpoint == 2'd0),
    .byte_i(data), .setup_i(setup), .in_full_o(in_full[0]), .out_room_o(control_room), .in_halted_o(control_in_halted),
    .out_halted_o(control_out_halted), .in_begin_i(in_begin[0]), .in_taken_i(in_taken[0]),
    .out_commit_i(out_commit[0]), .byte_valid_o(bytes_valid[0]), .byte_o(control_byte),
    .byte_taken_i(tx_byte_taken && endpoint == 2'd0), .address_o(address), .configured_o, .halted_o(halted),
    .clear_o(clear), .flush_o(flush)
  );
  usb_bulk_out #(.RingLog2(RingLog2)) u_bulk_out (
    .clk_i, .rst_ni(stream_rst_n), .begin_i(out_begin), .byte_valid_i(data_valid && receiving && endpoint == 2'd1),
    .byte_i(data), .commit_i(out_commit[1]), .room_o(bulk_room), .valid_o(rx_valid_o), .byte_o(rx_byte_o),
    .ready_i(rx_ready_i)
  );
  usb_bulk_in #(.RingLog2(RingLog2)) u_bulk_in (
    .clk_i, .rst_ni(stream_rst_n), .valid_i(tx_valid_i), .byte_i(tx_byte_i), .ready_o(tx_ready_o), .full_o(in_full[1]),
    .begin_i(in_begin[1]), .taken_i(in_taken[1]), .byte_valid_o(bytes_valid[1]), .byte_o(bulk_byte),
    .byte_taken_i(tx_byte_taken && endpoint == 2'd1)
  );
  usb_interrupt_in u_interrupt_in (
    .clk_i, .rst_ni(stream_rst_n), .valid_i(notice_valid_i), .notice_i, .ready_o(notice_ready_o), .full_o(in_full[2]),
    .begin_i(in_begin[2]), .taken_i(in_taken[2]), .byte_valid_o(bytes_valid[2]), .byte_o(notice_byte),
    .byte_taken_i(tx_byte_taken && endpoint == 2'd2)
  );
endmodule
