"""Secrets at rest: unreadable in the store, plain to whoever has the key, and alive when the key changes."""

from datetime import datetime
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner
from rooms import add_mail_channel, start_vendor
from sqlalchemy import select, text

from intents import blogs
from intents.models import HubLease
from notifiers.models import Channel, ChannelKind, Notification, Topic
from vrm.cli import main
from vrm.kernel import factors, sealed
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code
from vrm.kernel.errors import LinkSpent
from vrm.kernel.sealing import SealBroken, Sealer
from vrm.kernel.signing import Signer
from vrm.models import Base
from vrm.sealing_anew import seal_anew

OLD, NEW = "o" * 40, "n" * 40
HOOK = {"url": "https://hooks.example.org/in/hush-hush", "secret": "whsec_" + "A" * 44}
CHAT = {"team": "T0ABC", "hook": "B0ABC", "token": "xoxhush"}
SEED = pyotp.random_base32()


def fill(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    """One of every secret."""
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        add_mail_channel(session, vendor, now, "sales@example.org")
        for kind, target in ((ChannelKind.WEBHOOK, HOOK), (ChannelKind.SLACK, CHAT)):
            session.add(Channel(code=new_code(), vendor_id=vendor.id, kind=kind, target=target, created_at=now))
        account = session.merge(ana, load=False)
        blog = blogs.register(session, account, "https://ana.example.org/", now)
        session.flush()
        lease = {"code": new_code(), "hub": "https://hub.example.org/", "topic": blog.url, "secret": "hubhush" * 4}
        session.add(HubLease(blog_id=blog.id, ask_at=now, **lease))
        letter = {"topic": Topic.SIGN_IN, "account_id": ana.id, "params": {"secret": "lettershush"}}
        session.add(Notification(code=new_code(), owed_at=now, due_at=now, **letter))
        factors.confirm_totp(session, account, SEED, pyotp.TOTP(SEED).at(now), now, sealer=Sealer(OLD))


def raw(store: Store) -> str:
    """Whatever the store keeps, in every column of every table, as whoever took the disk would read it."""
    tables = [table.name for table in Base.metadata.sorted_tables if table.name not in ("categories", "regions")]
    with store.read() as session:
        return repr([session.execute(text(f'SELECT * FROM "{table}"')).all() for table in tables])


def check_all_is_read(store: Store) -> None:
    with store.read() as session:
        targets = {channel.kind: channel.target for channel in session.scalars(select(Channel))}
        assert targets[ChannelKind.WEBHOOK] == HOOK
        assert targets[ChannelKind.SLACK] == CHAT
        assert targets[ChannelKind.EMAIL] == {"address": "sales@example.org"}
        assert session.scalars(select(HubLease.secret)).one() == "hubhush" * 4
        assert session.scalars(select(Notification.params)).one() == {"secret": "lettershush"}


def hushed(store: Store) -> bool:
    return not any(secret in raw(store) for secret in ("hush", "whsec_", SEED))


def test_nothing_secret_stands_in_the_store(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    sealed.use(store.engine, Sealer(OLD))
    fill(store, ana, ben, now)
    assert hushed(store)
    assert "sales@example.org" in raw(store)  # No secret, and read by whoever looks after the store.
    check_all_is_read(store)
    assert sum(seal_anew(store).values()) == 0


def test_whoever_has_another_key_or_none_reads_nothing(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    sealed.use(store.engine, Sealer(OLD))
    fill(store, ana, ben, now)
    sealed.use(store.engine, Sealer(NEW))
    with store.read() as session, pytest.raises(SealBroken, match="VRM_OLD_SECRET_KEYS"):
        session.scalars(select(Channel)).all()
    with (
        Store.open(store.engine.url.render_as_string(hide_password=False)) as keyless,
        keyless.read() as session,
        pytest.raises(SealBroken, match="without its secret key"),
    ):
        session.scalars(select(Channel)).all()


def test_a_change_of_the_key_loses_nothing(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    sealed.use(store.engine, Sealer(OLD))
    fill(store, ana, ben, now)
    sealed.use(store.engine, Sealer(NEW, [OLD]))
    check_all_is_read(store)
    done = {name: count for name, count in seal_anew(store).items() if count}
    assert done == {"channels.target": 2, "hub_leases.secret": 1, "notifications.params": 1, "totps.sealed": 1}
    sealed.use(store.engine, Sealer(NEW))
    check_all_is_read(store)
    with store.read() as session:
        totp = session.scalars(select(factors.Totp)).one()
    assert Sealer(NEW).open("totp", totp.sealed) == SEED


def test_what_was_kept_open_before_is_sealed(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    fill(store, ana, ben, now)  # As every version before this one did.
    assert not hushed(store)
    sealed.use(store.engine, Sealer(OLD))
    check_all_is_read(store)
    assert sum(seal_anew(store).values()) == 4  # A seed was never kept open.
    assert hushed(store)
    check_all_is_read(store)


def test_more_rows_than_are_locked_together(
    store: Store, ana: Account, ben: Account, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vrm.sealing_anew._AT_ONCE", 2)
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        for number in range(5):
            target = HOOK | {"url": f"https://hooks.example.org/{number}"}
            session.add(
                Channel(code=new_code(), vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=target, created_at=now)
            )
    sealed.use(store.engine, Sealer(OLD))
    assert seal_anew(store)["channels.target"] == 5
    with store.read() as session:
        assert len({channel.target["url"] for channel in session.scalars(select(Channel))}) == 5


def test_what_was_opened_may_be_changed_without_harm(store: Store, ben: Account, now: datetime) -> None:
    """The text is remembered, not the object that was made of it."""
    sealer = Sealer(OLD)
    sealed.use(store.engine, sealer)
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        session.add(Channel(code="hook", vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=HOOK, created_at=now))
    for _ in range(2):
        with store.read() as session:
            found = session.scalars(select(Channel)).one()
            assert found.target == HOOK
            found.target["url"] = "https://elsewhere.example.org/"
    assert sealer.open.cache_info().hits == 1


def test_links_that_an_old_key_signed_are_good() -> None:
    before, after, other = Signer(OLD), Signer(NEW, [OLD]), Signer(NEW)
    link = before.sign("answer", "abc", "def")
    assert after.read("answer", link) == ("abc", "def")
    assert after.read("answer", after.sign("answer", "x")) == ("x",)
    with pytest.raises(LinkSpent):
        other.read("answer", link)
    assert after.sign("answer", "abc") == other.sign("answer", "abc")
    assert after.is_short("return", "abc", before.short("return", "abc"))
    assert not other.is_short("return", "abc", before.short("return", "abc"))
    assert not after.is_short("return", "abc", "ü")
    masked = Sealer(OLD).mask("cursor", "abc")
    assert Sealer(NEW, [OLD]).unmask("cursor", masked) == "abc"
    with pytest.raises(SealBroken):
        Sealer(NEW).unmask("cursor", masked)


def test_the_commands_change_the_key(
    store: Store, store_url: str, ben: Account, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def vrm(*words: str, **environ: str) -> str:
        result = CliRunner().invoke(main, words, env={"VRM_DATABASE_URL": store_url, "VRM_REQUIRE": None} | environ)
        return result.output

    embedded = store.dialect == "sqlite"
    first = {} if embedded else {"VRM_SECRET_KEY": OLD}
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        session.add(Channel(code="hook", vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=HOOK, created_at=now))
    assert "1  channels.target" in vrm("keys", "rotate", **first)  # It was kept open.
    if embedded:
        before = (tmp_path / "secret_key").read_text()
        assert "vrm keys rotate" in vrm("keys", "new")
        assert (tmp_path / "old_secret_keys").read_text().split() == [before]
        assert (tmp_path / "old_secret_keys").stat().st_mode & 0o077 == 0
        second: dict[str, str] = {}
        present = (tmp_path / "secret_key").read_text()
        assert before != present
    else:
        assert "openssl rand" in vrm("keys", "new", **first)
        second, present = {"VRM_SECRET_KEY": NEW, "VRM_OLD_SECRET_KEYS": OLD}, NEW
    assert "Sealed 1 with" in vrm("keys", "rotate", **second)
    assert "Sealed 0 with" in vrm("keys", "rotate", **second)
    sealed.use(store.engine, Sealer(present))
    with store.read() as session:
        assert session.scalars(select(Channel.target)).one() == HOOK


def test_an_unknown_key_is_said_in_a_sentence(
    store: Store, store_url: str, ben: Account, now: datetime, tmp_path: Path
) -> None:
    sealed.use(store.engine, Sealer(OLD))
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        session.add(Channel(code="hook", vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=HOOK, created_at=now))
    environ = {"VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": NEW, "VRM_REQUIRE": None}
    result = CliRunner().invoke(main, ["keys", "rotate"], env=environ)
    assert result.exit_code == 1
    assert "VRM_OLD_SECRET_KEYS" in result.output
