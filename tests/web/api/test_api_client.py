"""The typed client that anybody can make from the description: made, checked by mypy, and used over real HTTP."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import free_port, serving
from rooms import route_all

MAKER = Path(__file__).parents[3] / "docs" / "examples" / "make_client.py"
_USE = """
from vrm_client import Client, IntentOut


def publish(client: Client) -> IntentOut:
    return client.create_intent({"title": "Toyota Yaris", "category": "cars", "region": "gb-lds"}, key="once")


def wrong(client: Client) -> int:
    return client.read_intent("code")["title"]
"""


@pytest.fixture
def made(app, tmp_path) -> Path:
    described = app.test_client().get("/api/v1/openapi.json").data
    file = tmp_path / "vrm_client.py"
    file.write_bytes(subprocess.run([sys.executable, MAKER], input=described, capture_output=True, check=True).stdout)
    return file


def test_it_is_typed(made, tmp_path, store) -> None:
    if store.dialect != "sqlite":
        pytest.skip("The same file for both stores.")
    (tmp_path / "use.py").write_text(_USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}/cache", "use.py"]
    found = subprocess.run([*command, "vrm_client.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    (fault,) = [line for line in found.stdout.splitlines() if "error:" in line]
    assert "use.py:10" in fault  # The one that is wrong: a title is no number.
    assert '"str", expected "int"' in fault


def test_it_does_the_story(made, app, store, now, program, ana, ben) -> None:
    spec = importlib.util.spec_from_file_location("vrm_client", made)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with serving(app, free_port()) as base:
        customer, seller = (module.Client(base, program(who).token) for who in (ana, ben))
        shop = seller.create_vendor({"name": "Leeds Toyota"})["slug"]
        seller.create_subscription(shop, {"category": "cars-trucks-vans", "region": "gb-lds"})
        want = {"title": "Toyota Yaris", "category": "cars-trucks-vans", "region": "Leeds"}
        intent = customer.create_intent(want, key="once")
        assert customer.create_intent(want, key="once") == intent
        with store.write() as session:
            route_all(session, now)
        (change,) = seller.follow_leads(shop)["items"]
        seller.create_response(change["lead"]["code"], {"kind": "question", "body": "Which colour?"})
        (line,) = customer.list_board(intent["code"], standing="answered")["items"]
        assert line["vendor"]["name"] == "Leeds Toyota"
        with pytest.raises(module.Refused) as refused:
            customer.read_intent("nothing")
    assert (refused.value.status, refused.value.problem["title"]) == (404, "There is nothing here")
