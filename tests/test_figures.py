"""The page of figures: what runs, what fails, and what is not installed is all told; no time is asserted."""

from __future__ import annotations

import importlib.metadata
from xml.etree import ElementTree

import pytest
from bench.peers import Task, Way, goals, page, plot, run

TASK = Task(
    "Add | up",
    "By hand is a sum.",
    lambda: {"values": [1, 2, 3]},
    (
        Way("by hand", "sum(values)"),
        Way(
            "recell", "total(values)", "def total(values):\n    return sum(values)", "prepared", label="total"
        ),
        Way("boltons", "no_such_package.add(values)", "import no_such_package"),
        Way("mock", "values.add(4)"),
        Way("standard library", "for value in values: pass"),
    ),
    lambda names, result: "" if result == 6 else f"gives {result}",
)


@pytest.fixture(scope="module")
def field():
    return run.race((TASK,), rounds=3)


def test_a_way_that_fails_is_told_and_the_others_run(field):
    """Each way gets names of its own; the reference is 1 in every round."""
    by_hand, recell, missing, broken, statement = field[0]
    assert by_hand.ratios == [1.0, 1.0, 1.0]
    assert len(recell.ratios) == len(statement.ratios) == 3
    assert min(recell.ratios) > 0
    assert recell.seen == "prepared"
    assert missing.failure == "not installed (no_such_package)"
    assert broken.failure == "raises `AttributeError: 'list' object has no attribute 'add'`"
    assert not missing.ratios
    assert not broken.ratios


def test_a_reference_that_fails_is_an_error():
    task = TASK._replace(ways=TASK.ways[2:])
    with pytest.raises(AssertionError, match="not installed"):
        run.race((task,), rounds=1)


def test_the_page_has_a_row_for_each_way(field):
    text = page.write(field, {"recell": (1.0, 1.25, 1.5)}, [], {"version": "3.x", "cores": 2, "seconds": 1.0})
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum("sum(values)" in row for row in rows) == 1
    assert any("no_such_package" in row and "not installed" in row for row in rows)
    assert any(row.startswith("| **recell** | 1.25 | 1.00–1.50 |") for row in rows)
    for row in rows:
        assert row.endswith(" |")


def test_the_plot_is_well_formed_and_shows_what_ran(field):
    root = ElementTree.fromstring(plot.draw(field))
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Add | up" in texts
    assert {"by hand: sum", "recell: total"} <= {*texts}
    assert not any("boltons" in text for text in texts)


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.0, "1"), (0.2746, "0.275"), (12.34, "12.3"), (101.2, "101"), (2011.0, "2,011")]
)
def test_ratios_have_three_digits(ratio, text):
    assert plot.shown(ratio) == text


def test_every_figure_to_reach_has_its_benchmarks():
    """A benchmark that was renamed is missed here, not on the page."""
    found = goals.chosen()
    assert len(found) == len(goals.GOALS)
    for goal, benchmarks in found:
        assert benchmarks, goal.what
        assert all(benchmark.reach is not None for benchmark in benchmarks)


@pytest.mark.parametrize("task", run.TASKS, ids=lambda task: task.title)
def test_every_way_is_done_here_or_its_package_is_missing(task):
    """Each way of each task runs once, or says why it does not."""
    known_to_fail = {("Set a closure's variable while a block runs", "standard library")}
    known_to_fail |= {("Set a closure's variable while a block runs", "mock")}
    for way in task.ways:
        entry = run.Entry(task, way)
        if way.who in ("recell", "by hand"):
            assert not entry.failure, entry.failure
        elif entry.failure.startswith("raises"):
            assert (task.title, way.who) in known_to_fail, (way.statement, entry.failure)


def test_peers_are_known_by_their_package():
    for task in run.TASKS:
        for way in task.ways:
            assert way.who in {*run.PACKAGES, "recell", "by hand", "standard library"}
    assert run.installed("pytest") == importlib.metadata.version("pytest")
    assert run.installed("no-such-package-at-all") is None
