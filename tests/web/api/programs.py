"""What tests of the API talk through: a clock that is set, a client with a token, the names of what is there."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse


class Hands:
    """A clock that shows what a test says."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@dataclass(frozen=True)
class Program:
    """A client of the API with a token."""

    app: Flask
    token: str | None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        given = dict(headers or {})
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        return self.app.test_client().open(f"/api/v1{path}", method=method, data=data, headers=given)

    def get(self, path: str) -> TestResponse:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.ask("POST", path, body, **more)


@dataclass(frozen=True)
class Scene:
    """Public names of what is there."""

    intent: str
    slug: str
    subscription: str
    channel: str
    lead: str
    blog: str
