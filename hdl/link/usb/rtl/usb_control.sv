// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Endpoint 0: the standard requests (USB 2.0, 9.4), and the vendor's request for the descriptors of Microsoft. All that
/// is sent to the host is a part of the ROM. A request that it does not know, or that the state of the device forbids,
/// is answered with STALL, up to the next SETUP.
module usb_control (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// From the bus: data of a SETUP may come; a byte; the SETUP is complete.
  input  logic       begin_i,
  input  logic       byte_valid_i,
  input  logic [7:0] byte_i,
  input  logic       setup_i,
  /// The states of endpoint 0, as the transactions need them.
  output logic       in_full_o,
  output logic       out_room_o,
  output logic       in_halted_o,
  output logic       out_halted_o,
  input  logic       in_begin_i,
  input  logic       in_taken_i,
  input  logic       out_commit_i,
  /// The next byte to the host.
  output logic       byte_valid_o,
  output logic [7:0] byte_o,
  input  logic       byte_taken_i,
  /// The device's address, and whether it is configured.
  output logic [6:0] address_o,
  output logic       configured_o,
  /// Bulk OUT, bulk IN, interrupt IN: it is halted; its toggle becomes DATA0.
  output logic [2:0] halted_o,
  output logic [2:0] clear_o,
  /// The host has chosen a configuration: what the endpoints hold is void.
  output logic       flush_o
);
  localparam logic [6:0] Packet = 7'(usb_pkg::Packet);

  typedef enum logic [3:0] {
    // Nothing is under way.
    StIdle,
    // The request is looked up, its answer found and cut to the length that the host wants; then it is carried out.
    StDecode,
    StFind,
    StCut,
    StCarryOut,
    // Data to the host, then an empty packet from it.
    StDataIn,
    StStatusOut,
    // An empty packet to the host.
    StStatusIn,
    // STALL until the next SETUP.
    StRefuse
  } state_e;
  typedef enum logic [2:0] {
    // The request is refused.
    AcRefuse,
    // The answer is the descriptor, or the constant, that was found.
    AcSend,
    AcAddress,
    AcConfigure,
    // The toggle of one endpoint, or of all, and its halt.
    AcUnhalt,
    AcHalt,
    AcAlternate
  } action_e;

  // The eight bytes of the SETUP.
  logic [63:0] setup_q;
  logic [3:0]  count_q;
  logic [7:0]  kind, request;
  logic [15:0] value, index, length;
  assign {length, index, value, request, kind} = setup_q;
  always_ff @(posedge clk_i) begin : p_setup
    if (begin_i) count_q <= '0;
    else if (byte_valid_i && !count_q[3]) begin
      count_q <= count_q + 4'd1;
      setup_q <= {byte_i, setup_q[63:8]};
    end
  end

  // The fields as they are compared, in registers.
  logic       no_value_q, no_index_q, no_length_q, is_address_q, is_end0_q;
  logic [2:0] end_q;
  always_ff @(posedge clk_i) begin : p_fields
    no_value_q   <= value == '0;
    no_index_q   <= index == '0;
    no_length_q  <= length == '0;
    is_address_q <= value[15:7] == '0;
    is_end0_q    <= index[15:8] == '0 && index[6:0] == '0;
    end_q        <= {index == 16'h82, index == 16'h81, index == 16'h01};
  end

  // The request decides the action and, if it asks for data, which part of the ROM is the answer.
  action_e    action, action_q;
  logic       is_end;
  logic [8:0] table_kind, table_kind_q;
  logic [7:0] table_index, table_index_q;
  assign is_end = configured_o && end_q != '0;
  always_comb begin : p_decode
    action      = AcRefuse;
    table_kind  = usb_rom_pkg::Constant16;
    table_index = '0;
    unique case ({kind, request})
      // GET_STATUS of device, interface, endpoint.
      16'h8000: if (no_value_q && no_index_q) action = AcSend;
      16'h8100: if (no_value_q && no_index_q && configured_o) action = AcSend;
      16'h8200: if (no_value_q && (is_end0_q || is_end)) begin
        action      = AcSend;
        table_index = {7'd0, (end_q & halted_o) != '0};
      end
      // CLEAR_FEATURE and SET_FEATURE of ENDPOINT_HALT.
      16'h0201: if (no_value_q && no_length_q && is_end) action = AcUnhalt;
      16'h0203: if (no_value_q && no_length_q && is_end) action = AcHalt;
      // SET_ADDRESS.
      16'h0005: if (is_address_q && no_index_q && no_length_q) action = AcAddress;
      // GET_DESCRIPTOR. The index of a string's descriptor is its language.
      16'h8006: begin
        action      = AcSend;
        table_kind  = {1'b0, value[15:8]};
        table_index = value[7:0];
      end
      // GET_CONFIGURATION and SET_CONFIGURATION.
      16'h8008: if (no_value_q && no_index_q) begin
        action      = AcSend;
        table_kind  = usb_rom_pkg::Constant8;
        table_index = {7'd0, configured_o};
      end
      16'h0009: if (value[15:1] == '0 && no_index_q && no_length_q) action = AcConfigure;
      // GET_INTERFACE and SET_INTERFACE.
      16'h810A: if (no_value_q && no_index_q && configured_o) begin
        action     = AcSend;
        table_kind = usb_rom_pkg::Constant8;
      end
      16'h010B: if (no_value_q && no_index_q && no_length_q && configured_o) action = AcAlternate;
      // The descriptors of Microsoft.
      {8'hC0, usb_rom_pkg::VendorCode}: if (no_value_q && index == 16'd7) begin
        action     = AcSend;
        table_kind = usb_rom_pkg::VendorSet;
      end
      default: ;
    endcase
  end

  logic [8:0] found_start, start_q;
  logic [7:0] found_length, length_q, cut_q;
  logic [8:0] base_q, place_q;
  logic       found, found_q, cuts_q, whole_q;
  usb_rom u_rom (
    .clk_i, .kind_i(table_kind_q), .index_i(table_index_q), .found_o(found), .start_o(found_start),
    .length_o(found_length), .address_i(place_q), .byte_o
  );
  always_ff @(posedge clk_i) begin : p_found
    action_q      <= action;
    table_kind_q  <= table_kind;
    table_index_q <= table_index;
    found_q       <= found;
    start_q       <= found_start;
    length_q      <= found_length;
    cuts_q        <= length < {8'd0, length_q};
    cut_q         <= length[7:0];
    whole_q       <= length == {8'd0, length_q};
  end

  // The stages. Each of the first takes as many clocks as its registers need.
  state_e     state_q;
  logic [1:0] wait_q;
  logic       data_done, acts, sends;
  assign acts  = state_q == StCarryOut;
  assign sends = action_q == AcSend;
  always_ff @(posedge clk_i) begin : p_state
    wait_q <= setup_i ? '0 : wait_q + 2'd1;
    if (!rst_ni) state_q <= StIdle;
    else if (setup_i) state_q <= StDecode;
    else begin
      unique case (state_q)
        StDecode: if (wait_q == '1) state_q <= StFind;
        StFind:   if (wait_q == '1) state_q <= StCut;
        StCut:    if (wait_q == '1) state_q <= StCarryOut;
        StCarryOut: begin
          if (action_q == AcRefuse || (sends && !found_q)) state_q <= StRefuse;
          else state_q <= sends && !no_length_q ? StDataIn : StStatusIn;
        end
        StDataIn: begin
          if (out_commit_i) state_q <= StIdle;
          else if (data_done) state_q <= StStatusOut;
        end
        StStatusOut: if (out_commit_i) state_q <= StIdle;
        StStatusIn:  if (in_taken_i) state_q <= StIdle;
        default: ;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin : p_states
    in_full_o    <= state_q == StDataIn || state_q == StStatusIn;
    out_room_o   <= state_q == StDataIn || state_q == StStatusOut;
    in_halted_o  <= state_q == StRefuse;
    out_halted_o <= state_q == StRefuse || state_q == StStatusIn;
  end

  // Data to the host. After the last packet there is another one, if that was full and the host wants more.
  logic [7:0] rest_q;
  logic [6:0] packet_q, left_q;
  logic       short_q, ends_q, begun_q;
  assign data_done    = in_taken_i && (short_q || ends_q);
  assign byte_valid_o = left_q != '0;
  always_ff @(posedge clk_i) begin : p_data
    begun_q <= in_begin_i;
    if (acts) begin
      base_q <= start_q;
      rest_q <= !sends ? '0 : cuts_q ? cut_q : length_q;
    end else if (in_taken_i) begin
      base_q <= base_q + {2'b0, packet_q};
      rest_q <= rest_q - {1'b0, packet_q};
    end
    packet_q <= rest_q >= {1'b0, Packet} ? Packet : rest_q[6:0];
    short_q  <= packet_q != Packet;
    ends_q   <= rest_q == {1'b0, Packet} && (cuts_q || whole_q);
    if (in_begin_i) place_q <= base_q;
    else if (byte_taken_i) place_q <= place_q + 9'd1;
    if (begun_q) left_q <= packet_q;
    else if (byte_taken_i) left_q <= left_q - 7'd1;
  end

  // The device's state. A new address holds from the end of the status stage on (9.4.6).
  logic [6:0] address_q;
  always_ff @(posedge clk_i) begin : p_device
    clear_o <= '0;
    flush_o <= 1'b0;
    if (!rst_ni) begin
      address_o    <= '0;
      configured_o <= 1'b0;
      halted_o     <= '0;
    end else begin
      if (in_taken_i && state_q == StStatusIn && action_q == AcAddress) begin
        address_o <= address_q;
        // A device that has lost its address is no longer configured.
        if (address_q == '0) configured_o <= 1'b0;
      end
      if (acts) begin
        unique case (action_q)
          AcConfigure: begin
            configured_o <= value[0];
            halted_o     <= '0;
            clear_o      <= '1;
            flush_o      <= 1'b1;
          end
          AcUnhalt: begin
            halted_o <= halted_o & ~end_q;
            clear_o  <= end_q;
          end
          AcHalt: halted_o <= halted_o | end_q;
          AcAlternate: begin
            halted_o <= '0;
            clear_o  <= '1;
          end
          default: ;
        endcase
      end
    end
    if (acts) address_q <= value[6:0];
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // There is never data for the host and a wait for its own.
      a_direction: assert (!(in_full_o && in_halted_o));
    end
  end
endmodule
