"""Unsafe settings: `vrm doctor` names each with its fix, and the worst of them stop the start."""

import secrets
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from click.testing import CliRunner
from rooms import person

from vrm import dangers
from vrm.cli import main
from vrm.config import Settings, read_settings
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadSetting
from vrm.kernel.factors import add_passkey

GOOD = "3f1c9a5e7b2d8460" + "9e8d7c6b5a4f3021"
HTTPS = {"VRM_BASE_URL": "https://wants.example.org", "VRM_TRUSTED_PROXIES": "1", "VRM_SECRET_KEY": GOOD}


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return read_settings({"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/vrm.db", **HTTPS})


def found(settings: Settings, host: str = "127.0.0.1") -> set[str]:
    return {danger.what for danger in dangers.dangers(settings, host)}


def test_a_careful_operator_hears_nothing(public: Settings) -> None:
    assert found(public) == set()
    dangers.refuse(public, "0.0.0.0")


@pytest.mark.parametrize(
    ("change", "what", "fix"),
    [
        ({"secret_key": "k" * 40}, "secret key", "openssl rand -hex 32"),
        ({"secret_key": "changeme" + GOOD}, "secret key", "openssl"),
        ({"secret_key": "a-Secret-that-nobody-knows-1234567890"}, "secret key", "openssl"),
        ({"secret_key": "abc123xyz789" * 4}, "secret key", "openssl"),
        ({"base_url": "http://wants.example.org"}, "address", "https"),
        ({"base_url": "http://192.0.2.7:8000"}, "address", "https"),
        ({"trusted_proxies": 0}, "proxies", "VRM_TRUSTED_PROXIES=1"),
        ({"allow_private": (ip_network("10.0.0.0/8"),)}, "outbound", "VRM_ALLOW_PRIVATE_TARGETS"),
        ({"log": "debug,json"}, "log", "info"),
        ({"database_url": "postgresql://vrm:x@db.example.org/vrm"}, "database", "sslmode=verify-full"),
    ],
)
def test_each_danger_has_its_fix(public: Settings, change: dict[str, object], what: str, fix: str) -> None:
    told = [danger for danger in dangers.dangers(replace(public, **change)) if danger.what == what]
    assert [danger.what for danger in told] == [what]
    assert fix in told[0].fix


@pytest.mark.parametrize("url", ["postgresql:///vrm", "postgresql://vrm@127.0.0.1/vrm",
                                 "postgresql://vrm@db.example.org/vrm?sslmode=verify-full"])  # fmt: skip
def test_a_way_that_nobody_listens_on_is_safe(public: Settings, url: str) -> None:
    assert found(replace(public, database_url=url)) == set()


def test_on_this_machine_only_anything_goes(public: Settings) -> None:
    for here in ("http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "http://vrm.localhost"):
        alone = replace(public, base_url=here, secret_key="k" * 40, log="debug")
        assert found(alone) == set()
        dangers.refuse(alone)
        with pytest.raises(BadSetting, match="others can reach"):
            dangers.refuse(alone, "0.0.0.0")  # It says localhost, and listens to everybody.


def test_keys_that_chance_made_are_never_refused() -> None:
    assert not any(dangers.is_weak(secrets.token_hex(16)) for _ in range(2_000))
    assert not any(dangers.is_weak(secrets.token_urlsafe(32)) for _ in range(2_000))


@pytest.mark.parametrize("command", [["web"], ["worker"], ["serve"]])
def test_nothing_starts_with_a_guessable_key_on_a_public_address(command: list[str], tmp_path: Path) -> None:
    environ = {"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/vrm.db", "VRM_REQUIRE": None} | HTTPS
    result = CliRunner().invoke(main, command, env=environ | {"VRM_SECRET_KEY": "changeme" * 5})
    assert result.exit_code == 2
    assert "VRM_SECRET_KEY can be guessed" in result.output
    assert not (tmp_path / "vrm.db").exists()


def test_a_folder_that_the_broker_makes_is_shut_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    fresh = read_settings({"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/instance/vrm.db"})
    with Store.open(fresh.database_url) as store, store.engine.connect():
        assert Path(f"{tmp_path}/instance/vrm.db").exists()
    assert found(fresh) == set()


def test_files_that_others_can_read(public: Settings, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secret_key").write_text(GOOD)
    (tmp_path / "secret_key").chmod(0o640)
    assert found(public) == {"files"}
    tmp_path.chmod(0o700)  # Nobody else comes as far.
    assert found(public) == set()
    tmp_path.chmod(0o755)
    (tmp_path / "secret_key").chmod(0o600)
    assert found(public) == set()


def test_operators_without_a_second_proof(store: Store, public: Settings, now: datetime) -> None:
    olu: Account = person(store, "olu@example.org", operator=True)
    person(store, "ana@example.org")
    (danger,) = dangers.dangers_in(store, public)
    assert "olu@example.org" in danger.fix
    with store.write() as session:
        add_passkey(
            session, session.merge(olu, load=False), now, name="Key", credential_id=b"x", public_key=b"y", count=0
        )
    assert list(dangers.dangers_in(store, public)) == []
