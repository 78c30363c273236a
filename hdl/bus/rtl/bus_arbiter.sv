// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Central arbiter, hidden behind the transaction in progress, parking on one master. A granted requester keeps the
/// grant until it has started. A requester that leaves the bus idle for 16 clocks counts as broken, and is ignored until
/// it withdraws the request.
///
/// With round robin a steady requester waits for at most one transaction of each other master. With two levels the turn
/// passes round the masters of the high group and, once in each round, to one of the others, which take turns among
/// themselves: a master of the high group waits for one of each of its peers and one of the low group; one of the low
/// group for as many rounds as the group has members. With fixed priority there is no bound.
module bus_arbiter #(
  /// Number of masters.
  parameter int unsigned Masters = 2,
  /// The master that holds the grant when nobody requests.
  parameter int unsigned Park = 0,
  /// The choice among requesters: 0 is round robin, 1 two levels, 2 fixed priority, the first master highest.
  parameter int unsigned Policy = 0,
  /// With two levels, the masters of the high group, a bit for each.
  parameter int unsigned High = 0
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  /// FRAME, IRDY and the first clock of FRAME.
  input  logic               frame_i,
  input  logic               irdy_i,
  input  logic               start_i,
  /// One request and one grant for each master.
  input  logic [Masters-1:0] req_i,
  output logic [Masters-1:0] gnt_o,
  /// The master that had the grant on the clock before: the one whose transaction begins if FRAME comes on now.
  output logic [(Masters > 1 ? $clog2(Masters) : 1)-1:0] master_o,
  /// Masters that count as broken.
  output logic [Masters-1:0] broken_o
);
  localparam int unsigned IndexWidth = Masters > 1 ? $clog2(Masters) : 1;
  localparam logic [3:0] StartLimit = 4'd15;

  if (Park >= Masters) begin : gen_check
    $error("bus_arbiter: Park must be the number of a master");
  end
  if (Policy > 2) begin : gen_check_policy
    $error("bus_arbiter: Policy must be 0, 1 or 2");
  end

  logic [Masters-1:0]    gnt_q, gnt_d, broken_q, requests;
  logic [IndexWidth-1:0] owner_q, master_q, choice, chosen;
  logic                  used_q, idle, keep;
  logic [3:0]            waited_q;
  logic                  expired;

  assign idle     = !frame_i && !irdy_i;
  assign requests = req_i & ~broken_q;
  assign keep     = gnt_q != '0 && !used_q && requests[owner_q];

  // The first of the requesters after one master, in the order of their numbers; that master itself comes last.
  function automatic logic [IndexWidth-1:0] next_of(input logic [Masters-1:0] asking, input logic [IndexWidth-1:0] last);
    logic [IndexWidth-1:0] candidate;
    next_of = last;
    for (int unsigned step = Masters; step > 0; step--) begin
      candidate = IndexWidth'((32'(last) + step) % Masters);
      if (asking[candidate]) next_of = candidate;
    end
  endfunction

  if (Policy == 0) begin : gen_round
    assign chosen = next_of(requests, owner_q);
  end else if (Policy == 1) begin : gen_two_levels
    // A round passes the high group in the order of numbers, then the low group, which remembers its own turn.
    logic [Masters-1:0]    high, low, after;
    logic [IndexWidth-1:0] low_q;
    assign high  = requests & Masters'(High);
    assign low   = requests & ~Masters'(High);
    assign after = high & Masters'(High[owner_q] ? ~32'd1 << owner_q : '1);
    assign chosen = after != '0 ? next_of(after, IndexWidth'(Masters - 1)) :
                    low != '0 ? next_of(low, low_q) : next_of(high, IndexWidth'(Masters - 1));
    always_ff @(posedge clk_i) begin : p_low
      if (!rst_ni) low_q <= '0;
      else if (gnt_d != '0 && !High[choice]) low_q <= choice;
    end
  end else begin : gen_fixed
    assign chosen = next_of(requests, IndexWidth'(Masters - 1));
  end

  // The parking place if nobody requests.
  assign choice = keep ? owner_q : requests == '0 ? IndexWidth'(Park) : chosen;

  // On an idle bus there is one clock without any grant when the grant changes.
  always_comb begin : p_grant
    gnt_d = '0;
    if (gnt_q == '0 || !idle || gnt_q[choice]) gnt_d[choice] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_owner
    if (!rst_ni) begin
      gnt_q    <= '0;
      owner_q  <= IndexWidth'(Park);
      master_q <= IndexWidth'(Park);
      used_q   <= 1'b0;
    end else begin
      gnt_q   <= gnt_d;
      if (gnt_d != '0) owner_q <= choice;
      if (gnt_q != '0) master_q <= owner_q;
      // A start on the clock of a new grant belongs to the grant before it.
      if (gnt_d != '0 && gnt_d != gnt_q) used_q <= 1'b0;
      else if (start_i) used_q <= 1'b1;
    end
  end

  // The 16th clock must be idle too: a master that starts on it has started in time.
  assign expired = waited_q == StartLimit && idle && requests[owner_q];
  always_ff @(posedge clk_i) begin : p_timeout
    if (!rst_ni || !idle || gnt_q == '0 || !requests[owner_q] || gnt_d != gnt_q) waited_q <= '0;
    else if (!expired) waited_q <= waited_q + 4'd1;
  end

  always_ff @(posedge clk_i) begin : p_broken
    if (!rst_ni) begin
      broken_q <= '0;
    end else begin
      broken_q <= broken_q & req_i;
      if (expired) broken_q[owner_q] <= 1'b1;
    end
  end

  assign gnt_o    = gnt_q;
  assign master_o = master_q;
  assign broken_o = broken_q;
endmodule
