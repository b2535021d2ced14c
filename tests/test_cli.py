"""The `vrm` command, as a person at a terminal uses it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rooms import publish_want, route_all, start_vendor
from sqlalchemy import text

from notifiers.inlet import Listener, Taker
from notifiers.post import Post
from vrm.cli import main
from vrm.cli.bench import SCRIPTS as BENCHMARKS
from vrm.config import MailInlet
from vrm.kernel.accounts import Account, Passwords, bearer, find
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer

Vrm = Callable[..., Result]


@pytest.fixture
def vrm(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vrm:
    """Runs `vrm …` on the test's store; `fails=1` expects that exit code."""
    monkeypatch.chdir(tmp_path)
    environ = {"VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "k" * 32, "VRM_REQUIRE": None}

    def run(*words: str, fails: int = 0, typed: str | None = None, **more: str | None) -> Result:
        result = CliRunner().invoke(main, words, env=environ | more, input=typed)
        assert result.exit_code == fails, result.output + str(result.exception)
        return result

    return run


def test_an_account_is_made_once(vrm: Vrm, store: Store) -> None:
    vrm("accounts", "create", "Olu@Example.org", "--operator", "--verified")
    assert "already" in vrm("accounts", "create", "olu@example.org", fails=1).stderr
    with store.read() as session:
        account = find(session, "olu@example.org")
        assert account is not None
        assert (account.is_operator, account.verified_at is not None, account.password_hash) == (True, True, None)


def test_a_password_comes_by_standard_input(vrm: Vrm, store: Store) -> None:
    vrm("accounts", "create", "olu@example.org", "--password-stdin", typed="a long enough sentence\n")
    assert "between 10 and 200" in vrm(
        "accounts", "create", "ana@example.org", "--password-stdin", typed="short\n", fails=1
    ).stderr  # fmt: skip
    with store.read() as session:
        assert Passwords().check(find(session, "olu@example.org"), "a long enough sentence")
        assert find(session, "ana@example.org") is None


def test_a_token_is_the_last_word_and_works(vrm: Vrm, store: Store, ana: Account) -> None:
    printed = vrm("accounts", "token", "ana@example.org", "--scope", "intents:read", "--expires", "30d").output
    with store.read() as session:
        token = bearer(session, printed.split()[-1], utc_now())
        assert token is not None
        assert (token.account.email, token.scopes) == ("ana@example.org", ["intents:read"])
        assert token.expires_at is not None


@pytest.mark.parametrize("expires", ["yesterday", "-1d", "", "30"])
def test_a_life_that_is_none_is_refused_with_an_example(vrm: Vrm, ana: Account, expires: str) -> None:
    assert "12h, 30d or never" in vrm("accounts", "token", "ana@example.org", "--expires", expires, fails=2).stderr


def test_a_token_for_nobody_names_the_fix(vrm: Vrm) -> None:
    assert "vrm accounts create nobody@example.org" in vrm("accounts", "token", "nobody@example.org", fails=1).stderr


def test_accounts_are_listed_for_people_and_programs(vrm: Vrm, ana: Account) -> None:
    assert "ana@example.org" in vrm("accounts", "list").output
    (listed,) = json.loads(vrm("accounts", "list", "--json").output)
    assert listed["email"] == "ana@example.org"


def test_explain_answers_why_and_why_not(vrm: Vrm, store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("plumber", "gb-lds"))
        intent = publish_want(session, ana, now)
        route_all(session, now)
    assert "No vendor listens to Cars" in vrm("explain", intent.code).output
    why = vrm("explain", intent.code, "--vendor", vendor.slug, "--json").output
    assert "Plumber in Leeds" in json.loads(why)["sentences"][0]
    assert "no such want" in vrm("explain", "nothing", fails=1).stderr
    assert "no such vendor" in vrm("explain", intent.code, "--vendor", "nobody", fails=1).stderr


@pytest.mark.slow
def test_steps_by_hand(vrm: Vrm, store: Store, store_url: str, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        start_vendor(session, ben, now, wish=("anything", "world"))
        publish_want(session, ana, utc_now())

    def step(name: str) -> str:
        # In a process of its own: these commands install the second guard, which cannot be taken off again.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VRM_")}
        command = [sys.executable, "-m", "vrm.cli", name, "--once"]
        environ = clean | {"VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "k" * 32}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout

    assert int(step("route").split()[0]) >= 1
    assert step("deliver") == "0 done.\n"
    assert step("harvest") == "0 done.\n"
    assert "--once" in vrm("route", fails=2).stderr


def test_measure_reads_the_store_or_a_table(vrm: Vrm, tmp_path: Path) -> None:
    assert "median" in vrm("measure").output
    found = json.loads(vrm("measure", "--json").output)
    assert found["groups"][0]["n"] == 0
    table = tmp_path / "leads.csv"
    table.write_text("snapshot_id,lead_id\n1,2\n")
    assert "missing" in vrm("measure", "--leads", str(table), "--json", fails=1).stderr.lower()


def test_the_database_is_checked(vrm: Vrm) -> None:
    assert "whole and at this version" in vrm("db", "check").output


def test_a_backup_brings_everything_back(vrm: Vrm, store: Store, ana: Account, tmp_path: Path) -> None:
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL's own programs are tried by hand: their version must be the server's.")
    copy = tmp_path / "copy.db"
    vrm("db", "backup", str(copy))
    assert "exists already" in vrm("db", "backup", str(copy), fails=1).stderr
    assert "move it away first" in vrm("db", "restore", str(copy), fails=1).stderr
    elsewhere = f"sqlite:///{tmp_path}/new/vrm.db"
    vrm("db", "restore", str(copy), VRM_DATABASE_URL=elsewhere)
    assert "ana@example.org" in vrm("accounts", "list", VRM_DATABASE_URL=elsewhere).output


def test_a_damaged_backup_is_refused(vrm: Vrm, store: Store, tmp_path: Path) -> None:
    """One that is no store at all, one that broke off, and real ones in which some bytes have become others."""
    if store.dialect != "sqlite":
        pytest.skip("About files only.")
    whole = tmp_path / "whole.db"
    vrm("db", "backup", str(whole))
    good = whole.read_bytes()
    elsewhere = f"sqlite:///{tmp_path}/new/vrm.db"
    inside = [good[:at] + b"\xff" * 4_096 + good[at + 4_096 :] for at in range(4_096, len(good), len(good) // 5)]
    for number, bad in enumerate([b"this is no database at all" * 100, b"", good[: len(good) // 2], *inside]):
        broken = tmp_path / f"broken{number}.db"
        broken.write_bytes(bad)
        said = vrm("db", "restore", str(broken), fails=1, VRM_DATABASE_URL=elsewhere).stderr
        assert "damaged" in said, (number, said)
        assert not (tmp_path / "new/vrm.db").exists()
    vrm("db", "restore", str(whole), VRM_DATABASE_URL=elsewhere)


def test_doctor_finds_what_is_wrong_and_names_the_fix(vrm: Vrm) -> None:
    assert all(each["ok"] for each in json.loads(vrm("doctor", "--json").output))
    sick = vrm(
        "doctor", "--json", fails=1, VRM_BASE_URL="http://wants.example.org", VRM_MAIL_URL="smtp://127.0.0.1:1",
        VRM_ALLOW_PRIVATE_TARGETS="10.0.0.0/8",
    )  # fmt: skip
    findings = {each["what"]: each for each in json.loads(sick.output)}
    assert {what for what, each in findings.items() if not each["ok"]} == {"address", "mail", "outbound", "secret key"}
    assert "https" in findings["address"]["says"]
    assert "VRM_MAIL_URL" in findings["mail"]["says"]


def test_doctor_tries_the_ways_in_for_mail_and_the_key_that_signs_it(vrm: Vrm, tmp_path: Path, store: Store) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("-----BEGIN RSA PRIVATE KEY-----\nnot a key\n-----END RSA PRIVATE KEY-----\n")
    sick = vrm(
        "doctor", "--json", fails=1, VRM_MAIL_FROM="vrm@wants.example", VRM_DKIM=f"2026a:{bad}",
        VRM_INLET="lmtp://127.0.0.1:1", VRM_IMAP_URL="imap://vrm:secret@127.0.0.1:1/INBOX",
    )  # fmt: skip
    findings = {each["what"]: each for each in json.loads(sick.output)}
    assert {what for what, each in findings.items() if not each["ok"]} == {"inlet", "mailbox", "dkim"}
    assert "vrm worker" in findings["inlet"]["says"]
    assert "VRM_IMAP_URL" in findings["mailbox"]["says"]
    good = tmp_path / "good.pem"
    subprocess.run(["openssl", "genrsa", "-out", good, "2048"], check=True, capture_output=True)
    post = Post("https://wants.example", Signer("k" * 40), Outbound(), None, "vrm@wants.example", tmp_path)
    listener = Listener(Taker(store, post, utc_now), MailInlet("127.0.0.1", 0, lmtp=True))
    listener.start()
    well = vrm("doctor", "--json", VRM_DKIM=f"2026a:{good}", VRM_INLET=f"lmtp://127.0.0.1:{listener.port}")
    listener.stop()
    findings = {each["what"]: each for each in json.loads(well.output)}
    assert "takes mail" in findings["inlet"]["says"]
    assert "2026a._domainkey" in findings["dkim"]["says"]


def test_a_store_that_is_too_old_names_the_command(vrm: Vrm, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    assert "vrm db upgrade" in vrm("accounts", "list", fails=2, VRM_DATABASE_URL=fresh).stderr
    assert re.search(r"\d{5} nodes added", vrm("db", "upgrade", VRM_DATABASE_URL=fresh).output)
    assert "No accounts yet" in vrm("accounts", "list", VRM_DATABASE_URL=fresh).output


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("VRM_DATABSE_URL", "sqlite:///x", "Unknown setting VRM_DATABSE_URL"),
        ("VRM_DATABASE_URL", "mysql://x", "must begin with sqlite:/// or postgresql://"),
        ("VRM_SECRET_KEY", "short", "too short"),
        ("VRM_ALLOW_PRIVATE_TARGETS", "everything", "CIDRs"),
    ],
)
def test_a_wrong_setting_stops_with_a_sentence(vrm: Vrm, name: str, value: str, says: str) -> None:
    assert says in vrm("accounts", "list", fails=2, **{name: value}).stderr


def test_a_store_of_a_later_version_is_worked_on_with_a_warning(vrm: Vrm, tmp_path: Path, store: Store) -> None:
    """In the middle of a rolling deploy, old processes may start on tables that a newer one has changed."""
    if store.dialect != "sqlite":
        pytest.skip("The same words in both stores.")
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "No accounts yet" in vrm("accounts", "list").output
    assert "later version (9999)" in vrm("db", "check", fails=1).output


def test_copying_goes_from_a_file_to_postgresql_only(vrm: Vrm, store: Store) -> None:
    if store.dialect == "sqlite":
        assert "must be a PostgreSQL database" in vrm("db", "copy", "sqlite:///other.db", fails=1).stderr
    else:
        assert "names PostgreSQL already" in vrm("db", "copy", "postgresql://x/y", fails=1).stderr


def test_every_benchmark_that_can_be_named_is_there() -> None:
    folder = Path(__file__).parents[1] / "benchmarks"
    named = {script for scripts in BENCHMARKS.values() for script in scripts}
    assert [name for name in sorted(named) if not (folder / f"{name}.py").is_file()] == []


def test_subscriptions_come_from_a_file(vrm: Vrm, store: Store, ben: Account, now: datetime, tmp_path: Path) -> None:
    with store.write() as session:
        start_vendor(session, ben, now)
    file = tmp_path / "orders.csv"
    file.write_text("vendor,category,region\nleeds-toyota,Bicycles,Leeds\nleeds-toyota,Bicycles,Springfield\nno,x,y\n")
    words = ("vendors", "import", str(file), "--errors", "errors.csv")
    tried = vrm(*words, "--dry-run", fails=1).stdout
    assert "row 2: made" in tried
    assert "row 3: refused. " in tried
    assert "no vendor called “no”" in tried
    assert "1 made, 0 changed, 0 kept, 2 refused. Nothing was written" in tried
    assert "1 made" in vrm(*words, fails=1).stdout
    assert "0 made, 0 changed, 1 kept, 2 refused." in vrm(*words, fails=1).stdout
    assert (tmp_path / "errors.csv").read_text(encoding="utf-8-sig").startswith("row,problem,vendor,category")
    assert vrm("vendors", "import", "--example").stdout.startswith("category,region,name")
