"""The five verbs, by programs only."""

import hashlib
from datetime import datetime, timedelta
from email import message_from_bytes, policy

from sqlalchemy import select

from notifiers.deliver import deliver
from vrm import route, turns
from vrm.kernel.accounts import Account, ApiToken


def test_a_want_published_through_the_api_reaches_a_vendor_who_answers(store, program, ana, ben, now) -> None:
    customer, dealer = program(ana), program(ben)
    vendor = dealer.post("/vendors", {"name": "Leeds Toyota", "website": "https://leeds-toyota.example"})
    assert (vendor.status_code, vendor.headers["Location"]) == (201, "/api/v1/vendors/leeds-toyota")
    order = {"category": "cars-trucks-vans", "region": "Leeds", "min_budget": {"amount": "5000", "currency": "GBP"}}
    subscription = dealer.post("/vendors/leeds-toyota/subscriptions", order)
    assert subscription.status_code == 201
    assert subscription.get_json()["min_budget"] == {"amount": "5000.00", "currency": "GBP"}

    want = {
        "title": "Toyota Yaris",
        "category": "cars-trucks-vans",
        "region": "gb-lds",
        "budget": {"max": "12000.00", "currency": "GBP"},
        "condition": "used",
        "needed_by": "2026-12-24",
    }
    made = customer.post("/intents", want)
    assert made.status_code == 201, made.get_json()
    intent = made.get_json()
    assert made.headers["Location"] == f"/api/v1/intents/{intent['code']}"
    assert intent["state"] == "open"
    assert intent["origin"] == "api"
    assert intent["budget"] == {"min": None, "max": "12000.00", "currency": "GBP"}
    assert intent["opened_at"] == "2026-11-21T12:00:00Z"
    assert intent["region"]["label"] == "Leeds"

    with store.write() as session:
        assert route.route_owed(session, now) == 1
    [line] = customer.get(f"/intents/{intent['code']}/leads").get_json()["items"]
    assert (line["vendor"]["slug"], line["standing"], line["undelivered"]) == (
        "leeds-toyota",
        "undelivered",
        "no-channel",
    )

    [listed] = dealer.get("/vendors/leeds-toyota/leads").get_json()["items"]
    assert listed["code"] == line["code"]
    assert listed["standing"] == "unseen"  # To fetch the list proves delivery, no more.
    read = dealer.get(f"/leads/{line['code']}").get_json()
    assert (read["role"], read["standing"], read["vendors_told"], read["contact"]) == ("vendor", "seen", 1, None)
    assert "account" not in str(read)
    assert ana.email not in str(read)

    offer = {"kind": "offer", "body": "A 2022 one.", "price": {"amount": "11500", "currency": "GBP"}}
    said = dealer.post(f"/leads/{line['code']}/responses", offer)
    assert said.status_code == 201
    assert said.get_json()["price"] == {"amount": "11500.00", "currency": "GBP"}
    seen = customer.get(f"/leads/{line['code']}").get_json()
    assert (seen["role"], seen["standing"], seen["thread"][0]["kind"]) == ("customer", "answered", "offer")
    measured = customer.get("/responsiveness").get_json()
    assert (measured["n"], measured["measures"]["answered"]["count"]) == (1, 1)
    closed = customer.post(f"/intents/{intent['code']}/close", {"lead": line["code"]})
    assert (closed.get_json()["state"], closed.get_json()["outcome"]) == ("closed", "fulfilled")
    late = dealer.post(f"/leads/{line['code']}/responses", {"kind": "reply", "body": "Thank you!"})
    assert late.status_code == 409
    assert late.get_json()["type"] == "urn:vrm:problem:wrong-state"


