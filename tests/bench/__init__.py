"""Benchmarks as ratios to a reference in the same run. See README.md in this folder."""

from __future__ import annotations

from .measure import Benchmark, Result, calls, compare, linear, load_benchmarks

__all__ = ["Benchmark", "Result", "calls", "compare", "linear", "load_benchmarks"]
