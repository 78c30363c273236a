# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of proofs, proofs.toml, and the statements that the SystemVerilog files under proof make."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

__all__ = ["HDL", "Kind", "Proof", "Statement", "load_plan", "parameter_text", "statements"]

HDL = Path(__file__).resolve().parent.parent
"""The folder that all paths of the plan start from."""

Kind = str
"""The purpose of a statement: `prove`, `assume` or `cover`."""

MACRO = re.compile(r'`(PROVE|ASSUME|COVER)\(\s*(\w+)\s*,[^"]*,\s*"([^"]*)"\s*\)')
RULE = re.compile(r'`RULE\(\s*(\w+)\s*,[^"]*,\s*"([^"]*)"\s*\)')
PLAIN = re.compile(r"((?:^ *//[^\n]*\n)+)^[^\n/]*?\b(\w+): assert \(", re.MULTILINE)

KEYS: dict[str, type] = {
    "name": str,
    "harness": str,
    "sources": list,
    "parameters": list,
    "assumed": list,
    "induction": int,
    "bounded": int,
    "only_bounded": list,
    "absent": list,
    "cover": int,
    "quick": bool,
    "not_shown": list,
}
REQUIRED = ("name", "harness", "sources", "cover")


@dataclass(frozen=True)
class Statement:
    """A labelled condition and the sentence that says it in words."""

    kind: Kind
    label: str
    sentence: str


@dataclass(frozen=True)
class Proof:
    """One harness with the blocks under it; proofs.toml says what each key means."""

    name: str
    harness: str
    sources: tuple[str, ...]
    cover: int
    parameters: tuple[dict[str, int], ...] = ({},)
    assumed: tuple[str, ...] = ()
    induction: int = 0
    bounded: int = 0
    only_bounded: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    quick: bool = False
    not_shown: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        """The harness's module, which its file is named after."""
        return Path(self.harness).stem

    def assumes(self, label: str) -> bool:
        """Whether an assertion of the sources is an assumption here."""
        patterns = (pattern.rsplit(".", 1)[-1] for pattern in self.assumed)
        return any(fnmatchcase(label, pattern) for pattern in patterns)

    def depth_of(self, label: str) -> int:
        """The depth to which a property is shown if it is shown to a depth only; 0 if induction proves it."""
        return 0 if self.induction and label not in self.only_bounded else self.bounded


def refuse(table: dict[str, object]) -> str:
    """The complaint about the first wrong key of a proof, or nothing."""
    for key in REQUIRED:
        if key not in table:
            return f"{key} must be given; it is missing"
    for key, value in table.items():
        if key not in KEYS:
            return f"a key must be one of {', '.join(KEYS)}; it was {key}"
        if type(value) is not KEYS[key]:
            return f"{key} must be of type {KEYS[key].__name__}; it was {value!r}"
    if not table.get("induction") and not table.get("bounded"):
        return "induction or bounded must give a depth; neither does"
    if table.get("only_bounded") and not table.get("bounded"):
        return "bounded must give the depth for the properties of only_bounded; it is missing"
    return ""


def load_plan(folder: Path = HDL) -> tuple[Proof, ...]:
    """The proofs of `folder`/formal/proofs.toml. Raises ValueError for a proof that cannot be."""
    file = folder / "formal" / "proofs.toml"
    proofs = []
    for table in tomllib.loads(file.read_text(encoding="utf-8"))["proofs"]:
        if complaint := refuse(table):
            raise ValueError(f"{file}, proof {table.get('name', 'without a name')}: {complaint}")
        lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
        proofs.append(Proof(**{**table, **lists}))
    return tuple(proofs)


def parameter_text(parameters: dict[str, int]) -> str:
    """One set of parameters as people and tools read it: `Masters=2 Park=0`."""
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def sentence_of(comment: str) -> str:
    """The text of a comment of whole lines."""
    return " ".join(line.strip().removeprefix("//").strip() for line in comment.strip().splitlines())


def statements(file: Path) -> list[Statement]:
    """The statements of a SystemVerilog file: those under a macro, and assertions with their comment above them."""
    text = file.read_text(encoding="utf-8")
    found = [Statement(kind.lower(), label, sentence) for kind, label, sentence in MACRO.findall(text)]
    found += [Statement("prove", label, sentence) for label, sentence in RULE.findall(text)]
    found += [Statement("prove", label, sentence_of(comment)) for comment, label in PLAIN.findall(text)]
    return found
