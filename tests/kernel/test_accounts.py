"""Accounts: one per mailbox, links that work once, tokens that end, and refusals that all cost the same."""

from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from together import at_once, meeting

from vrm.kernel import accounts
from vrm.kernel.accounts import Account, ApiToken, Audit, Link, LinkPurpose, Passwords, Scope
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LinkSpent, NotFound

GOOD = "correct horse battery"


class CountingHasher(PasswordHasher):
    """Counts how often a hash was verified: the work by which time could tell."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self.verified += 1
        return super().verify(hash, password)  # type: ignore[no-any-return]


def with_password(now: datetime, password_hash: str | None) -> Account:
    return Account(email="x@example.org", created_at=now, password_hash=password_hash)


# --- Passwords ------------------------------------------------------------------------------------


def test_a_password_is_known_again_and_another_is_not(passwords: Passwords, now: datetime) -> None:
    account = with_password(now, passwords.hash(GOOD))
    assert passwords.check(account, GOOD)
    assert not passwords.check(account, GOOD + "!")
    assert not passwords.check(account, "")


def test_the_stored_hash_is_argon2id_and_salted(passwords: Passwords) -> None:
    one, two = passwords.hash(GOOD), passwords.hash(GOOD)
    assert one.startswith("$argon2id$")
    assert one != two


@pytest.mark.parametrize("password", ["", "x" * 9, "x" * 201, "x" * 100_000, "surrogate \ud800 inside"])
def test_a_password_that_cannot_be_kept_is_refused_in_words(passwords: Passwords, password: str) -> None:
    with pytest.raises(BadInput, match="between 10 and 200 characters") as refused:
        passwords.hash(password, field="new_password")
    assert list(refused.value.problems) == ["new_password"]


@pytest.mark.parametrize(
    "password", ["qz#mV 81kp", "x" * 200, "пароль пароль", "🐎 🔋 ножницы 📎 ямщик", "nul \x00 is a letter"]
)
def test_any_other_password_will_do(passwords: Passwords, now: datetime, password: str) -> None:
    assert passwords.check(with_password(now, passwords.hash(password)), password)


@pytest.mark.parametrize("password", ["password123", "Passw0rd!!", "qwertyuiop", "x" * 10, "toyota2008", "castro2008"])
def test_what_a_stranger_would_try_first_is_refused_in_words(passwords: Passwords, password: str) -> None:
    with pytest.raises(BadInput, match="would try"):
        passwords.hash(password, about=("Ana Castro", "ana@example.org"))


def test_a_longer_password_that_begins_like_the_right_one_is_wrong(passwords: Passwords, now: datetime) -> None:
    account = with_password(now, passwords.hash("x" * 200))
    assert not passwords.check(account, "x" * 201)
    assert not passwords.check(account, "x" * 100_000)


def test_one_password_typed_on_two_keyboards_is_one_password(passwords: Passwords, now: datetime) -> None:
    account = with_password(now, passwords.hash("cafe\u0301 au lait"))
    assert passwords.check(account, "café au lait")


@pytest.mark.parametrize("typed", [GOOD, "", "\ud800", "x" * 201, "x" * 100_000])
@pytest.mark.parametrize("known", ["nobody", "no password", "not a hash", "a password"])
def test_a_refusal_costs_one_verification_whoever_is_asked_for(now: datetime, known: str, typed: str) -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    account = {
        "nobody": None,
        "no password": with_password(now, None),
        "not a hash": with_password(now, "plain"),
        "a password": with_password(now, passwords.hash("something quite else")),
    }[known]
    assert not passwords.check(account, typed)
    assert hasher.verified == 1


# --- Accounts -------------------------------------------------------------------------------------


def test_one_mailbox_is_one_account_in_any_spelling(store: Store, now: datetime) -> None:
    with store.write() as session:
        one = accounts.ensure(session, "Ana@Example.org", now, name="Ana Castro")
        two = accounts.ensure(session, " ana@EXAMPLE.ORG ", now, name="Somebody else")
        assert one is two
        assert (one.email, one.name, one.verified_at) == ("ana@example.org", "Ana Castro", None)
        assert accounts.find(session, "ANA@example.org") is one
        assert accounts.find(session, "bob@example.org") is None


def test_two_first_requests_at_once_make_one_account(store: Store, now: datetime) -> None:
    met = meeting(store)

    def ensure() -> int:
        with store.write() as session:
            accounts.find(session, "ana@example.org")
            met()
            return accounts.ensure(session, "ana@example.org", now).id

    one, two = at_once(ensure, ensure)
    assert one == two
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_an_account_that_was_closed_is_not_found_and_not_made_again_behind_its_back(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        session.merge(ana, load=False).closed_at = now
    with store.write() as session:
        assert accounts.find(session, ana.email) is None
        with pytest.raises(BadInput, match="was closed; please use another address"):
            accounts.ensure(session, ana.email, now)


def test_what_is_not_an_address_makes_no_account(store: Store, now: datetime) -> None:
    for email in ("", "ana", "\x00@example.org", "\ud800@example.org", "x" * 8_000):
        with store.write() as session, pytest.raises(BadInput, match="not a mail address"):
            accounts.ensure(session, email, now)


@pytest.mark.parametrize("name", ["", "Ana", "Ana María 👩", "שרה", "x" * 64])
def test_a_name_is_what_a_person_says_it_is(name: str) -> None:
    assert accounts.clean_name(name) == name


@pytest.mark.parametrize("name", ["x" * 65, "a\x00", "\ud800", "\u202eanA"])
def test_a_name_that_cannot_be_shown_is_refused_in_words(name: str) -> None:
    with pytest.raises(BadInput, match="The name"):
        accounts.clean_name(name)


def test_an_audit_row_says_who_did_what(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        accounts.audit(session, "intent.removed", "bcdf", now, by=ana, reason="spam")
        accounts.audit(session, "backup.made", "file", now, by=None)
    with store.read() as session:
        rows = session.scalars(select(Audit).order_by(Audit.id)).all()
        assert [(row.action, row.account_id, row.facts) for row in rows] == [
            ("intent.removed", ana.id, {"reason": "spam"}),
            ("backup.made", None, {}),
        ]


# --- Links ----------------------------------------------------------------------------------------


def link_to(store: Store, account: Account, now: datetime, purpose: LinkPurpose = LinkPurpose.SIGN_IN) -> str:
    with store.write() as session:
        return accounts.make_link(session, account, purpose, now)


def spend(store: Store, secret: str, now: datetime) -> int:
    with store.write() as session:
        return accounts.spend_link(session, secret, now).id


def test_a_link_is_spent_once_and_looking_does_not_spend_it(store: Store, ana: Account, now: datetime) -> None:
    secret = link_to(store, ana, now)
    with store.read() as session:
        for _ in range(3):
            assert accounts.look_at_link(session, secret, now).account_id == ana.id
    assert spend(store, secret, now) == ana.id
    with pytest.raises(LinkSpent, match="Ask for a new one"):
        spend(store, secret, now)
    with store.read() as session, pytest.raises(LinkSpent):
        accounts.look_at_link(session, secret, now)


def test_only_a_digest_of_the_secret_is_kept(store: Store, ana: Account, now: datetime) -> None:
    secret = link_to(store, ana, now)
    with store.read() as session:
        link = session.scalars(select(Link)).one()
        assert secret not in link.secret_hash
        assert len(secret) >= 43


def test_a_link_lasts_for_thirty_minutes_and_not_a_moment_longer(store: Store, ana: Account, now: datetime) -> None:
    one, two = link_to(store, ana, now), link_to(store, ana, now)
    with pytest.raises(LinkSpent):
        spend(store, one, now + timedelta(minutes=30))
    assert spend(store, two, now + timedelta(minutes=30) - timedelta(microseconds=1)) == ana.id


@pytest.mark.parametrize("purpose", LinkPurpose)
def test_either_link_proves_the_mailbox_and_the_first_proof_stays(
    store: Store, now: datetime, purpose: LinkPurpose
) -> None:
    with store.write() as session:
        account = accounts.ensure(session, "new@example.org", now)
    later = now + timedelta(minutes=5)
    spend(store, link_to(store, account, now, purpose), later)
    spend(store, link_to(store, account, later, purpose), later + timedelta(minutes=1))
    with store.read() as session:
        assert session.get_one(Account, account.id).verified_at == later


def test_a_link_that_never_was_gets_the_same_sentence(store: Store, now: datetime) -> None:
    for secret in ("", "nonsense", "\x00", "\ud800", "🔑", "x" * 100_000):
        with pytest.raises(LinkSpent, match="has been used or is too old"):
            spend(store, secret, now)


def test_a_link_to_a_closed_account_does_nothing(store: Store, ana: Account, now: datetime) -> None:
    secret = link_to(store, ana, now)
    with store.write() as session:
        session.merge(ana, load=False).closed_at = now
    with pytest.raises(LinkSpent):
        spend(store, secret, now)


def test_of_two_who_press_the_button_at_once_one_gets_in(store: Store, ana: Account, now: datetime) -> None:
    secret = link_to(store, ana, now)
    met = meeting(store)

    def press() -> int:
        with store.write() as session:
            try:
                accounts.look_at_link(session, secret, now)
            finally:
                met()
            return accounts.spend_link(session, secret, now).id

    ends = at_once(press, press)
    assert ana.id in ends
    assert sum(isinstance(end, LinkSpent) for end in ends) == 1


# --- API tokens -----------------------------------------------------------------------------------


def test_a_token_is_shown_once_known_again_and_kept_as_a_digest(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        made = accounts.make_token(session, ana, now, name=" my  script ", scopes=[Scope.INTENTS_READ])
    assert made.secret.startswith("vrm_")
    assert made.token.hint == made.secret[:8]
    with store.read() as session:
        token = accounts.bearer(session, made.secret, now)
        assert token is not None
        assert (token.account_id, token.name, token.scopes) == (ana.id, "my script", ["intents:read"])
        assert made.secret not in token.secret_hash
        assert accounts.bearer(session, made.secret + "x", now) is None


def test_a_token_expires(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        short = accounts.make_token(session, ana, now, name="short", lasts=timedelta(days=30)).secret
        usual = accounts.make_token(session, ana, now, name="usual").secret
        endless = accounts.make_token(session, ana, now, name="endless", lasts=None).secret

    def live(days: int) -> list[bool]:
        with store.read() as session:
            at = now + timedelta(days=days)
            return [accounts.bearer(session, secret, at) is not None for secret in (short, usual, endless)]

    assert [live(29), live(30), live(90), live(9_000)] == [
        [True, True, True], [False, True, True], [False, False, True], [False, False, True],
    ]  # fmt: skip


def test_a_token_that_was_revoked_is_dead_at_once_and_revoking_again_is_harmless(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        made = accounts.make_token(session, ana, now, name="x")
        accounts.revoke_token(session, ana, made.token.id, now)
        accounts.revoke_token(session, ana, made.token.id, now + timedelta(days=1))
        assert made.token.revoked_at == now
        assert accounts.bearer(session, made.secret, now) is None


def test_the_tokens_of_a_closed_account_are_dead(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        account = session.merge(ana, load=False)
        made = accounts.make_token(session, account, now, name="x")
        account.closed_at = now
    with store.read() as session:
        assert accounts.bearer(session, made.secret, now) is None


def test_nobody_can_revoke_the_token_of_another_or_learn_that_it_is_there(
    store: Store, ana: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        token_id = accounts.make_token(session, ana, now, name="x").token.id
    with store.write() as session:
        for number in (token_id, token_id + 1, 0, -1, 2**63, 2**70):
            with pytest.raises(NotFound, match="There is no such token"):
                accounts.revoke_token(session, carol, number, now)
        assert session.get_one(ApiToken, token_id).revoked_at is None


def test_an_unknown_scope_is_refused_with_the_known_ones(store: Store, ana: Account, now: datetime) -> None:
    for scopes in ([], ["intents"], ["intents:read", "admin"], [""], "intents:read"):
        with store.write() as session, pytest.raises(BadInput, match="choose from intents:read, intents:wr") as refused:
            accounts.make_token(session, ana, now, name="x", scopes=scopes)
        assert list(refused.value.problems) == ["scopes"]


def test_a_life_that_is_none_is_refused_in_words(store: Store, ana: Account, now: datetime) -> None:
    for lasts in (timedelta(0), timedelta(days=-1), timedelta(days=4_000), timedelta.max):
        with store.write() as session, pytest.raises(BadInput, match="such as 30d"):
            accounts.make_token(session, ana, now, name="x", lasts=lasts)


def test_a_token_has_a_name(store: Store, ana: Account, now: datetime) -> None:
    for name in ("", "  ", "x" * 65, "\x00"):
        with store.write() as session, pytest.raises(BadInput, match="The token's name"):
            accounts.make_token(session, ana, now, name=name)


def test_what_is_no_token_opens_nothing(store: Store, now: datetime) -> None:
    with store.read() as session:
        for secret in ("", "vrm_", "\x00", "\ud800", "x" * 100_000):
            assert accounts.bearer(session, secret, now) is None
