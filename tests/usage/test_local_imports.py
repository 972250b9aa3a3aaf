"""Names that a function imports itself."""

import pytest

import recell
from usage.shop import lazily


def test_by_the_name_that_is_imported():
    naps = []
    with recell.override(lazily.wait, sleep=naps.append):
        assert lazily.wait(3600) == "waited"
    assert naps == [3600]


def test_dotted():
    naps = []
    with recell.override(lazily.wait, {"time.sleep": naps.append}):
        lazily.wait(3600)
    assert naps == [3600]


def test_an_attribute_of_a_module():
    with recell.override(lazily.log_path, {"os.path.expanduser": lambda path: "HOME"}):
        assert lazily.log_path().replace("\\", "/") == "HOME/shop.log"
    assert "HOME" not in lazily.log_path()


def test_under_another_name():
    with recell.override(lazily.exists, {"paths.exists": lambda path: True}):
        assert lazily.exists("nowhere")
    assert not lazily.exists("nowhere")


def test_a_module_that_nobody_has():
    class Plotting:
        @staticmethod
        def bars(values):
            return "#" * sum(values)

    with pytest.raises(ImportError):
        lazily.chart([1, 2])
    with recell.override(lazily.chart, plotting=Plotting):
        assert lazily.chart([1, 2]) == "###"


def test_relative_and_nested():
    with recell.override(lazily.send, send_it=lambda text, amount: text):
        assert lazily.send("hello") == "hello"
    with pytest.raises(ConnectionError):
        lazily.send("hello")


def test_one_of_several():
    with recell.override(lazily.parse, loads=lambda text: text * 2):
        assert lazily.parse("1") == "11"
    assert lazily.parse("1") == 1 and lazily.parse("{") is None
