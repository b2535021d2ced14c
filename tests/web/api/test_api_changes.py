"""Following by HTTP: a vendor's leads and public wants, from where a program stopped."""

from datetime import timedelta

from sqlalchemy import select

from intents import events, holds
from intents.events import EventKind
from intents.holds import HeldBy
from intents.models import Intent


def told(answer, status: int = 200):
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_vendor_follows_its_leads(scene, program, ana, ben) -> None:
    his, hers, path = program(ben), program(ana), f"/vendors/{scene.slug}/changes"
    page = told(his.get(path))
    (change,) = page["items"]
    assert (change["kind"], change["lead"]["code"], page["more"]) == ("lead.created", scene.lead, False)
    assert change["lead"]["delivered_at"] is not None  # Fetching it is the proof …
    assert change["lead"]["seen_at"] is None  # … and not that somebody read it.
    told(hers.post(f"/leads/{scene.lead}/messages", {"body": "Hello?"}), 201)
    told(hers.ask("PATCH", f"/intents/{scene.intent}", {"title": "Toyota Yaris, blue", "visibility": "unlisted"}))
    told(hers.post(f"/leads/{scene.lead}/reveal"))
    told(hers.post(f"/intents/{scene.intent}/withdraw"))
    news, cursor = [], page["next_cursor"]
    for _ in range(4):
        part = told(his.get(f"{path}?limit=1&cursor={cursor}"))
        news += part["items"]
        cursor = part["next_cursor"]
    assert [one["kind"] for one in news] == ["message.created", "lead.updated", "lead.revealed", "lead.withdrawn"]
    assert {one["lead"]["intent"]["title"] for one in news} == {"Toyota Yaris, blue"}  # As it is now.
    after = told(his.get(f"{path}?cursor={cursor}"))
    assert (after["items"], after["more"], after["next_cursor"]) == ([], False, cursor)


def test_a_cursor_tells_nothing_and_is_good_for_one_list(scene, program, ben) -> None:
    his = program(ben)
    leads = told(his.get(f"/vendors/{scene.slug}/changes"))["next_cursor"]
    wants = told(his.get("/wants/changes"))["next_cursor"]
    for path, cursor in (
        ("/wants/changes", leads),
        (f"/vendors/{scene.slug}/changes", wants),
        ("/wants/changes", "AAAA"),
        ("/wants/changes", wants[:-2] + "AA"),
        ("/wants/changes", "ü" * 5),
    ):
        refused = told(his.get(f"{path}?cursor={cursor}"), 422)
        assert refused["errors"][0]["parameter"] == "cursor"


def test_everybody_follows_public_wants(scene, program, ana, carol) -> None:
    hers, theirs = program(ana), program(carol)
    page = told(theirs.get("/wants/changes"))
    (change,) = page["items"]
    assert (change["kind"], change["code"], change["want"]["title"]) == (
        "want.opened",
        scene.intent,
        "Toyota Yaris",
    )
    told(hers.post(f"/intents/{scene.intent}/pause"))
    told(hers.ask("PATCH", f"/intents/{scene.intent}", {"visibility": "unlisted"}))
    secret = {"title": "Not for all", "category": "cars-trucks-vans", "region": "gb-lds", "visibility": "unlisted"}
    told(hers.post("/intents", secret), 201)
    found = told(theirs.get(f"/wants/changes?cursor={page['next_cursor']}"))
    assert [(one["kind"], one["code"], one["want"]) for one in found["items"]] == [("want.hidden", scene.intent, None)]


def test_a_want_that_is_held_is_shown_to_nobody_else(scene, program, store, carol, now) -> None:
    theirs = program(carol)
    with store.write() as session:
        intent = session.scalars(select(Intent).where(Intent.code == scene.intent)).one()
        holds.hold(session, intent, now, by=HeldBy.OPERATOR, why="We ask what you mean.")
    told(theirs.get(f"/wants/{scene.intent}"), 404)
    everything = theirs.get("/wants/changes").get_data(as_text=True)
    assert scene.intent in everything
    assert "Yaris" not in everything
    assert told(theirs.get("/wants"))["items"] == []


def test_a_cursor_from_too_long_ago_is_410_and_says_where_to_begin(scene, program, store, ben, now) -> None:
    his, lists = (
        program(ben),
        {f"/vendors/{scene.slug}/changes": f"/vendors/{scene.slug}/leads", "/wants/changes": "/wants"},
    )
    early = {path: told(his.get(f"{path}?limit=1"))["next_cursor"] for path in lists}
    whole = {path: told(his.get(path))["next_cursor"] for path in lists}
    with store.write() as session:
        intent = session.scalars(select(Intent).where(Intent.code == scene.intent)).one()
        events.note(session, EventKind.CHANGED, now, intent_id=intent.id)
        events.number(session)
        assert events.forget(session, now + timedelta(days=366), keep=timedelta(days=365)) > 0
    for path, begin in lists.items():
        for cursor in (early[path], whole[path]):
            refused = told(his.get(f"{path}?cursor={cursor}"), 410)
            assert refused["type"] == "urn:vrm:problem:begin-anew"
            assert "kept for 365 days" in refused["detail"]
            assert f"GET {begin} once, then follow without a cursor" in refused["detail"]
        told(his.get(begin))
        anew = told(his.get(path))
        assert (anew["items"], anew["more"]) == ([], False)
        assert told(his.get(f"{path}?cursor={anew['next_cursor']}"))["items"] == []


def test_after_a_restore_nobody_goes_on_from_what_came_after_the_backup(scene, program, store, ben) -> None:
    """The places of what was lost are given again to other things."""
    his, path = program(ben), f"/vendors/{scene.slug}/changes"
    before = told(his.get(path))["next_cursor"]
    with store.write() as session:
        events.begin_anew(session)
    refused = told(his.get(f"{path}?cursor={before}"), 410)
    assert "put back from a backup" in refused["detail"]
    anew = told(his.get(path))
    assert len(anew["items"]) == 1
    told(his.get(f"{path}?cursor={anew['next_cursor']}"))
