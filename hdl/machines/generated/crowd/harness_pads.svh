// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/crowd.toml, do not edit.
  logic [15:0] gpio_1_pads_i = '0, gpio_1_pads_o, gpio_1_pads_en_o;
  logic [15:0] gpio_2_pads_i = '0, gpio_2_pads_o, gpio_2_pads_en_o;
  logic [15:0] gpio_4_pads_i = '0, gpio_4_pads_o, gpio_4_pads_en_o;
  logic [15:0] gpio_5_pads_i = '0, gpio_5_pads_o, gpio_5_pads_en_o;
  logic [15:0] gpio_7_pads_i = '0, gpio_7_pads_o, gpio_7_pads_en_o;
  logic [15:0] gpio_8_pads_i = '0, gpio_8_pads_o, gpio_8_pads_en_o;
  logic [15:0] gpio_10_pads_i = '0, gpio_10_pads_o, gpio_10_pads_en_o;
  logic [15:0] gpio_11_pads_i = '0, gpio_11_pads_o, gpio_11_pads_en_o;
  logic [15:0] gpio_14_pads_i = '0, gpio_14_pads_o, gpio_14_pads_en_o;
  logic [15:0] gpio_15_pads_i = '0, gpio_15_pads_o, gpio_15_pads_en_o;
  /// Gives the levels of all pads to the host's side, and takes those that come from outside.
  function automatic void step_pads();
    gpio_1_pads_i = 16'(dirql_pads(1, 32'(gpio_1_pads_o), 32'(gpio_1_pads_en_o)));
    gpio_2_pads_i = 16'(dirql_pads(2, 32'(gpio_2_pads_o), 32'(gpio_2_pads_en_o)));
    gpio_4_pads_i = 16'(dirql_pads(4, 32'(gpio_4_pads_o), 32'(gpio_4_pads_en_o)));
    gpio_5_pads_i = 16'(dirql_pads(5, 32'(gpio_5_pads_o), 32'(gpio_5_pads_en_o)));
    gpio_7_pads_i = 16'(dirql_pads(7, 32'(gpio_7_pads_o), 32'(gpio_7_pads_en_o)));
    gpio_8_pads_i = 16'(dirql_pads(8, 32'(gpio_8_pads_o), 32'(gpio_8_pads_en_o)));
    gpio_10_pads_i = 16'(dirql_pads(10, 32'(gpio_10_pads_o), 32'(gpio_10_pads_en_o)));
    gpio_11_pads_i = 16'(dirql_pads(11, 32'(gpio_11_pads_o), 32'(gpio_11_pads_en_o)));
    gpio_14_pads_i = 16'(dirql_pads(14, 32'(gpio_14_pads_o), 32'(gpio_14_pads_en_o)));
    gpio_15_pads_i = 16'(dirql_pads(15, 32'(gpio_15_pads_o), 32'(gpio_15_pads_en_o)));
  endfunction
