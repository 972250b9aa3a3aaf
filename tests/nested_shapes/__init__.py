"""Outer functions of many shapes: name -> (source that defines `outer`, path of a function in it, expression to run)."""

from __future__ import annotations

from nested_shapes import kinds, places  # noqa: F401 - they register their shapes
from nested_shapes.registry import SHAPES

__all__ = ["SHAPES"]
