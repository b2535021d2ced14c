"""What machines that watch are told, and what people are told while the store is down."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from visiting import Visitor
from world import World

from notifiers.models import Attempt, Notification, Topic, Verdict
from vendors.models import Undelivered
from vrm.kernel.db import Store


def metrics(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics_are_counted_from_the_rows(app: Flask, world: World) -> None:
    found = metrics(app.test_client())
    assert found["vrm_notifications_owed"] >= found["vrm_notifications_due"] >= 0
    assert found['vrm_attempt_seconds_bucket{le="+Inf"}'] == found["vrm_attempt_seconds_count"]
    attempts = [value for name, value in found.items() if name.startswith("vrm_attempts_total{")]
    assert sum(attempts) == found["vrm_attempt_seconds_count"]
    text = app.test_client().get("/metrics").text
    families = re.findall(r"^# TYPE (\S+) (?:gauge|counter|histogram)$", text, re.M)
    assert len(families) == len(set(families)) >= 9
    assert set(re.findall(r"^# HELP (\S+) ", text, re.M)) == set(families)


def test_metrics_are_for_machines_nearby_and_for_operators(
    app: Flask, visitor: Callable[[], Visitor], world: World
) -> None:
    far = {"REMOTE_ADDR": "8.8.8.8"}
    assert app.test_client().get("/metrics", environ_overrides=far).status_code == 404
    assert app.test_client().get("/metrics", environ_overrides={"REMOTE_ADDR": "10.1.2.3"}).status_code == 200


def test_operators_see_what_is_owed_in_words(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    with store.write() as session:
        told = session.scalars(select(Notification).where(Notification.topic == Topic.LEAD_CREATED)).first()
        assert told is not None
        told.done_at, told.result, told.due_at = None, None, now + timedelta(minutes=4)
        failed = {"verdict": Verdict.TRANSIENT, "because": Undelivered.UNREACHABLE, "status": None, "said": "Oh."}
        session.add(Attempt(notification_id=told.id, started_at=now, took_ms=120, **failed))
    page = visitor().sign_in(world.olu).get("/admin/queue")
    assert "A new want" in page
    assert "next try" in page
    assert "not taken, tried again" in page
    assert "The other side did not answer." in page
    assert "lead.created" not in page
    assert "transient" not in page


def test_an_answer_names_its_request(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz", headers={"X-Request-ID": "abcdef-123"}).headers["X-Request-ID"] == "abcdef-123"
    assert re.fullmatch(r"[0-9a-f]{16}", client.get("/healthz").headers["X-Request-ID"])


def test_a_store_that_cannot_be_written_says_so_and_nothing_counts_as_done(
    app: Flask, visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)

    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    event.listen(store.engine, "commit", full)
    try:
        page = ana.refused("/me/account", 503, name="Anna", locale="en", zone="UTC")
    finally:
        event.remove(store.engine, "commit", full)
    assert "nothing was saved" in page
