"""One key, one request, one effect, for a day and for one account."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

WANT = {"title": "Toyota Yaris", "category": "cars-trucks-vans", "region": "gb-lds"}
KEY = {"Idempotency-Key": "8b0c5f1e"}


def test_the_same_request_twice_makes_one_want_and_gets_one_answer(program, ana) -> None:
    first = program(ana).post("/intents", WANT, headers=KEY)
    again = program(ana).post("/intents", WANT, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(program(ana).get("/intents").get_json()["items"]) == 1


def test_another_body_or_address_with_the_same_key_is_409(scene, program, ana) -> None:
    program(ana).post("/intents", WANT, headers=KEY)
    assert program(ana).post("/intents", WANT | {"title": "A boat"}, headers=KEY).status_code == 409
    assert program(ana).post(f"/intents/{scene.intent}/pause", headers=KEY).status_code == 409


def test_a_key_belongs_to_one_account(program, ana, carol) -> None:
    mine = program(ana).post("/intents", WANT, headers=KEY).get_json()
    hers = program(carol).post("/intents", WANT, headers=KEY)
    assert hers.status_code == 201
    assert hers.get_json()["code"] != mine["code"]


def test_what_was_refused_may_be_corrected_under_the_same_key(program, ana) -> None:
    assert program(ana).post("/intents", WANT | {"title": ""}, headers=KEY).status_code == 422
    assert program(ana).post("/intents", WANT, headers=KEY).status_code == 201


def test_a_key_is_forgotten_after_a_day(program, ana, clock) -> None:
    customer = program(ana)
    first = customer.post("/intents", WANT, headers=KEY).get_json()
    clock.moment += timedelta(hours=23, minutes=59)
    assert customer.post("/intents", WANT, headers=KEY).get_json()["code"] == first["code"]
    clock.moment += timedelta(minutes=1)
    assert customer.post("/intents", WANT, headers=KEY).get_json()["code"] != first["code"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ü"])
def test_a_key_that_is_none_is_400(program, ana, key) -> None:
    assert program(ana).post("/intents", WANT, headers={"Idempotency-Key": key}).status_code == 400


def test_many_at_the_same_instant_make_one_want(program, ana) -> None:
    customer, ready = program(ana), Barrier(4)
    customer.get("/intents")  # Notes the use of the token, so that the four are alike.

    def publish(_: int) -> tuple[int, str | None]:
        ready.wait()
        answer = customer.post("/intents", WANT, headers=KEY)
        return answer.status_code, answer.get_json().get("code")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(publish, range(4)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert len(customer.get("/intents").get_json()["items"]) == 1


def test_a_failed_proof_gives_its_key_back(scene, program, ben) -> None:
    dealer = program(ben)
    made = dealer.post(f"/vendors/{scene.slug}/channels", {"kind": "email", "address": "b@leeds-toyota.example"})
    path = f"/vendors/{scene.slug}/channels/{made.get_json()['id']}"
    for _ in range(2):
        assert dealer.post(f"{path}/verify", {"code": "wrong"}, headers=KEY).status_code == 422
    assert dealer.post(f"{path}/test", headers=KEY).status_code == 200
    assert dealer.post(f"{path}/test", headers=KEY).headers["Idempotency-Replayed"] == "true"
    tests = [one for one in dealer.get(f"{path}/messages").get_json()["items"] if one["topic"] == "test"]
    assert len(tests) == 1
