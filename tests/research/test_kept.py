"""What the worker keeps for the live page: the same as working it out, a minute old at most, our file alone."""

import json
import os
import pickle
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from rooms import publish_want, start_vendor
from sqlalchemy import text
from sqlalchemy.orm import Session

from intents import publish
from intents.models import Intent
from vendors import respond
from vendors.models import Kind, Lead, Undelivered, Via
from vendors.respond import Answer
from vrm import route
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.research import charts, kept, published
from vrm.research.charts import Material

MINUTE = timedelta(minutes=1)


def everything(material: Material) -> str:
    """Every figure with its numbers and its drawing, and every measure."""
    figures = [(figure.as_csv(), figure.draw("f", 560)) for figure in material.figures()]
    measures = [material.measured(by).as_json() for by in (None, "vendor", "region", "category", "channel", "arm")]
    return json.dumps([figures, measures, material.weeks["calendar"].as_json(), material.names])


def happen(session: Session, rng: np.random.Generator, author: Account, now: datetime) -> None:
    """One of the things that move a measure."""
    leads = session.query(Lead).order_by(Lead.intent_id, Lead.vendor_id).all()
    what = int(rng.integers(0, 5)) if leads else 0
    if what == 0:
        region = ["gb-lds", "fr", "gb"][int(rng.integers(0, 3))]
        for _ in range(3):
            route.route(session, publish_want(session, author, now, category="cars-trucks-vans", region=region), now)
        return
    lead = leads[int(rng.integers(0, len(leads)))]
    if what == 1:
        for each in leads:
            if each.notified_at is None:
                each.undelivered, each.notified_at, each.delivered_at = None, now, now
    elif what == 2 and lead.delivered_at is not None and session.get_one(Intent, lead.intent_id).closed_at is None:
        respond.respond(session, lead, Answer(kind=Kind.QUESTION, body="Red?"), now, via=Via.LINK)
    elif what == 3:
        lead.delivered_at, lead.undelivered = None, Undelivered.BOUNCED
    elif (intent := session.get_one(Intent, lead.intent_id)).closed_at is None:
        publish.withdraw(session, intent, now)
    session.flush()


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_events_what_is_kept_is_what_working_it_out_gives(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    with store.write() as session:
        for number in range(4):
            start_vendor(session, ben, now, name=f"Shop {number}", wish=("anything", "world"))
    for _ in range(8):
        with store.write() as session:
            for _ in range(int(rng.integers(1, 5))):
                now += timedelta(minutes=int(rng.integers(1, 3_000)))
                happen(session, rng, session.merge(ana, load=False), now)
        assert published.keep(store, tmp_path, lambda moment=now: moment)
        with store.read() as session:
            shown = published.live(session, now, folder=tmp_path)
            alone = published.live(session, now)
        assert shown.leads.words["lead_id"].labels == ("",)  # It is the one that was kept.
        assert everything(shown) == everything(alone)


def test_it_is_true_within_a_minute_or_not_shown(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(at: datetime) -> int:
        with store.read() as session:
            return len(published.live(session, at, folder=tmp_path).leads)

    def looks(at: datetime) -> bool:
        return published.keep(store, tmp_path, lambda: at)

    def want(at: datetime) -> None:
        with store.write() as session:
            route.route(session, publish_want(session, session.merge(ana, load=False), at), at)

    with store.write() as session:
        start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
    monkeypatch.setattr(kept, "mark", lambda _session: "")  # Nothing tells whether something was written.
    want(now)
    assert looks(now)
    assert not looks(now + timedelta(seconds=19))  # Not so soon again.
    want(now)
    assert shown(now + timedelta(seconds=30)) == 1
    assert looks(now + timedelta(seconds=20))
    assert shown(now + timedelta(seconds=30)) == 2
    want(now)
    assert shown(now + timedelta(seconds=81)) == 3  # Nobody looked for a minute: it is worked out.
    assert shown(now - MINUTE) == 3  # A clock that was put back shows nothing of tomorrow.
    # Where the store says that nothing was written, that is written down, and the figures stand.
    monkeypatch.setattr(kept, "mark", lambda _session: "the same")
    assert looks(now + 2 * MINUTE)
    assert not looks(now + 3 * MINUTE)
    assert kept.checked_at(tmp_path) == now + 3 * MINUTE
    with store.read() as session:
        assert published.live(session, now + 4 * MINUTE, folder=tmp_path).leads.words["lead_id"].labels == ("",)
    assert looks(now + 14 * MINUTE)  # Time alone moves curves.
    assert (tmp_path / "live").stat().st_mode & 0o077 == 0


def test_every_commit_is_noticed(store: Store, ana: Account, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_SETTLED_S", -1.0)  # As if nothing had been written for a while.
    marks = []
    for _ in range(3):
        with store.write() as session:
            publish_want(session, session.merge(ana, load=False), now)
            if store.dialect == "postgresql":  # It counts some seconds later, unless it is asked to.
                session.execute(text("SELECT pg_stat_force_next_flush()"))
        with store.read() as session:
            marks.append(kept.mark(session))
    assert len(set(marks)) == 3


class Evil:
    def __reduce__(self) -> object:
        return os.mkdir, ("evil",)


def as_kept(*parts: bytes) -> bytes:
    """A file of the right shape."""
    head = f"{json.dumps([len(part) for part in parts])}\n".encode()
    return b"".join(part.ljust(-(-len(part) // 64) * 64, b"\0") for part in (head, *parts))


@pytest.mark.parametrize(
    "what",
    [as_kept(pickle.dumps(Evil())), as_kept(pickle.dumps(pickle.Unpickler)), pickle.dumps(Evil()), b"", b"nonsense\n",
     b"[5, -9]\n", b"{}\n", b'["a"]\n', as_kept(b"")],
)  # fmt: skip
def test_a_file_that_is_not_ours_makes_nothing_and_shows_nothing(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, what: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "live").write_bytes(what)
    kept.checked(tmp_path, now)
    assert kept.fresh(tmp_path, now) is None
    assert not (tmp_path / "evil").exists()


def test_every_figure_is_drawn_once_for_both_clocks_and_languages(tmp_path: Path, now: datetime, store: Store) -> None:
    with store.read() as session:
        kept.write(tmp_path, kept.Kept.of(published.live(session, now), now))
    found = kept.fresh(tmp_path, now)
    assert found is not None
    assert found.material(charts.plain, "en") is found.material(charts.plain, "en")
    assert found.material(charts.plain, "en") is not found.material(charts.plain, "de")
    one = found.material(charts.plain, "en").by("calendar")
    other = one.by("business")
    assert one.figure("curve") is not other.figure("curve")
    assert one.figure("week").definition != other.figure("week").definition
    assert one.measured() is other.measured()