def test_a_customer_who_looks_at_a_lead_proves_nothing_about_its_vendor(scene, program, ana, ben) -> None:
    assert program(ana).get(f"/leads/{scene.lead}").get_json()["seen_at"] is None
    assert program(ana).ask("HEAD", f"/leads/{scene.lead}").status_code == 200
    assert program(ben).ask("HEAD", f"/leads/{scene.lead}").status_code == 200
    assert program(ana).get(f"/leads/{scene.lead}").get_json()["seen_at"] is None
    assert program(ben).get(f"/leads/{scene.lead}").get_json()["seen_at"] is not None
    assert program(ana).get(f"/leads/{scene.lead}").get_json()["standing"] == "seen"


def test_an_automatic_response_is_no_answer(scene, program, ana, ben) -> None:
    path = f"/leads/{scene.lead}/responses"
    assert program(ben).post(path, {"kind": "reply", "body": "We are closed.", "actor": "auto"}).status_code == 201
    assert program(ana).get(f"/leads/{scene.lead}").get_json()["responded_at"] is None


def test_a_draft_is_kept_back_until_it_is_published(program, ana) -> None:
    customer = program(ana)
    draft = customer.post("/intents", {"title": "A boat", "draft": True}).get_json()
    assert (draft["state"], draft["category"]) == ("draft", None)
    refused = customer.post(f"/intents/{draft['code']}/publish")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.get_json()["errors"]] == ["/category", "/region"]
    customer.ask("PATCH", f"/intents/{draft['code']}", {"category": "cars-trucks-vans", "region": "Leeds"})
    assert customer.post(f"/intents/{draft['code']}/publish").get_json()["state"] == "open"


def test_a_want_is_changed_paused_resumed_and_withdrawn(scene, program, ana) -> None:
    customer, path = program(ana), f"/intents/{scene.intent}"
    changed = customer.ask("PATCH", path, {"budget": {"amount": "9000", "currency": "EUR"}}).get_json()
    assert changed["budget"] == {"min": None, "max": "9000.00", "currency": "EUR"}
    assert changed["title"] == "Toyota Yaris"
    assert changed["revision"] == 2
    assert changed["routed_at"] is None
    assert customer.ask("PATCH", path, {"budget": None}).get_json()["budget"] is None
    assert customer.post(f"{path}/pause").get_json()["state"] == "paused"
    assert customer.post(f"{path}/resume", {}).get_json()["state"] == "open"
    assert customer.post(f"{path}/withdraw").get_json()["outcome"] == "withdrawn"
    again = customer.post(f"{path}/withdraw")
    assert (again.status_code, again.mimetype) == (409, "application/problem+json")


def test_subscriptions_are_changed_paused_and_ended(scene, program, ben) -> None:
    dealer, path = program(ben), f"/vendors/{scene.slug}/subscriptions/{scene.subscription}"
    changed = dealer.ask("PATCH", path, {"paused": True}).get_json()
    assert changed["paused_at"] is not None
    changed = dealer.ask("PATCH", path, {"condition": "used", "region": "gb", "paused": False}).get_json()
    assert (changed["condition"], changed["region"]["id"], changed["paused_at"]) == ("used", "gb", None)
    assert dealer.ask("DELETE", path).status_code == 204
    assert dealer.get(path).status_code == 404


def test_the_mailbox_that_signs_in_needs_no_second_proof(scene, program, ben, store) -> None:
    dealer, path = program(ben), f"/vendors/{scene.slug}/channels"
    dealer.ask("DELETE", f"{path}/{scene.channel}")
    own = dealer.post(path, {"kind": "email", "address": "Ben@Leeds-Toyota.example"}).get_json()
    assert own["state"] == "working"
    there = f"{path}/{own['id']}"
    moved = dealer.ask("PATCH", there, {"address": "sales@leeds-toyota.example"}).get_json()
    back = dealer.ask("PATCH", there, {"address": "ben@leeds-toyota.example"}).get_json()
    assert (moved["state"], back["state"]) == ("unverified", "working")
    with store.write() as session:
        session.get_one(Account, ben.id).verified_at = None
    assert (
        dealer.ask("PATCH", there, {"address": "ben@leeds-toyota.example", "label": "x"}).get_json()["state"]
        == "working"
    )
    dealer.ask("DELETE", there)
    assert (
        dealer.post(path, {"kind": "email", "address": "ben@leeds-toyota.example"}).get_json()["state"] == "unverified"
    )


