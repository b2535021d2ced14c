"""Lists go on where they stopped: nothing twice, nothing missed, no row numbers in the open."""

import base64

from rooms import publish_want, route_all, start_vendor


def walk(who, path: str, limit: int) -> list[dict]:
    items, cursor, pages = [], "", 0
    while cursor is not None:
        page = who.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")).get_json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        pages += 1
    assert pages == max(1, -(-len(items) // limit))
    return items


def test_wants_newest_first(program, store, ana, now) -> None:
    with store.write() as session:
        codes = [publish_want(session, ana, now, title=f"Want {at}").code for at in range(5)]
    assert [item["code"] for item in walk(program(ana), "/intents", 2)] == codes[::-1]


def test_a_cursor_holds_a_public_code(program, store, ana, now) -> None:
    with store.write() as session:
        codes = [publish_want(session, ana, now, title=f"Want {at}").code for at in range(2)]
    cursor = program(ana).get("/intents?limit=1").get_json()["next_cursor"]
    assert base64.urlsafe_b64decode(cursor + "==").decode() == f"intents:{codes[1]}"


def test_the_board_and_the_inbox(program, store, ana, ben, carol, now) -> None:
    with store.write() as session:
        shops = [
            start_vendor(session, ben, now, name=f"Shop {at}", wish=("cars-trucks-vans", "gb")).slug for at in range(5)
        ]
        wants = [publish_want(session, ana, now, title=f"Want {at}").code for at in range(5)]
    with store.write() as session:
        route_all(session, now)
    board = walk(program(ana), f"/intents/{wants[0]}/leads", 2)
    assert [line["vendor"]["slug"] for line in board] == shops
    inbox = walk(program(ben), f"/vendors/{shops[0]}/leads", 2)
    assert [lead["intent"]["code"] for lead in inbox] == wants[::-1]
    other = program(ben).get(f"/vendors/{shops[1]}/leads?limit=1").get_json()["next_cursor"]
    assert program(ben).get(f"/vendors/{shops[0]}/leads?cursor={other}").status_code == 422


def test_subscriptions_and_vendors(scene, program, ben) -> None:
    dealer = program(ben)
    for region in ("gb", "fr", "de"):
        dealer.post(f"/vendors/{scene.slug}/subscriptions", {"category": "cars-trucks-vans", "region": region})
    ids = [item["id"] for item in walk(dealer, f"/vendors/{scene.slug}/subscriptions", 3)]
    assert ids[0] == scene.subscription
    assert len(set(ids)) == 4
    assert [item["slug"] for item in walk(dealer, "/vendors", 1)] == [scene.slug]


def test_categories_and_regions_are_found_as_one_types(program, ana) -> None:
    found = program(ana).get("/regions?q=leed").get_json()["items"]
    assert "gb-lds" in [node["id"] for node in found]
    assert found[0]["path"][-1] == found[0]["label"]
    first = program(ana).get("/categories?q=car&limit=3").get_json()
    second = program(ana).get(f"/categories?q=car&limit=3&cursor={first['next_cursor']}").get_json()
    ids = [node["id"] for node in first["items"] + second["items"]]
    assert len(set(ids)) == 6
    top = program(ana).get("/regions").get_json()["items"]
    assert all(len(node["path"]) == 1 for node in top)
