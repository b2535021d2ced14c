"""What the pages do, done by programs: a conversation to its end, an inbox in order, a team, a blog, one's own data."""

from datetime import timedelta

from sqlalchemy import select

from intents import holds
from intents.holds import HeldBy
from intents.models import Blog, Decision, Entry, Intent
from vendors.models import Response as Answer
from vendors.models import Via
from vendors.reports import Report


def told(answer, status: int = 200):
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json() if answer.data else None


def test_a_conversation_from_the_offer_to_the_thumb(scene, program, ana, ben) -> None:
    hers, his = program(ana), program(ben)
    lead = f"/leads/{scene.lead}"
    assert told(hers.get(f"/intents/{scene.intent}/reach")) == {"vendors": 1}
    assert told(hers.get(f"/intents/{scene.intent}/offers")) == {"items": [], "next_cursor": None}
    offer = {
        "kind": "offer",
        "price": {"amount": "11895.00", "currency": "GBP"},
        "body": "One owner.",
        "place": "gb-lds",
    }
    told(his.post(f"{lead}/responses", offer), 201)
    found = told(hers.get(f"/intents/{scene.intent}/offers?sort=distance&limit=1"))
    (shown,) = found["items"]
    assert found["next_cursor"] is None
    assert hers.get(f"/intents/{scene.intent}/offers?cursor=bm9uc2Vuc2U").status_code == 422
    assert (shown["lead"], shown["price"]["amount"], shown["shortlisted"], shown["chosen"]) == (
        scene.lead, "11895.00", False, False,
    )  # fmt: skip

    assert told(hers.post(f"{lead}/shortlist"))["shortlisted_at"] is not None
    assert told(hers.post(f"{lead}/shortlist", {"keep": False}))["shortlisted_at"] is None
    assert told(hers.post(f"{lead}/messages", {"body": "Winter tyres?"}), 201)["by"] == "customer"
    assert told(his.get(lead))["contact"] is None
    assert told(hers.post(f"{lead}/choose"))["chosen_at"] is not None
    assert told(his.get(lead))["contact"]["email"] == ana.email
    assert [word["kind"] for word in told(hers.get(lead))["thread"]] == ["offer", "message"]
    assert told(hers.post(f"{lead}/judgement", {"glad": True, "words": "Kind people."})) == {
        "glad": True, "words": "Kind people.",
    }  # fmt: skip
    profile = told(program(ben).get(f"/vendors/{scene.slug}/profile"))
    assert (profile["glad"], profile["judged"], profile["website_proven"]) == (1, 1, False)


def test_terms_come_before_contact(scene, program, ana, ben) -> None:
    hers, his = program(ana), program(ben)
    told(hers.ask("PATCH", f"/intents/{scene.intent}", {"terms": "No newsletter."}))
    assert told(hers.post(f"/leads/{scene.lead}/reveal"), 409)["type"] == "urn:vrm:problem:wrong-state"
    assert told(his.post(f"/leads/{scene.lead}/agreement"))["terms_accepted"] is True
    assert told(hers.post(f"/leads/{scene.lead}/reveal"))["revealed_at"] is not None


def test_an_inbox_is_narrowed_and_put_in_order(scene, program, ben, store) -> None:
    his, leads = program(ben), f"/vendors/{scene.slug}/leads"

    def found(query: str) -> list[str]:
        return [one["code"] for one in told(his.get(f"{leads}?{query}"))["items"]]

    assert found("box=to-answer") == found("category=vehicles-parts&region=gb") == found("q=YARIS") == [scene.lead]
    assert found("box=over") == found("standing=answered") == found("q=boat") == found("region=fr") == []
    nowhere = told(his.get(f"{leads}?category=nonsense%20beyond"), 422)
    assert nowhere["errors"][0]["parameter"] == "category"
    assert told(his.post(f"{leads}/seen", {"leads": [scene.lead, "zzz-zzz"]})) == {"done": 1, "left": 1}
    assert told(his.get(leads))["items"][0]["seen_at"] is not None
    assert told(his.post(f"{leads}/decline", {"leads": [scene.lead], "reason": "stock"})) == {"done": 1, "left": 0}
    with store.read() as session:
        assert session.scalars(select(Answer.via)).all() == [Via.API]
    assert told(his.post(f"{leads}/seen", {"leads": ["zzz-zzz"]}), 422)["errors"][0]["pointer"] == "/leads"


