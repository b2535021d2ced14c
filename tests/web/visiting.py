"""A clock that is set, and a visitor who reads pages and presses their buttons."""

import re
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from vrm.kernel import sessions
from vrm.kernel.accounts import Account

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Clock:
    """A clock that is set by the test."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def begin_session(app: Flask, account: Account) -> str:
    """The secret of a session of this account."""
    desk = app.extensions["vrm"]
    with desk.store.write() as session:
        return sessions.begin(session, account, desk.clock(), agent="").secret


class Visitor:
    """A browser without script: it keeps cookies, and sends the token of the form that it presses."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def sign_in(self, account: Account) -> "Visitor":
        """As after a link was pressed."""
        with self.client.session_transaction() as session:
            session.clear()
            session["_user_id"] = begin_session(self.app, account)
            session["_fresh"] = True
        return self

    def get(self, path: str, status: int = 200) -> str:
        """The page at `path`, which must have this status."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:2000])
        return answer.text

    def send(self, path: str, **fields: object) -> TestResponse:
        """Press a button: POST with a good token, as our own page would."""
        found = _TOKEN.search(self.client.get("/want").text)
        assert found
        data = {"csrf_token": found[1], **fields}
        return self.client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})

    def press(self, path: str, **fields: object) -> str:
        """Press a button that works: where it leads to."""
        answer = self.send(path, **fields)
        assert answer.status_code == 303, (path, answer.status_code, _words(answer.text))
        return answer.location

    def refused(self, path: str, status: int, **fields: object) -> str:
        """Press a button that is refused with this status: the page that says why."""
        answer = self.send(path, **fields)
        assert answer.status_code == status, (path, answer.status_code, _words(answer.text))
        return answer.text


def _words(page: str) -> str:
    main = page.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())[:1500]
