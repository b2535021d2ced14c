"""ETags, lost updates, and how often a token may ask."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from vrm.web.api import OPERATIONS, quota


def test_what_has_not_changed_is_not_sent_again(scene, program, ana, ben) -> None:
    hers, his = program(ana), program(ben)
    for who, path in (
        (hers, f"/intents/{scene.intent}"),
        (hers, f"/intents/{scene.intent}/leads"),
        (his, f"/vendors/{scene.slug}/leads"),
        (his, f"/vendors/{scene.slug}/changes"),
        (hers, "/categories?q=cars"),
    ):
        first = who.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = who.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), path
    told = hers.get(f"/intents/{scene.intent}").headers["ETag"]
    hers.ask("PATCH", f"/intents/{scene.intent}", {"title": "Toyota Yaris, blue"})
    assert hers.ask("GET", f"/intents/{scene.intent}", headers={"If-None-Match": told}).status_code == 200


def test_a_change_on_top_of_one_that_was_not_seen_is_refused(scene, program, ana) -> None:
    hers, path = program(ana), f"/intents/{scene.intent}"
    first = hers.get(path).headers["ETag"]
    changed = hers.ask("PATCH", path, {"title": "Blue"}, headers={"If-Match": first})
    assert changed.status_code == 200
    late = hers.ask("PATCH", path, {"title": "Red"}, headers={"If-Match": first})
    assert (late.status_code, late.mimetype) == (412, "application/problem+json")
    assert "changed since you read it" in late.get_json()["detail"]
    assert hers.get(path).headers["ETag"] == changed.headers["ETag"]
    for given in (f"W/{changed.headers['ETag']}", '"nonsense"'):
        assert hers.ask("PATCH", path, {"title": "Red"}, headers={"If-Match": given}).status_code == 412
    both = f'"other", {changed.headers["ETag"]}'
    assert hers.ask("PATCH", path, {"title": "Green"}, headers={"If-Match": both}).status_code == 200
    assert hers.ask("PATCH", path, {"title": "Any"}, headers={"If-Match": "*"}).status_code == 200


def test_of_many_changes_at_once_on_the_same_state_one_is_taken(scene, program, ana) -> None:
    hers, path = program(ana), f"/intents/{scene.intent}"
    first = hers.get(path).headers["ETag"]

    def change(number: int) -> int:
        answer = hers.ask("PATCH", path, {"title": f"Number {number}"}, headers={"If-Match": first})
        return answer.status_code

    with ThreadPoolExecutor(4) as threads:
        found = sorted(threads.map(change, range(4)))
    assert found == [200, 412, 412, 412]


def test_every_patch_has_a_get_to_match(app) -> None:
    reads = {operation.path for operation in OPERATIONS if operation.method == "GET"}
    assert {operation.path for operation in OPERATIONS if operation.method == "PATCH"} <= reads


def test_a_token_may_ask_so_often_in_a_minute(scene, program, ana, ben, clock, monkeypatch) -> None:
    monkeypatch.setattr(quota, "PER_MINUTE", 3)
    hers = program(ana)
    for left in (2, 1, 0):
        answer = hers.get("/intents")
        assert answer.headers["RateLimit-Policy"] == '"minute";q=3;w=60'
        assert answer.headers["RateLimit"] == f'"minute";r={left};t=60'
    refused = hers.post("/intents", {"title": "One too many"})
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["RateLimit"] == '"minute";r=0;t=60'
    assert program(ben).get("/vendors").status_code == 200  # Another token.
    clock.moment += timedelta(seconds=61)
    assert hers.get("/intents").status_code == 200
    assert "RateLimit" not in program(None).get("/intents").headers