def test_a_team_and_its_templates(scene, program, ben, carol) -> None:
    his, team = program(ben), f"/vendors/{scene.slug}/team"
    made = told(his.post(team, {"email": carol.email}), 201)
    assert told(his.post(team, {"email": carol.email}), 409)
    assert told(his.ask("PATCH", f"{team}/{made['id']}", {"role": "admin"}))["role"] == "admin"
    mine, hers = told(his.get(team))["items"]
    assert (mine["role"], hers["email"]) == ("owner", carol.email)
    her = program(carol)
    assert told(her.ask("DELETE", f"{team}/{mine['id']}"), 403)
    assert told(his.ask("DELETE", f"{team}/{mine['id']}"), 409)  # The last owner.
    told(her.ask("DELETE", f"{team}/{hers['id']}"), 204)
    assert told(her.get(team), 404)

    templates = f"/vendors/{scene.slug}/templates"
    made = told(his.post(templates, {"name": "Hours", "body": "Until six."}), 201)
    assert told(his.post(templates, {"name": "Hours", "body": "Until six."}), 422)["errors"][0]["pointer"] == "/name"
    assert told(his.ask("PATCH", f"{templates}/{made['id']}", {"body": "Until seven."}))["body"] == "Until seven."
    assert [one["name"] for one in told(his.get(templates))["items"]] == ["Hours"]
    told(his.ask("DELETE", f"{templates}/{made['id']}"), 204)
    assert told(his.get(templates)) == {"items": []}
    changed = told(his.ask("PATCH", f"/vendors/{scene.slug}", {"reply": "We were on holiday."}))
    assert (changed["reply"], changed["name"]) == ("We were on holiday.", "Leeds Toyota")
    assert told(his.post(f"/vendors/{scene.slug}/pause"))["paused_at"] is not None
    assert told(his.post(f"/vendors/{scene.slug}/resume"))["paused_at"] is None


def test_posts_of_a_blog_wait_for_their_authors_word(scene, program, store, ana, now) -> None:
    hers, entries = program(ana), f"/blogs/{scene.blog}/entries"
    changed = told(hers.ask("PATCH", f"/blogs/{scene.blog}", {"publish_tagged": True, "home_region": "Leeds"}))
    assert (changed["publish_tagged"], changed["reply_to_posts"], changed["home_region"]["id"]) == (
        True, False, "gb-lds",
    )  # fmt: skip
    draft = told(
        hers.post("/intents", {"title": "A desk", "category": "cars-trucks-vans", "region": "gb-lds", "draft": True}),
        201,
    )
    with store.write() as session:
        blog = session.scalars(select(Blog)).one()
        blog.verified_at = now
        read = session.scalars(select(Intent).where(Intent.code == draft["code"])).one()
        for key, decision, intent in (("a", Decision.ASKED, read.id), ("b", Decision.SKIPPED, None)):
            session.add(
                Entry(
                    blog_id=blog.id, key=key, title=key, digest="0", published_at=now - timedelta(hours=1),
                    first_seen_at=now, decision=decision, intent_id=intent,
                )
            )  # fmt: skip
    first, second = sorted(told(hers.get(entries))["items"], key=lambda one: one["title"])
    assert (first["intent"], second["intent"]) == (draft["code"], None)
    assert told(hers.post(f"{entries}/{first['id']}", {"say": "confirm"}))["decision"] == "published"
    assert told(hers.get(f"/intents/{draft['code']}"))["state"] == "open"
    assert "being read again" in told(hers.post(f"{entries}/{second['id']}", {"say": "insist"}))["reason"]
    assert told(hers.post(f"{entries}/{second['id']}", {"say": "confirm"}), 409)
    assert told(hers.post(f"/blogs/{scene.blog}/read"))["id"] == scene.blog


