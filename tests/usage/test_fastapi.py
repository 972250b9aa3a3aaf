"""FastAPI: endpoints and dependencies, asynchronous and not."""

import pytest

import recell

fastapi = pytest.importorskip("fastapi")
testclient = pytest.importorskip("fastapi.testclient", exc_type=ImportError)


def user_of(token):
    raise ConnectionError("the real users were asked")


def current_user(token: str = "none"):
    return user_of(token)


app = fastapi.FastAPI()


@app.get("/hello")
async def hello(user=fastapi.Depends(current_user)):
    return {"hello": await shown(user)}


@app.get("/plain/{number}")
def plain(number: int):
    return {"number": number, "limit": LIMIT}


async def shown(user):
    return f"<{user}>"


LIMIT = 10


@pytest.fixture
def client():
    return testclient.TestClient(app)


def test_a_name_in_a_dependency(client, patcher):
    patcher.override(current_user, user_of=lambda token: f"user {token}")
    assert client.get("/hello?token=7").json() == {"hello": "<user 7>"}


def test_a_dependency_itself(client):
    with recell.swap(current_user, lambda token="none": "swapped"):
        assert client.get("/hello").json() == {"hello": "<swapped>"}


def test_a_coroutine_function(client, patcher):
    patcher.swap(current_user, lambda token="none": token)
    patcher.swap(shown, lambda user: "shown")
    spy = patcher.spy(shown)
    assert client.get("/hello").json() == {"hello": "shown"}
    spy.mock.assert_called_once_with("none")


def test_an_endpoint_that_runs_in_a_thread(client):
    with recell.override(plain, LIMIT=99):
        assert client.get("/plain/3").json() == {"number": 3, "limit": 99}
    assert client.get("/plain/3").json() == {"number": 3, "limit": 10}
