// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

// The three kinds of statement of a proof. Each has a label, a condition, and a sentence that says in words what the
// condition says; docs/formal.md lists label and sentence. A label that begins with the row of a rule, as in A01, shows
// that row.
//
// `PROVE: holds on every clock, whatever the inputs do within the assumptions.
// `ASSUME: the proof looks at no inputs but those for which this holds.
// `COVER: can happen within the assumptions, so they do not rule out the interesting cases.
`define PROVE(Label, Condition, Sentence) Label: assert (Condition) else $error(Sentence);
`define ASSUME(Label, Condition, Sentence) Label: assume (Condition) else $error(Sentence);
`define COVER(Label, Condition, Sentence) Label: cover (Condition);
