"""Flask: views stay registered, and do something else."""

import pytest

import recell

flask = pytest.importorskip("flask")


def user_of(token):
    raise ConnectionError("the real users were asked")


app = flask.Flask(__name__)


@app.before_request
def signed_in():
    flask.g.user = user_of(flask.request.headers.get("Token"))


@app.route("/hello")
def hello():
    return f"hello {flask.g.user}"


@app.errorhandler(404)
def missing(error):
    return "nothing here", 404


@pytest.fixture
def client(patcher):
    patcher.override(signed_in, user_of=lambda token: f"user {token}")
    return app.test_client()


def test_a_name_in_a_hook(client):
    assert client.get("/hello", headers={"Token": "7"}).text == "hello user 7"


def test_a_view_everywhere(client, patcher):
    patcher.swap(hello, lambda: "swapped")
    assert client.get("/hello").text == "swapped"


def test_an_error_handler(client):
    with recell.swap(missing, lambda error: ("gone", 410)):
        assert client.get("/nowhere").status_code == 410
    assert client.get("/nowhere").status_code == 404


def test_spied_upon(client, patcher):
    spy = patcher.spy(hello)
    client.get("/hello", headers={"Token": "7"})
    spy.mock.assert_called_once_with()
    assert spy.returned == ["hello user 7"]
