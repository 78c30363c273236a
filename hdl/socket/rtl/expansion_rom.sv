// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The contents of the expansion ROM of a function (PCI 2.3, 6.3): 2 KiB with two images, one for the PC and one for Open
/// Firmware. Both do nothing, and name the function. The rest reads 0. There are wrong contents too, for tests of hosts.
module expansion_rom #(
  /// Identity of the function.
  parameter logic [15:0] VendorId,
  parameter logic [15:0] DeviceId,
  /// Base class, subclass, programming interface.
  parameter logic [23:0] ClassCode,
  /// 1 for right contents; 2 with a wrong signature of the second image; 3 with a pointer to the data structure of the
  /// first image that is outside the image; 4 with a first image that has no length, so that the chain has no end; 5 with
  /// a wrong sum of the bytes of the first image.
  parameter int unsigned Contents = 1
) (
  /// The byte address of the dword, and the dword.
  input  logic [10:0] address_i,
  output logic [31:0] rdata_o
);
  if (Contents < 1 || Contents > 5) begin : gen_check
    $error("expansion_rom: Contents must be 1 to 5");
  end

  localparam logic [7:0]  StructureOffset = 8'h1C;
  localparam logic [7:0]  ProgramOffset   = 8'h34;
  localparam logic [15:0] StructureLength = 16'h0018;
  localparam logic [15:0] Revision        = 16'h0001;

  // The first image: the signature, 1 for 512 bytes, and the entry point with a far return. The pointer, and the dwords
  // of the data structure that both images have alike.
  localparam logic [31:0] Start     = 32'hCB01_AA55;
  localparam logic [31:0] Pointer   = {16'd0, Contents == 3 ? 16'h7F00 : 16'(StructureOffset)};
  localparam logic [31:0] Signature = 32'h5249_4350;
  localparam logic [31:0] Identity  = {DeviceId, VendorId};
  localparam logic [31:0] Length    = {StructureLength, 16'd0};
  localparam logic [31:0] Class     = {ClassCode, 8'd0};
  localparam logic [31:0] Size      = {Revision, Contents == 4 ? 16'd0 : 16'd1};

  // The bytes of the image for the PC add up to 0.
  function automatic logic [7:0] sum(input logic [31:0] dword);
    sum = dword[7:0] + dword[15:8] + dword[23:16] + dword[31:24];
  endfunction
  localparam logic [7:0] Sum = sum(Start) + sum(Pointer) + sum(Signature) + sum(Identity) + sum(Length) + sum(Class) +
                               sum(Size);
  localparam logic [7:0] Balance = Contents == 5 ? 8'd1 - Sum : 8'd0 - Sum;

  // The second image: the signature and the pointer to a program in FCode that has a header and an end, 9 bytes.
  localparam logic [31:0] OpenStart   = {8'd0, ProgramOffset, Contents == 2 ? 16'h55AA : 16'hAA55};
  localparam logic [31:0] OpenProgram = 32'h0000_08F1;
  localparam logic [31:0] OpenLength  = 32'h0900_0000;

  logic second;
  assign second = address_i[9];
  always_comb begin : p_contents
    rdata_o = '0;
    if (!address_i[10]) begin
      unique case (address_i[8:0] & 9'h1FC)
        9'h000:  rdata_o = second ? OpenStart : Start;
        9'h004:  rdata_o = second ? 32'd0 : {24'd0, Balance};
        9'h018:  rdata_o = second ? 32'(StructureOffset) : Pointer;
        9'h01C:  rdata_o = Signature;
        9'h020:  rdata_o = Identity;
        9'h024:  rdata_o = Length;
        9'h028:  rdata_o = Class;
        9'h02C:  rdata_o = second ? {Revision, 16'd1} : Size;
        // Code type, and whether it is the last image.
        9'h030:  rdata_o = second ? 32'h0000_8001 : 32'd0;
        9'h034:  rdata_o = second ? OpenProgram : 32'd0;
        9'h038:  rdata_o = second ? OpenLength : 32'd0;
        default: rdata_o = '0;
      endcase
    end
  end
endmodule
