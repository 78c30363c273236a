// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The host's memory for bus masters, as far as reads concern: a buffer for one line of it, which is fetched over the
/// link. Its contents are used until the machine takes a command of the host, a bus master writes into the line, or
/// they are old.
module link_memory #(
  /// Log2 of the bytes of a line, at most 7.
  parameter int unsigned LineLog2 = 7,
  /// Log2 of the clocks after which the contents are old; they can live for twice as many.
  parameter int unsigned AgeLog2 = 10
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Host memory port: a request, and its reads. `ready_o` is about a read; the writes go into frames.
  input  logic        valid_i,
  input  logic        write_i,
  input  logic [31:0] address_i,
  output logic        ready_o,
  output logic        rvalid_o,
  output logic [31:0] rdata_o,
  /// A write is taken.
  input  logic        write_taken_i,
  /// The machine takes a command; the age counts by this clock.
  input  logic        command_i,
  input  logic [AgeLog2-1:0] clock_i,
  /// A FETCH is wanted, of this many dwords from the address of the request; it has been made.
  output logic        fetch_o,
  output logic [7:0]  tag_o,
  output logic [LineLog2-2:0] dwords_o,
  input  logic        fetched_i,
  /// The bytes of the frame that is received, and whether it turns out to be a DATA that is taken.
  input  logic        body_i,
  input  logic        body_first_i,
  input  logic [31:0] word_i,
  input  logic        data_i
);
  localparam int unsigned IndexWidth = LineLog2 - 2;
  if (LineLog2 < 4 || LineLog2 > 7) begin : gen_check
    $error("link_memory: LineLog2 must be 4 to 7");
  end

  // The line: its address, the first dword that was fetched, and the end of those that came.
  logic                  valid_q, fetching_q, old_q, hit, same_line, filled, ages;
  logic [31:LineLog2]    line_q;
  logic [IndexWidth-1:0] start_q, index;
  logic [IndexWidth:0]   end_q;
  logic [7:0]            tag_q;
  assign index     = address_i[LineLog2-1:2];
  assign same_line = address_i[31:LineLog2] == line_q;
  assign hit       = valid_q && same_line && index >= start_q && {1'b0, index} < end_q;
  assign ready_o   = hit;
  assign fetch_o   = valid_i && !write_i && !hit && !fetching_q;
  assign tag_o     = tag_q;
  assign dwords_o  = (LineLog2-1)'(2**IndexWidth) - (LineLog2-1)'(index);
  assign ages      = clock_i == '0;

  always_ff @(posedge clk_i) begin : p_line
    if (!rst_ni) begin
      valid_q    <= 1'b0;
      fetching_q <= 1'b0;
      tag_q      <= '0;
    end else begin
      if (fetched_i) fetching_q <= 1'b1;
      else if (filled) fetching_q <= 1'b0;
      // A line that comes is used at least once, so that commands in quick succession do not stop a bus master.
      if (filled) valid_q <= 1'b1;
      else if (fetched_i || command_i || (write_taken_i && same_line) || (ages && old_q)) valid_q <= 1'b0;
      if (filled) tag_q <= tag_q + 8'd1;
    end
    if (fetched_i) begin
      line_q  <= address_i[31:LineLog2];
      start_q <= index;
    end
    if (filled) end_q <= place_q - (IndexWidth+1)'(1);
    if (filled) old_q <= 1'b0;
    else if (ages) old_q <= 1'b1;
  end

  // A frame is looked at while it comes, as if it were the DATA that is waited for: the tag, then dwords, up to the
  // end of the line at most, then the CRC, which is no part of it.
  logic                match_q, whole;
  logic [1:0]          lane_q;
  logic [IndexWidth:0] place_q;
  assign whole  = lane_q == '0 && !(place_q[IndexWidth] && place_q[1]);
  assign filled = data_i && fetching_q && match_q && whole;
  always_ff @(posedge clk_i) begin : p_data
    if (body_i) begin
      if (body_first_i) begin
        match_q <= word_i[31:24] == tag_q;
        lane_q  <= '0;
        place_q <= {1'b0, start_q};
      end else begin
        lane_q <= lane_q + 2'd1;
        // A frame that is too long stays beyond the end.
        if (lane_q == 2'd3 && !(place_q[IndexWidth] && place_q[1])) place_q <= place_q + (IndexWidth+1)'(1);
      end
    end
  end
  prim_ram #(.Width(32), .Lane(32), .AddressWidth(IndexWidth)) u_line (
    .clk_i, .write_i(body_i && !body_first_i && fetching_q && lane_q == 2'd3 && !place_q[IndexWidth]),
    .write_address_i(place_q[IndexWidth-1:0]), .write_data_i(word_i),
    .read_i(1'b1), .read_address_i(index), .read_data_o(rdata_o)
  );
  always_ff @(posedge clk_i) begin : p_answer
    rvalid_o <= rst_ni && valid_i && !write_i && hit;
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // Nobody fetches a line while another one is under way.
      a_one: assert (!(fetched_i && fetching_q));
      // While a line is fetched its reader waits at the port.
      a_waits: assert (!fetching_q || (valid_i && !write_i));
    end
  end
endmodule