def test_ones_own_account_data_and_tokens(scene, program, ana) -> None:
    hers = program(ana)
    assert told(hers.get("/account"))["email"] == ana.email
    assert told(hers.ask("PATCH", "/account", {"phone": "+44 113 496 0000", "zone": "Europe/London"}))["zone"]
    refused = told(hers.ask("PATCH", "/account", {"zone": "Mars/Olympus", "locale": "xx", "phone": "\u0007"}), 422)
    assert {error["pointer"] for error in refused["errors"]} == {"/zone", "/locale", "/phone"}
    everything = told(hers.get("/account/data"))["tables"]
    assert everything["account"][0]["email"] == ana.email
    assert len(everything["wants"]) == 1
    other, current = program(ana), None
    for token in told(hers.get("/account/tokens"))["items"]:
        assert "secret" not in str(token)
        current = token if token["current"] else current
    assert current is not None
    told(other.ask("DELETE", f"/account/tokens/{current['id']}"), 204)
    assert told(hers.get("/account"), 401)


def test_wants_for_everybody(scene, program, carol) -> None:
    her = program(carol)
    (want,) = told(her.get("/wants?category=vehicles-parts&region=gb&q=yaris"))["items"]
    assert (want["code"], want["state"]) == (scene.intent, "open")
    assert told(her.get("/wants?q=boat"))["items"] == []
    assert told(her.get("/wants?region=Nowhereville"), 422)["errors"][0]["parameter"] == "region"
    assert told(her.get(f"/wants/{scene.intent}")) == want


def test_a_number_is_no_day(program, ana) -> None:
    assert told(program(ana).get("/responsiveness?since=0"), 422)["errors"][0]["parameter"] == "since"
    assert told(program(ana).get("/responsiveness?since=2026-11-01"))["n"] is None


def test_a_table_of_subscriptions_is_looked_at_and_then_taken(scene, program, ben) -> None:
    his, path = program(ben), f"/vendors/{scene.slug}/subscriptions/import"
    table = "category,region,name\nBicycles,Leeds,Bikes\ncars-trucks-vans,gb-lds,\nBicycles,Nowhere at all,\n"
    looked = told(his.post(path, {"csv": table, "dry_run": True}))
    assert (looked["kept"], looked["made"], looked["unchanged"]) == (False, 1, 1)
    assert [row["row"] for row in looked["refused"]] == [4]
    names = [one["name"] for one in told(his.get(f"/vendors/{scene.slug}/subscriptions"))["items"]]
    assert "Bikes" not in names
    assert told(his.post(path, {"csv": table})) == {**looked, "kept": True}
    names = [one["name"] for one in told(his.get(f"/vendors/{scene.slug}/subscriptions"))["items"]]
    assert "Bikes" in names
    assert told(his.post(path, {"csv": table}))["made"] == 0
    assert told(his.post(path, {"csv": "colour\nred\n"}), 422)["errors"][0]["pointer"] == "/csv"


def test_what_is_wrong_is_reported_and_a_hold_is_answered(scene, program, store, ana, ben, carol, now) -> None:
    her = program(carol)
    silent = told(her.post(f"/wants/{scene.intent}/report", {"reason": "other"}), 422)
    assert silent["errors"][0]["pointer"] == "/words"
    told(her.post(f"/wants/{scene.intent}/report", {"reason": "other", "words": "It is a trick."}), 204)
    told(her.post(f"/vendors/{scene.slug}/report", {"reason": "fraud"}), 204)
    told(program(ben).post(f"/leads/{scene.lead}/report", {"reason": "offensive"}), 204)
    with store.write() as session:
        kept = session.scalars(select(Report).order_by(Report.id)).all()
        assert [(one.reason, one.account_id) for one in kept] == [
            ("other", carol.id), ("fraud", carol.id), ("offensive", ben.id),
        ]  # fmt: skip
        intent = session.scalars(select(Intent)).one()
        holds.hold(session, intent, now, by=HeldBy.OPERATOR, why="It was reported.")
    mine = program(ana)
    assert told(mine.get(f"/intents/{scene.intent}/hold"))["why"] == "It was reported."
    said = {"answer": "It is a real want."}
    assert told(mine.post(f"/intents/{scene.intent}/hold/answer", said))["answer"] == said["answer"]
    assert told(mine.post(f"/intents/{scene.intent}/hold/answer", said), 409)
    told(her.post(f"/wants/{scene.intent}/report", {"reason": "spam"}), 404)  # It is shown to nobody now.
    for _ in range(8):
        told(her.post(f"/vendors/{scene.slug}/report", {"reason": "fraud"}), 204)
    assert told(her.post(f"/vendors/{scene.slug}/report", {"reason": "fraud"}), 429)
