// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/pio.toml, do not edit.
  /// Gives the levels of all pads to the host's side, and takes those that come from outside.
  function automatic void step_pads();
  endfunction
