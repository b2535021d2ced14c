"""Why and why not by the API, and how well a subscription fits."""

from vendors.models import DeclineReason
from vrm import route


def test_both_sides_ask_why(store, program, ana, ben, carol, now) -> None:
    customer, dealer = program(ana), program(ben)
    dealer.post("/vendors", {"name": "Paris Cars"})
    dealer.post("/vendors/paris-cars/subscriptions", {"category": "cars-trucks-vans", "region": "fr"})
    code = customer.post("/intents", {"title": "Yaris", "category": "cars-trucks-vans", "region": "gb-lds"}).get_json()[
        "code"
    ]
    with store.write() as session:
        route.route_owed(session, now)
    found = customer.get(f"/intents/{code}/explanation").get_json()
    assert found["told"] == 0
    assert (
        "1 vendor sells Cars, Trucks & Vans, but none of them in Leeds; the nearest is in France." in found["sentences"]
    )
    [why] = customer.get(f"/intents/{code}/explanation?vendor=paris-cars").get_json()["sentences"]
    assert "does not match: your want is in Leeds" in why
    [why] = dealer.get(f"/vendors/paris-cars/intents/{code}/explanation").get_json()["sentences"]
    assert "does not match: it is wanted in Leeds" in why
    stranger = program(carol)
    assert stranger.get(f"/intents/{code}/explanation").status_code == 404
    assert stranger.get(f"/vendors/paris-cars/intents/{code}/explanation").status_code == 404
    hidden = customer.ask("PATCH", f"/intents/{code}", {"visibility": "unlisted"})
    assert hidden.status_code == 200
    assert dealer.get(f"/vendors/paris-cars/intents/{code}/explanation").status_code == 404


def test_a_program_previews_tightens_and_takes_it_back(store, program, ana, ben, now) -> None:
    customer, dealer = program(ana), program(ben)
    dealer.post("/vendors", {"name": "Shop"})
    order = {"category": "vehicles", "region": "gb"}
    made = dealer.post("/vendors/shop/subscriptions", order).get_json()["id"]
    for region, reason in (("gb-lds", None), *[("gb", DeclineReason.REGION)] * 3):
        want = {"title": "Yaris", "category": "cars-trucks-vans", "region": region}
        code = customer.post("/intents", want).get_json()["code"]
        with store.write() as session:
            route.route_owed(session, now)
        lead = next(
            lead for lead in dealer.get("/vendors/shop/leads").get_json()["items"] if lead["intent"]["code"] == code
        )
        said = {"kind": "decline", "decline_reason": reason} if reason else {"kind": "question", "body": "Which year?"}
        assert dealer.post(f"/leads/{lead['code']}/responses", said).status_code == 201
    assert dealer.post("/vendors/shop/preview", order).get_json()["count"] == 4
    here = f"/vendors/shop/subscriptions/{made}"
    fit = dealer.get(f"{here}/fit").get_json()
    assert (fit["judged"], fit["fits"], fit["misfits"], fit["undoable"]) == (4, 1, {"region": 3}, False)
    assert fit["proposals"] == [{"what": "region", "to": "gb-lds", "spares": 3, "of": 3}]
    assert dealer.post(f"{here}/tighten", {"what": "region", "to": "fr"}).status_code == 409
    tightened = dealer.post(f"{here}/tighten", {"what": "region", "to": "gb-lds"}).get_json()
    assert tightened["region"]["id"] == "gb-lds"
    assert dealer.get(f"{here}/fit").get_json()["undoable"] is True
    assert dealer.post(f"{here}/loosen").get_json()["region"]["id"] == "gb"
    assert dealer.post(f"{here}/loosen").status_code == 409
    precision = dealer.get("/responsiveness").get_json()["precision"]
    assert (precision["judged"], precision["fits"], precision["misfits"]["region"]) == (4, 1, 3)
