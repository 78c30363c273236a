// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`define RULE(Label, Condition, Sentence) Label: assert (Condition) else $error(Sentence);

/// The rules of PERR and IDSEL for the pins of a wave dump, each labelled with its row. A dump does not show who drives
/// PERR, nor whether a device may report errors at all, so what is checked is when PERR may be on.
module error_pins (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  bus_pkg::bus_t bus_i,
  input  logic [31:0]   idsel_i,
  /// IDSEL is among the pins of the dump.
  input  logic          has_idsel_i,
  /// Whether somebody drives PERR.
  input  logic          perr_driven_i,
  /// Nobody knows whether the parity of the datum of the clock before is right.
  input  logic          doubtful_i,
  /// The rules that do not hold on this clock, in the order of their sentences.
  output logic [5:0]    broken_o
);
  // The transaction on this clock: whether it reads, and whether a target has claimed it.
  logic open, read, read_q, claimed, claimed_q;
  assign open    = bus_i.frame || bus_i.irdy;
  assign read    = bus_i.start ? bus_pkg::is_read(bus_i.cbe) : read_q;
  assign claimed = !bus_i.start && (claimed_q || bus_i.devsel);
  always_ff @(posedge clk_i) begin : p_transaction
    read_q    <= read;
    claimed_q <= rst_ni && claimed && open;
  end

  // A datum is on AD from the clock on which its giver is ready. One clock later PAR tells its parity, and one clock after
  // that its receiver may turn on PERR: the numbers in the names are these clocks.
  logic        datum, ended, datum1_q, ended1_q, read1_q, claimed1_q, wrong1, wrong2_q, ended2_q, read2_q, claimed2_q;
  logic        ended3_q, perr_q;
  logic [35:0] values1_q;
  assign datum  = open && !bus_i.start && (read ? bus_i.trdy : bus_i.irdy);
  assign ended  = bus_i.irdy && (bus_i.trdy || bus_i.stop);
  assign wrong1 = datum1_q && (doubtful_i || bus_i.par != ^values1_q);
  always_ff @(posedge clk_i) begin : p_datum
    datum1_q   <= rst_ni && datum;
    ended1_q   <= ended;
    read1_q    <= read;
    claimed1_q <= claimed;
    values1_q  <= {bus_i.ad, bus_i.cbe};
    wrong2_q   <= rst_ni && wrong1;
    ended2_q   <= ended1_q;
    read2_q    <= read1_q;
    claimed2_q <= claimed1_q || claimed;
    ended3_q   <= ended2_q;
    perr_q     <= rst_ni && bus_i.perr;
  end

  // A configuration transaction of type 0 began without IDSEL.
  logic is_alone, alone, alone_q;
  assign is_alone = (bus_i.cbe == bus_pkg::CommandConfigurationRead ||
      bus_i.cbe == bus_pkg::CommandConfigurationWrite) && bus_i.ad[1:0] == 2'b00 && idsel_i == '0 && has_idsel_i;
  assign alone    = bus_i.start ? is_alone : alone_q;
  always_ff @(posedge clk_i) begin : p_alone
    alone_q <= rst_ni && alone && open;
  end

  logic hold;
  logic [5:0] holds;
  assign hold     = perr_q && wrong2_q && !ended3_q;
  assign holds[0] = !(bus_i.perr && read2_q) || wrong2_q;
  assign holds[1] = !(bus_i.perr && !read2_q) || (wrong2_q && (claimed2_q || claimed));
  assign holds[2] = !(hold && read2_q) || bus_i.perr;
  assign holds[3] = !(hold && !read2_q) || bus_i.perr;
  assign holds[4] = !perr_q || perr_driven_i;
  assign holds[5] = !(bus_i.devsel && alone && open);
  assign broken_o = ~holds;
  always_ff @(posedge clk_i) begin : p_rules
    if (rst_ni) begin
      `RULE(M28_perr, holds[0],
            "PERR is on for a read only two clocks after a datum with wrong parity.")
      `RULE(T23_perr, holds[1],
            "PERR is on for a write only two clocks after a datum with wrong parity, in a transaction that was claimed.")
      `RULE(M28_hold, holds[2],
            "PERR, once on for a read, stays on until two clocks after the end of the data phase.")
      `RULE(T23_hold, holds[3],
            "PERR, once on for a write, stays on until two clocks after the end of the data phase.")
      `RULE(T12_perr, holds[4],
            "PERR is driven off for one clock before its driver lets go of it.")
      `RULE(T16, holds[5],
            "A configuration transaction of type 0 is claimed only if an IDSEL was on in its address phase.")
    end
  end

  logic unused_serr;
  assign unused_serr = bus_i.serr;
endmodule
