"""The environment, the folder, the path of imports."""

import os
import sys

import pytest

import recell
from usage.shop import jobs


def test_a_variable(patcher):
    with pytest.raises(KeyError):
        jobs.home()
    patcher.setenv("SHOP_HOME", "/srv/shop")
    assert jobs.home() == "/srv/shop"
    patcher.delenv("SHOP_HOME")
    with pytest.raises(KeyError):
        jobs.home()


def test_put_before(patcher):
    before = os.environ["PATH"]
    patcher.setenv("PATH", "/shop/bin", prepend=os.pathsep)
    assert os.environ["PATH"] == "/shop/bin" + os.pathsep + before


def test_a_folder(patcher, tmp_path):
    patcher.chdir(tmp_path)
    assert os.path.samefile(jobs.here(), tmp_path)


def test_a_module_of_the_test(patcher, tmp_path):
    (tmp_path / "shop_extension.py").write_text("answer = 42\n")
    patcher.syspath_prepend(tmp_path)
    patcher.delitem(sys.modules, "shop_extension", raising=False)
    import shop_extension

    assert shop_extension.answer == 42


def test_only_for_one_function():
    with recell.override(jobs.home, {"os.environ": {"SHOP_HOME": "here"}}):
        assert jobs.home() == "here" and "SHOP_HOME" not in os.environ
