"""Operators' queues through the API: the same decisions as on the pages, and nobody else's."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from intents.models import Intent
from notifiers.models import Notification, Result, Topic
from notifiers.prepare import wire_id
from vendors.models import Message, Vendor
from vrm.kernel import accounts
from vrm.kernel.accounts import Account, Audit, Scope
from vrm.kernel.errors import BadInput

WHY = {"why": "It reads like an advertisement."}


def test_only_an_operators_token_can_have_the_scope_and_only_while_they_are_one(
    scene, program, store, ana, olu, now
) -> None:
    with store.write() as session, pytest.raises(BadInput, match="Only an operator's token"):
        accounts.make_token(session, session.merge(ana), now, name="x", scopes=[Scope.OPERATOR])
    with store.write() as session:
        plain = accounts.make_token(session, session.merge(olu), now, name="x").token.scopes
    assert "operator" not in plain
    his = program(olu, [Scope.OPERATOR])
    assert his.get("/operator/holds").status_code == 200
    assert his.get("/intents").status_code == 403
    with store.write() as session:
        session.get_one(Account, olu.id).is_operator = False
    assert his.get("/operator/holds").status_code == 403


def test_wants_are_held_with_a_sentence_released_and_removed(scene, program, ana, olu, store) -> None:
    his, hers = program(olu), program(ana)
    path = f"/operator/wants/{scene.intent}"
    silent = his.post(f"{path}/hold", {"why": " "})
    assert (silent.status_code, silent.get_json()["errors"][0]["pointer"]) == (422, "/why")
    assert his.post(f"{path}/hold", WHY).status_code == 204
    assert his.post(f"{path}/hold", WHY).status_code == 409
    hers.post(f"/intents/{scene.intent}/hold/answer", {"answer": "It is one of a kind."})
    (held,) = his.get("/operator/holds").get_json()["items"]
    assert (held["code"], held["account"], held["why"]) == (scene.intent, ana.id, WHY["why"])
    assert (held["held_by"], held["answer"]) == ("operator", "It is one of a kind.")
    assert his.post(f"{path}/release").status_code == 204
    assert his.get("/operator/holds").get_json()["items"] == []
    assert his.post(f"{path}/remove").status_code == 204
    with store.read() as session:
        assert session.scalars(select(Intent)).one().outcome == "removed"
        written = session.scalars(select(Audit.action).where(Audit.account_id == olu.id).order_by(Audit.id)).all()
    assert written == ["intent.held", "intent.released", "intent.removed"]


def test_reports_are_listed_without_what_was_said_and_decided(scene, program, store, ana, ben, olu) -> None:
    his, hers = program(olu), program(ana)
    hers.post(f"/leads/{scene.lead}/messages", {"body": "Where can I see it?"})
    hers.post(f"/leads/{scene.lead}/report", {"reason": "spam", "words": "Always the same."})
    program(ben).post(f"/wants/{scene.intent}/report", {"reason": "illegal"})
    first, second = his.get("/operator/reports").get_json()["items"]
    assert (first["want"], first["vendor"], first["words"]) == (scene.intent, scene.slug, "Always the same.")
    assert (second["want"], second["vendor"], second["account"]) == (scene.intent, None, ben.id)
    assert "Where can I see it?" not in str(first)
    assert his.post(f"/operator/reports/{second['id']}/blank").status_code == 409
    assert his.post(f"/operator/reports/{first['id']}/blank").status_code == 204
    assert his.post(f"/operator/reports/{second['id']}/dismiss").status_code == 204
    assert his.post(f"/operator/reports/{second['id']}/dismiss").status_code == 409
    assert his.post("/operator/reports/99999999999999999999/dismiss").status_code == 404
    assert his.get("/operator/reports").get_json()["items"] == []
    with store.read() as session:
        assert "Where can I see it?" not in session.scalars(select(Message.body)).all()


def test_vendors_and_accounts_are_suspended_and_restored(scene, program, store, ana, olu) -> None:
    his, hers = program(olu), program(ana)
    assert his.post(f"/operator/vendors/{scene.slug}/suspend", WHY).status_code == 204
    with store.read() as session:
        assert session.scalars(select(Vendor)).one().suspended_because == WHY["why"]
    assert his.post(f"/operator/vendors/{scene.slug}/restore").status_code == 204
    assert his.post(f"/operator/accounts/{ana.id}/suspend", WHY).status_code == 204
    assert hers.get("/intents").status_code == 401
    assert his.post(f"/operator/accounts/{ana.id}/restore").status_code == 204
    assert hers.get("/intents").status_code == 200
    assert his.post(f"/operator/accounts/{olu.id}/suspend", WHY).status_code == 409


def test_what_was_given_up_is_sent_again_one_or_all(scene, program, store, olu, now) -> None:
    with store.write() as session:
        first = session.scalars(select(Notification).where(Notification.topic == Topic.LEAD_CREATED)).first()
        assert first is not None
        first.done_at, first.result = now, Result.FAILED
        message = wire_id(first)
    his = program(olu)
    (lost,) = his.get("/operator/lost").get_json()["items"]
    assert (lost["id"], lost["vendor"], lost["can_be_sent_again"]) == (message, scene.slug, True)
    assert his.post(f"/operator/lost/{message}/again").status_code == 204
    assert his.get("/operator/lost").get_json()["items"] == []
    assert his.post(f"/operator/lost/{message}/again").status_code == 409
    span = {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    for expected in (1, 0):
        with store.write() as session:
            one = session.scalars(select(Notification).where(Notification.topic == Topic.LEAD_CREATED)).first()
            assert one is not None
            assert one.channel is not None
            one.done_at, one.result = now, Result.FAILED
            one.channel.paused_at = None if expected else now
        assert his.post("/operator/lost/again", span).get_json() == {"count": expected}
    assert his.post("/operator/lost/again", {**span, "until": span["since"]}).status_code == 422
