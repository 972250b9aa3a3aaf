"""The pytest plugin: a function-scoped fixture `patcher`. Nothing of recell is imported until a test uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.patcher import Patcher

__all__ = ["patcher"]


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    """A `recell.Patcher`: `patcher.override(f, name=fake)`, `patcher.swap(f, g)`, …; undone when the test ends."""
    from recell.patcher import Patcher

    with Patcher() as changes:
        yield changes
