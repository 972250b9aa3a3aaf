"""Mutated code objects: what `verify` accepts, runs without killing its process."""

from __future__ import annotations

import sys

import fuzz_verifier
import pytest
from sizes import SEED, pick

# what debug builds assert and release builds survive
KNOWN = ()


@pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of POSIX")
def test_accepted_mutants_run(record_property):
    """No accepted mutant ends its process by a signal; what hangs is stopped, and counted."""
    report: list[str] = []
    counts, deaths = fuzz_verifier.fuzz(pick(400, 200_000), SEED, times=4, report=report.append)
    record_property("mutants", dict(counts))
    print(dict(counts))
    assert not deaths, "\n".join(report)
    assert counts["accepted"] > counts["refused"] / 20
    assert counts["refused"]