def test_a_channel_is_proven_by_the_code_that_arrived(scene, program, ben, store) -> None:
    dealer = program(ben)
    made = dealer.post(f"/vendors/{scene.slug}/channels", {"kind": "email", "address": "sales@leeds-toyota.example"})
    assert made.status_code == 201, made.get_json()
    channel = made.get_json()
    assert (channel["state"], channel["secret"]) == ("unverified", None)
    path = f"/vendors/{scene.slug}/channels/{channel['id']}"
    for _ in range(5):
        wrong = dealer.post(f"{path}/verify", {"code": "wrong"})
        assert (wrong.status_code, wrong.get_json()["errors"][0]["pointer"]) == (422, "/code")
    assert dealer.post(f"{path}/verify", {"code": "wrong"}).status_code == 410
    assert dealer.post(f"{path}/verify").get_json()["sent"]["topic"] == "channel.challenge"
    tested = dealer.post(f"{path}/test").get_json()
    assert (tested["result"], tested["attempts"][0]["verdict"]) == ("delivered", "delivered")
    assert dealer.get(f"{path}/messages").get_json()["items"][0]["topic"] == "test"
    assert dealer.ask("DELETE", path).status_code == 204
    assert dealer.get(path).status_code == 404


def test_the_worker_sends_the_challenge_of_a_new_channel_and_of_a_new_place_at_once(
    scene, program, ben, app, store, now
) -> None:
    dealer, path = program(ben), f"/vendors/{scene.slug}/channels"

    def challenges() -> list[str]:
        deliver(store, app.extensions["vrm"].post, lambda: now)
        mails = (
            message_from_bytes(file.read_bytes(), policy=policy.default)
            for file in app.extensions["vrm"].post.outbox.glob("*.eml")
        )
        return sorted(mail["To"] for mail in mails if "is your code" in mail["Subject"])

    made = dealer.post(path, {"kind": "email", "address": "sales@leeds-toyota.example"}).get_json()
    assert challenges() == ["sales@leeds-toyota.example"]
    dealer.ask("PATCH", f"{path}/{made['id']}", {"address": "desk@leeds-toyota.example"})
    assert challenges() == ["desk@leeds-toyota.example", "sales@leeds-toyota.example"]


def test_the_secret_of_a_webhook_is_shown_once(scene, program, ben) -> None:
    dealer = program(ben)
    made = dealer.post(f"/vendors/{scene.slug}/channels", {"kind": "webhook", "url": "https://crm.example.org/vrm"})
    assert made.get_json()["secret"].startswith("whsec_")
    assert "whsec_" not in dealer.get(f"/vendors/{scene.slug}/channels").get_data(as_text=True)


def test_the_last_use_of_a_token_is_kept_to_the_hour(program, store, ana, clock, now: datetime) -> None:
    customer = program(ana)

    def last_used() -> datetime | None:
        with store.read() as session:
            return session.scalar(select(ApiToken.last_used_at))

    assert last_used() is None
    clock.moment = now + timedelta(minutes=50)
    customer.get("/intents")
    assert last_used() == now
    clock.moment = now + timedelta(minutes=70)
    customer.get("/intents")
    assert last_used() == now + timedelta(hours=1)


