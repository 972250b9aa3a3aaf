"""Dataclasses."""

from __future__ import annotations

import dataclasses
import uuid
from typing import List


def new_id() -> str:
    return uuid.uuid4().hex


def tax_rate() -> float:
    raise ConnectionError("the real tax office was asked")


@dataclasses.dataclass
class Order:
    customer: str
    net: float
    id: str = dataclasses.field(default_factory=new_id)
    lines: List[str] = dataclasses.field(default_factory=list)
    gross: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.gross = round(self.net * (1 + tax_rate()), 2)

    def label(self) -> str:
        return f"{self.customer}: {self.gross}"


@dataclasses.dataclass(frozen=True)
class Receipt:
    number: str

    def shown(self, mark: str = "#") -> str:
        return f"{mark}{self.number}"
