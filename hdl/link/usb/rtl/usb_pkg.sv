// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Constants of USB 2.0 that the core needs.
package usb_pkg;
  /// Packet identifiers, USB 2.0 table 8-1; the check field repeats the four bits inverted.
  typedef enum logic [3:0] {
    PidOut   = 4'b0001,
    PidAck   = 4'b0010,
    PidData0 = 4'b0011,
    PidSof   = 4'b0101,
    PidIn    = 4'b1001,
    PidNak   = 4'b1010,
    PidData1 = 4'b1011,
    PidSetup = 4'b1101,
    PidStall = 4'b1110
  } pid_e;

  /// The bytes of the largest packet of a control or a bulk endpoint.
  localparam int unsigned Packet = 64;
  /// The longest run of ones on the line, after which a zero is stuffed (7.1.9).
  localparam logic [2:0] LongestRun = 3'd6;
  /// The CRC registers after a packet with a right CRC (8.3.5), the first bit of the line lowest.
  localparam logic [4:0]  Residue5  = 5'h06;
  localparam logic [15:0] Residue16 = 16'hB001;

  /// One bit of CRC5.
  function automatic logic [4:0] crc5(input logic [4:0] crc, input logic value);
    crc5 = {1'b0, crc[4:1]} ^ (5'h14 & {5{crc[0] ^ value}});
  endfunction

  /// One bit of CRC16.
  function automatic logic [15:0] crc16(input logic [15:0] crc, input logic value);
    crc16 = {1'b0, crc[15:1]} ^ (16'hA001 & {16{crc[0] ^ value}});
  endfunction
endpackage
