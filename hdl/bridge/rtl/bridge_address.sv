// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Turns a host command into a bus request: command code, address as the bus wants it, and IDSEL lines.
module bridge_address (
  /// On while there is a command; without one the outputs are 0.
  input  logic              enable_i,
  input  host_pkg::op_e     op_i,
  input  logic [31:0]       address_i,
  input  logic [3:0]        be_i,
  input  logic [15:0]       length_i,
  output bus_pkg::request_t request_o,
  /// One IDSEL for each device; one of them is on for an access of type 0, none for type 1.
  output logic [31:0]       idsel_o
);
  logic [1:0]  lowest;
  logic        bus0;
  logic [31:0] type0, type1;

  // The low bits of an I/O address are the number of the lowest enabled byte.
  always_comb begin : p_lowest
    lowest = 2'd0;
    if (be_i[0]) lowest = 2'd0;
    else if (be_i[1]) lowest = 2'd1;
    else if (be_i[2]) lowest = 2'd2;
    else if (be_i[3]) lowest = 2'd3;
  end

  assign bus0    = address_i[23:16] == 8'd0;
  always_comb begin : p_idsel
    idsel_o = '0;
    if (enable_i && bus0) idsel_o[address_i[15:11]] = 1'b1;
  end
  assign type0   = {idsel_o[15:0], 5'd0, address_i[10:2], 2'b00};
  assign type1   = {8'd0, address_i[23:2], 2'b01};

  always_comb begin : p_request
    request_o = '0;
    if (enable_i) begin
      request_o.command  = bus_pkg::CommandMemoryRead;
      request_o.address  = {address_i[31:2], 2'b00};
      request_o.length   = length_i;
      request_o.first_be = be_i;
      request_o.last_be  = be_i;
      unique case (op_i)
        host_pkg::OpMemWrite: request_o.command = bus_pkg::CommandMemoryWrite;
        host_pkg::OpIoRead, host_pkg::OpIoWrite: begin
          request_o.command = op_i == host_pkg::OpIoRead ? bus_pkg::CommandIoRead : bus_pkg::CommandIoWrite;
          request_o.address = {address_i[31:2], lowest};
        end
        host_pkg::OpCfgRead, host_pkg::OpCfgWrite: begin
          request_o.command = op_i == host_pkg::OpCfgRead ? bus_pkg::CommandConfigurationRead
                                                          : bus_pkg::CommandConfigurationWrite;
          request_o.address = bus0 ? type0 : type1;
        end
        host_pkg::OpIntAck: begin
          request_o.command  = bus_pkg::CommandInterruptAcknowledge;
          request_o.first_be = 4'hF;
          request_o.last_be  = 4'hF;
        end
        default: request_o.command = bus_pkg::CommandMemoryRead;
      endcase
    end
  end
endmodule
