"""click: the function of a command is its callback."""

import pytest

import recell

click = pytest.importorskip("click")
testing = pytest.importorskip("click.testing")


def upload(name):
    raise ConnectionError("the real server was asked")


@click.group()
def cli():
    pass


@cli.command()
@click.argument("name")
@click.option("--loud", is_flag=True)
def send(name, loud):
    answer = upload(name)
    click.echo(answer.upper() if loud else answer)


def run(*arguments):
    return testing.CliRunner().invoke(cli, [*arguments], catch_exceptions=False).output


def test_a_name_in_the_callback(patcher):
    patcher.override(send.callback, upload=lambda name: f"sent {name}")
    assert run("send", "x") == "sent x\n"
    assert run("send", "x", "--loud") == "SENT X\n"


def test_the_callback_itself():
    with recell.swap(send.callback, lambda name, loud: click.echo(f"{name} {loud}")):
        assert run("send", "x") == "x False\n"


def test_a_command_is_no_function():
    with pytest.raises(TypeError, match=r"\.callback"):
        recell.override(send, upload=None)


def test_spied_upon(patcher):
    patcher.swap(upload, lambda name: name)
    spy = patcher.spy(send.callback)
    run("send", "x")
    spy.mock.assert_called_once_with(name="x", loud=False)
