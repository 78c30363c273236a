# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/formal.md from the plan and from the harnesses."""

from __future__ import annotations

from pathlib import Path

from proof_plan import Proof, Statement, parameter_text, statements

__all__ = ["page"]

HEAD = """\
<!-- Written by `make formal ARGS="--write"` from hdl/formal/proofs.toml and the harnesses; do not edit. -->

# Proofs

`make formal` proves properties of the hardware's blocks with SymbiYosys, which it takes from Python packages, as it
does the solver. A property is a condition that holds on every clock, whatever the inputs do. Each block has a
*harness* beside it, in `formal/`: a module that holds the block, what is assumed of its inputs, its properties, and
*cover goals*, which are cases that must be reachable, so that the assumptions do not rule out what matters.

A property is shown in one of two ways. *By induction* means that it holds for ever. *To a depth* of n clocks means
that no run of n clocks from reset breaks it; longer runs were not looked at. Sizes of the block are given with its
proof, which says nothing about other sizes.

`make formal` prints each property with what became of it, and exits with 1 if one is not shown, or if a property of
this page was not among those that were checked. It keeps nothing from one run to the next.
`make formal ARGS="--quick"` runs the proofs that are marked "quick" below, at the first size each, and
`make formal ARGS="bus_arbiter"` only the one that is named. For a property that fails, it prints the file with the
waves of the counterexample.
"""


def shown(proof: Proof, label: str) -> str:
    """The way in which a property is shown, in the words of the page."""
    depth = proof.depth_of(label)
    return f"to {depth} clocks" if depth else "by induction"


def rows(proof: Proof, found: list[Statement]) -> list[str]:
    """A table of the properties of one file."""
    proven = [s for s in found if s.kind == "prove"]
    lines = [f"| `{s.label}` | {s.sentence} | {shown(proof, s.label)} |" for s in proven]
    return ["", "| property | what holds | shown |", "|---|---|---|", *lines] if lines else []


def listed(title: str, sentences: list[str]) -> list[str]:
    """A titled list of sentences, or nothing."""
    return ["", title, "", *(f"- {sentence}" for sentence in sentences)] if sentences else []


def section(proof: Proof, hdl: Path) -> list[str]:
    """The part of the page about one proof."""
    harness = [s for s in statements(hdl / proof.harness) if s.label not in proof.absent]
    inside = [s for source in proof.sources for s in statements(hdl / source) if s.label not in proof.absent]
    assumed = [s for s in inside if proof.assumes(s.label)]
    sizes = "; ".join(parameter_text(p).replace(" ", ", ") for p in proof.parameters if p)
    lines = ["", f"## {proof.name}", "", f"Harness: [{proof.harness}](../hdl/{proof.harness})."]
    lines[-1] += f" Sizes: {sizes}." if sizes else ""
    lines[-1] += " Quick." if proof.quick else ""
    lines += rows(proof, harness)
    own = rows(proof, [s for s in inside if s not in assumed])
    lines += ["", "Assertions inside the blocks, which simulation checks too:", *own] if own else []
    lines += listed(
        "Assumed:", [s.sentence for s in (*harness, *assumed) if s.kind == "assume" or s in assumed]
    )
    lines += listed("Reached:", [s.sentence for s in harness if s.kind == "cover"])
    return lines + listed("Not shown:", list(proof.not_shown))


def unproven(proofs: tuple[Proof, ...], hdl: Path) -> list[str]:
    """The files of blocks and functions that no proof reads."""
    read = {source for proof in proofs for source in proof.sources}
    files = (hdl / "core.f").read_text(encoding="utf-8").split()
    files += sorted(path.relative_to(hdl).as_posix() for path in hdl.glob("functions/*/rtl/*.sv"))
    blocks = (file for file in dict.fromkeys(files) if "/rtl/" in file and not file.endswith("_pkg.sv"))
    return [f"`{file}`" for file in blocks if file not in read]


def page(proofs: tuple[Proof, ...], hdl: Path) -> str:
    """The whole page, docs/formal.md."""
    lines = [line for proof in proofs for line in section(proof, hdl)]
    rest = unproven(proofs, hdl)
    lines += listed("## Blocks without a proof", rest)
    return HEAD + "\n".join(lines) + "\n"
