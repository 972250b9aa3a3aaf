"""Where the shapes are collected."""

from __future__ import annotations

SHAPES: dict[str, tuple[str, str, str]] = {}


def shape(name: str, path: str, run: str, source: str) -> None:
    assert name not in SHAPES
    SHAPES[name] = (source, path, run)
