// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// No hardware: cocotbext-pcie's models are Python alone, and cocotb wants a top.
module nothing;
  timeunit 1ns; timeprecision 1ps;
  logic unused_signal = 1'b0;
endmodule
