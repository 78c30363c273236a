// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/bridged.toml, do not edit.
  logic [15:0] gpio_1_pads_i = '0, gpio_1_pads_o, gpio_1_pads_en_o;
  logic [15:0] gpio_5_pads_i = '0, gpio_5_pads_o, gpio_5_pads_en_o;
  /// Gives the levels of all pads to the host's side, and takes those that come from outside.
  function automatic void step_pads();
    gpio_1_pads_i = 16'(dirql_pads(1, 32'(gpio_1_pads_o), 32'(gpio_1_pads_en_o)));
    gpio_5_pads_i = 16'(dirql_pads(5, 32'(gpio_5_pads_o), 32'(gpio_5_pads_en_o)));
  endfunction
