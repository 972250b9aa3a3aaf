"""Logging: a handler's function, and the time in a record."""

import logging

import recell


class Collecting(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


def logger():
    handler = Collecting()
    found = logging.Logger("shop")
    found.addHandler(handler)
    return found, handler


def test_the_format():
    log, handler = logger()
    with recell.swap(Collecting.emit, lambda self, record: self.lines.append(record.levelname)):
        log.warning("careful")
    log.warning("again")
    assert handler.lines == ["WARNING", "again"]


def test_a_function_of_the_standard_library():
    log, handler = logger()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    with recell.override(logging.Formatter.formatTime, {"time.strftime": lambda *args: "now"}):
        log.warning("careful")
    assert handler.lines[0].startswith("now") and handler.lines[0].endswith("careful")


def test_a_spy_on_the_standard_library():
    log, _ = logger()
    with recell.spy(logging.Logger.warning) as spy:
        log.warning("careful %s", 1)
    spy.mock.assert_called_once_with(log, "careful %s", 1)
