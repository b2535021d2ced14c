"""kill −9 between any two steps, and between a send and its record: nothing is lost, and a repeat has the same id."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from dying import work_and_die
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import select

from notifiers.models import Attempt, Channel, ChannelKind, Notification, Result
from vendors.models import Lead, Vendor
from vrm.demo import works_in
from vrm.demo.town import Mail, Town
from vrm.kernel.accounts import Account
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store, new_code
from vrm.worker.steps import Works, settle

STEPS = 8  # As many as `lanes` has; a worker that dies later has done everything once.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class DeadlyMail(Mail):
    """A mail server that kills the sender when it has the message and before it says so."""

    victim: ForkServerProcess | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if self.victim is not None and self.victim.pid is not None:
            os.kill(self.victim.pid, signal.SIGKILL)
        return answer


@pytest.fixture
def mail() -> DeadlyMail:
    return DeadlyMail()


@pytest.fixture
def town(mail: DeadlyMail) -> Iterator[Town]:
    town = Town(mail=mail)
    town.hook.secret = SECRET
    yield town
    town.close()
    town.dying_hook.close()


@pytest.fixture
def works(store: Store, town: Town, tmp_path: Path) -> Iterator[Works]:
    works = works_in(store, town, tmp_path)
    yield works
    works.reader.close()


@pytest.fixture
def told(store: Store, ana: Account, ben: Account, town: Town) -> Vendor:
    """A vendor with mail and a webhook, and a want for it."""
    now = utc_now()
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb"))
        add_mail_channel(session, vendor, now, "sales@shop.example")
        session.add(
            Channel(
                code=new_code(), vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, created_at=now, verified_at=now,
                target={"url": f"{town.hook.url}/hook", "secret": SECRET},
            )
        )  # fmt: skip
        publish_want(session, ana, now)
    return vendor


# A server that has imported everything forks each victim: as real as any process, and there at once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["vrm.wiring"])


def start_dying(store_url: str, town: Town, steps: int) -> ForkServerProcess:
    environ = {
        "VRM_DATABASE_URL": store_url,
        "VRM_SECRET_KEY": "the demo's key is no secret, its store is thrown away",
        "VRM_MAIL_URL": f"smtp://127.0.0.1:{town.mail.port}",
        "VRM_MAIL_FROM": "vrm@broker.example",
        "VRM_ALLOW_PRIVATE_TARGETS": "127.0.0.0/8",
    }
    process = FORKS.Process(target=work_and_die, args=(environ, steps))
    process.start()
    return process


def death_of(process: ForkServerProcess) -> int | None:
    process.join(timeout=60)
    return process.exitcode


def later(works: Works) -> Works:
    """The same works when every claim of the dead has run out."""
    return replace(works, clock=lambda: utc_now() + timedelta(minutes=3))


@pytest.mark.parametrize("steps", range(STEPS + 1))
def test_a_worker_killed_between_two_steps_loses_and_repeats_nothing(
    store: Store, store_url: str, town: Town, works: Works, told: Vendor, steps: int
) -> None:
    dying = start_dying(store_url, town, steps)
    assert death_of(dying) == -signal.SIGKILL
    settle(later(works))
    with store.read() as session:
        assert len(session.scalars(select(Lead)).all()) == 1
        assert {each.result for each in session.scalars(select(Notification))} == {Result.DELIVERED}
    assert [address for address, _ in town.mail.taken] == ["sales@shop.example"]
    assert [event.type for event in town.hook.received] == ["lead.created"]


def test_a_worker_killed_between_send_and_record_sends_again_with_the_same_id(
    store: Store, store_url: str, town: Town, mail: DeadlyMail, works: Works, told: Vendor
) -> None:
    dying = start_dying(store_url, town, 1000)
    mail.victim = dying
    assert death_of(dying) == -signal.SIGKILL
    mail.victim = None
    assert len(town.mail.taken) == 1
    settle(works)
    assert len(town.mail.taken) == 1, "the claim of the dead one still holds"
    settle(later(works))
    ids = Counter(message["Message-ID"] for _, message in town.mail.taken)
    assert list(ids.values()) == [2]
    # The webhook was in flight beside it: once or twice, and if twice with one id.
    assert len({event.id for event in town.hook.received}) == 1
    assert len(town.hook.received) <= 2
    with store.read() as session:
        assert {each.result for each in session.scalars(select(Notification))} == {Result.DELIVERED}
        assert {each.verdict.value for each in session.scalars(select(Attempt))} == {"delivered"}
