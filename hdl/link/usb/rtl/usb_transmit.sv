// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// From packets to the two lines: SYNC, identifier, data, CRC16, stuffed bits, NRZI, end of packet. One bit has four clocks.
module usb_transmit (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// Send a packet with this identifier, which holds until the end, and with data or as a handshake.
  input  logic       start_i,
  input  logic [3:0] pid_i,
  input  logic       with_data_i,
  /// The next byte of data, if there is one. After `byte_taken_o` the one behind it must be there within 28 clocks.
  input  logic       byte_valid_i,
  input  logic [7:0] byte_i,
  output logic       byte_taken_o,
  /// Nothing is being sent; the last packet has just ended.
  output logic       idle_o,
  output logic       done_o,
  /// The lines.
  output logic       dp_o,
  output logic       dn_o,
  output logic       oe_o
);
  typedef enum logic [2:0] {
    // The lines are not driven.
    StIdle,
    // Seven zeros and a one.
    StSync,
    // The identifier and its inverse.
    StPid,
    // Bytes of data.
    StData,
    // The CRC, inverted.
    StCrc,
    // Two bits of SE0 and one of idle.
    StEnd
  } state_e;
  localparam logic [7:0] Sync = 8'h80;

  state_e      state_q;
  logic [1:0]  phase_q;
  logic [3:0]  bit_q;
  logic [7:0]  shift_q;
  logic [2:0]  run_q;
  logic [15:0] crc_q;
  logic        tick, stuffs, advances, value, last, level_q;
  assign tick     = phase_q == '1;
  assign stuffs   = run_q == usb_pkg::LongestRun;
  assign advances = tick && !stuffs;
  assign value    = state_q == StCrc ? !crc_q[0] : shift_q[0];
  assign last     = bit_q == 4'd7;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) state_q <= StIdle;
    else begin
      unique case (state_q)
        StIdle: if (start_i) state_q <= StSync;
        StSync: if (advances && last) state_q <= StPid;
        StPid:  if (advances && last) state_q <= !with_data_i ? StEnd : byte_valid_i ? StData : StCrc;
        StData: if (advances && last && !byte_valid_i) state_q <= StCrc;
        StCrc:  if (advances && bit_q == '1) state_q <= StEnd;
        default: if (advances && bit_q == 4'd3) state_q <= StIdle;
      endcase
    end
  end

  // The phase within a bit, and the bit within its part of the packet.
  always_ff @(posedge clk_i) begin : p_count
    if (state_q == StIdle) begin
      phase_q <= '0;
      bit_q   <= '0;
    end else begin
      phase_q <= phase_q + 2'd1;
      if (advances) bit_q <= last && state_q != StCrc ? '0 : bit_q + 4'd1;
    end
  end

  logic takes;
  assign takes = advances && last && byte_valid_i && ((state_q == StPid && with_data_i) || state_q == StData);
  always_ff @(posedge clk_i) begin : p_shift
    byte_taken_o <= takes;
    if (state_q == StIdle) shift_q <= Sync;
    else if (advances && state_q == StSync && last) shift_q <= {~pid_i, pid_i};
    else if (takes) shift_q <= byte_i;
    else if (advances) shift_q <= {1'b0, shift_q[7:1]};
    if (state_q == StPid) crc_q <= '1;
    else if (advances && state_q == StData) crc_q <= usb_pkg::crc16(crc_q, value);
    else if (advances) crc_q <= {1'b0, crc_q[15:1]};
  end

  // A zero changes the level, a stuffed bit too. The end of packet needs none.
  logic se0_q, drives_q;
  always_ff @(posedge clk_i) begin : p_level
    if (!rst_ni || state_q == StIdle) begin
      level_q  <= 1'b1;
      run_q    <= '0;
      se0_q    <= 1'b0;
      drives_q <= 1'b0;
    end else if (tick) begin
      if (state_q == StEnd && !stuffs) begin
        se0_q    <= !bit_q[1];
        drives_q <= bit_q != 4'd3;
        level_q  <= 1'b1;
        run_q    <= '0;
      end else begin
        drives_q <= 1'b1;
        run_q    <= value && !stuffs ? run_q + 3'd1 : '0;
        level_q  <= level_q == (value && !stuffs);
      end
    end
  end
  always_ff @(posedge clk_i) begin : p_lines
    dp_o   <= level_q && !se0_q;
    dn_o   <= !level_q && !se0_q;
    oe_o   <= rst_ni && drives_q;
    done_o <= rst_ni && state_q == StEnd && advances && bit_q == 4'd3;
  end
  assign idle_o = state_q == StIdle;
endmodule