def test_a_channel_is_told_together_and_only_in_open_hours(scene, program, ben) -> None:
    his = program(ben)
    path = f"/vendors/{scene.slug}/channels/{scene.channel}"
    changed = his.ask("PATCH", path, {"label": "Sales", "timing": {"mode": "daily", "hour": 9, "office_only": True}})
    assert changed.status_code == 200, changed.get_data(as_text=True)
    timing = his.get(path).get_json()["timing"]
    assert (timing["mode"], timing["hour"], timing["office_only"]) == ("daily", 9, True)
    for bad, pointer in (
        ({"hour": 25}, "/timing/hour"),
        ({"quiet_from": "25:00", "quiet_until": "7:00"}, "/timing/quiet_from"),
        ({"backup_after_minutes": 0}, "/timing/backup_after_minutes"),
        ({"mode": "often"}, "/timing/mode"),
    ):
        refused = his.ask("PATCH", path, {"timing": bad})
        assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (422, pointer)
    hours = his.ask("PATCH", f"/vendors/{scene.slug}/hours", {"monday": "09:00-17:30", "sunday": "", "holidays": "gb"})
    assert hours.get_json()["monday"] == "09:00–17:30"
    assert his.get(f"/vendors/{scene.slug}/hours").get_json()["holidays"] == "GB"
    feed = his.post(f"/vendors/{scene.slug}/channels", {"kind": "feed"}).get_json()
    assert feed["feeds"]["json_feed"].endswith(".json")
    address = f"/vendors/{scene.slug}/channels/{feed['id']}"
    assert his.post(f"{address}/secret").get_json()["old_signs_until"] is None
    assert his.get(address).get_json()["feeds"]["atom"] != feed["feeds"]["atom"]
    assert his.post(f"{address}/test").status_code == 409
    assert his.ask("PATCH", address, {"paused": True}).get_json()["state"] == "unverified"


def test_a_program_tells_a_few_at_a_time_and_reads_the_line(store, program, ana, ben, now) -> None:
    customer, dealer = program(ana), program(ben)
    for name in ("One", "Two", "Three"):
        slug = dealer.post("/vendors", {"name": f"Shop {name}"}).get_json()["slug"]
        dealer.post(f"/vendors/{slug}/subscriptions", {"category": "cars-trucks-vans", "region": "Leeds"})
    want = {"title": "Toyota Yaris", "category": "cars-trucks-vans", "region": "gb-lds"}
    refused = customer.post("/intents", want | {"patience_h": 48})
    assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (422, "/patience_h")
    made = customer.post("/intents", want | {"tell_at_most": 1, "patience_h": 48})
    assert (made.get_json()["tell_at_most"], made.get_json()["patience_h"]) == (1, 48)
    with store.write() as session:
        route.route_owed(session, now)
    with store.write() as session:
        assert turns.take_turns_owed(session, now) == 1
    code = made.get_json()["code"]
    board = customer.get(f"/intents/{code}/leads").get_json()["items"]
    # No vendor has a channel: nobody is told, and nobody's turn is wasted.
    assert [line["withheld"] for line in board] == ["cap"] * 3
    for line in board:
        number = hashlib.sha256(line["code"].encode()).hexdigest()[:16]
        assert line["place"] == {"website_proven": False, "within_km": 2, "number": number}
    raised = customer.ask("PATCH", f"/intents/{code}", {"tell_at_most": None, "patience_h": None})
    assert raised.get_json()["tell_at_most"] is None
    assert dealer.get("/leads/" + board[0]["code"]).status_code == 404


def test_circles_and_words_are_ordered_wanted_and_read_back(scene, program, ana, ben) -> None:
    dealer, path = program(ben), f"/vendors/{scene.slug}/subscriptions"
    order = {
        "category": "anything", "region": "Leeds", "near": {"radius_km": 40}, "required": ["Yaris"], "words_in": "en",
        "min_quantity": 1, "lead_days": 2, "language": "en",
    }  # fmt: skip
    made = dealer.post(path, order).get_json()
    assert made["near"] == {"radius_km": 40, "lat": None, "lon": None}
    assert (made["required"], made["lead_days"], made["cautions"]) == (["Yaris"], 2, [])
    assert dealer.ask("PATCH", f"{path}/{made['id']}", {"near": None}).get_json()["near"] is None
    assert dealer.post(path, {"category": "anything", "region": "world"}).get_json()["cautions"]
    want = {"title": "A Yaris", "category": "anything", "near": {"lat": 53.96, "lon": -1.08, "radius_km": 30}}
    published = program(ana).post("/intents", want).get_json()
    assert published["near"] == want["near"]
    assert published["region"]["label"] == "York"
