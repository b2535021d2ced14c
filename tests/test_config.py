"""Settings are read once and strictly: a wrong one stops the start with a sentence that names it and the fix."""

import stat
from ipaddress import ip_network
from pathlib import Path

import pytest
from together import at_once

from vrm.config import SETTINGS, MailAccount, MailInlet, MailRelay, Settings, read_settings
from vrm.kernel.errors import BadSetting

KEY = "k" * 32


def read(**environ: str) -> Settings:
    return read_settings({"VRM_SECRET_KEY": KEY, **environ})


def refusal(**environ: str) -> str:
    with pytest.raises(BadSetting) as refused:
        read(**environ)
    return str(refused.value)


def test_without_any_setting_the_store_is_a_file_and_everything_is_local(tmp_path: Path) -> None:
    found = read_settings({"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/vrm.db"})
    assert found.embedded
    assert found.instance == tmp_path
    assert (found.base_url, found.port, found.log, found.trusted_proxies) == ("http://127.0.0.1:8000", 8000, "info", 0)
    assert (found.mail, found.allow_private) == (None, ())
    assert read().database_url == "sqlite:///instance/vrm.db"


def test_an_empty_setting_is_one_that_was_not_made() -> None:
    assert read(**dict.fromkeys(set(SETTINGS) - {"VRM_SECRET_KEY"}, "")) == read()


def test_a_setting_that_nobody_knows_stops_the_start_and_names_the_known_ones() -> None:
    sentence = refusal(VRM_DATABSE_URL="x", VRM_ZZZ="1")
    assert sentence.startswith("Unknown setting VRM_DATABSE_URL, VRM_ZZZ. Known ones are: VRM_DATABASE_URL")


def test_every_setting_is_documented_in_one_place() -> None:
    assert all(len(sentence) > 20 for sentence in SETTINGS.values())
    assert read(PATH="/bin", HOME="/root") == read()


@pytest.mark.parametrize("url", ["mysql://x/y", "vrm.db", "sqlite://vrm.db", "postgres://x", "\x00"])
def test_another_store_is_refused(url: str) -> None:
    assert "VRM_DATABASE_URL must begin with sqlite:/// or postgresql://" in refusal(VRM_DATABASE_URL=url)


# --- The secret key -------------------------------------------------------------------------------


def test_the_key_is_made_once_kept_beside_the_store_and_readable_to_its_owner_only(tmp_path: Path) -> None:
    environ = {"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/deep/vrm.db"}
    key = read_settings(environ).secret_key
    assert len(key) == 64
    assert read_settings(environ).secret_key == key
    (kept,) = (tmp_path / "deep").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_web_and_worker_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    environ = {"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/vrm.db"}
    keys = at_once(*[lambda: read_settings(environ).secret_key] * 8)
    assert len(set(map(str, keys))) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_a_kept_key_that_is_damaged_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(BadSetting, match="secret_key is damaged; set VRM_SECRET_KEY, or delete the file"):
        read_settings({"VRM_DATABASE_URL": f"sqlite:///{tmp_path}/vrm.db"})


def test_a_short_key_is_refused_and_with_postgresql_one_is_required() -> None:
    assert "VRM_SECRET_KEY is too short; `openssl rand -hex 32`" in refusal(VRM_SECRET_KEY="x" * 31)
    with pytest.raises(BadSetting, match="VRM_SECRET_KEY is required with PostgreSQL; `openssl rand -hex 32`"):
        read_settings({"VRM_DATABASE_URL": "postgresql://db/vrm"})
    assert not read(VRM_DATABASE_URL="postgresql://db/vrm").embedded


# --- Where people find us -------------------------------------------------------------------------


def test_the_port_is_part_of_the_address_that_nobody_set() -> None:
    assert read(PORT="9000").base_url == "http://127.0.0.1:9000"
    assert read(PORT="9000", VRM_BASE_URL="https://wants.example.org/").base_url == "https://wants.example.org"


@pytest.mark.parametrize(
    "url",
    ["wants.example.org", "ftp://x.example", "https://", "http://[::1", "https://x:port", "https://x:99999", "https://x/?a=1",
     "https://x/#top", "//x"],
)  # fmt: skip
def test_a_base_address_that_is_not_whole_is_refused(url: str) -> None:
    assert "VRM_BASE_URL must be a whole address, such as https://wants.example.org" in refusal(VRM_BASE_URL=url)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "8000.0", "٨٠", "1e3", " 80", "9" * 5_000])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    assert "PORT must be a whole number between 0 and 65535" in refusal(PORT=port)


def test_the_other_closed_sets_say_what_they_hold() -> None:
    assert "debug, info, warning or error, with or without “,json”" in refusal(VRM_LOG="loud")
    assert "VRM_TRUSTED_PROXIES must be a whole number between 0 and 10" in refusal(VRM_TRUSTED_PROXIES="11")


# --- Mail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.org", MailRelay("mail.example.org", 587, False, None, None)),
        ("smtps://mail.example.org", MailRelay("mail.example.org", 465, True, None, None)),
        ("smtp://u:p@mail.example.org:25", MailRelay("mail.example.org", 25, False, "u", "p")),
        ("smtp://u%40x.org:p%2F%3A%40@[::1]:2525", MailRelay("::1", 2525, False, "u@x.org", "p/:@")),
    ],
)
def test_the_mail_relay_is_an_address_whose_user_and_password_may_hold_any_letter(url: str, relay: MailRelay) -> None:
    assert read(VRM_MAIL_URL=url).mail == relay


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://x", "smtp://", "smtp://x:port", "smtp://x:99999", "smtp://[x"]
)
def test_a_relay_that_cannot_be_read_is_refused(url: str) -> None:
    assert refusal(VRM_MAIL_URL=url).startswith("VRM_MAIL_URL must look like smtp://user:password@mail.example.org:587")


@pytest.mark.parametrize(
    ("environ", "sender"),
    [
        ({}, "vrm@localhost.localdomain"),
        ({"VRM_BASE_URL": "https://wants.example.org"}, "vrm@wants.example.org"),
        ({"VRM_BASE_URL": "http://[::1]:8000"}, "vrm@localhost.localdomain"),
        ({"VRM_MAIL_FROM": "Wants@Example.org"}, "wants@example.org"),
    ],
)
def test_mail_has_one_sender(environ: dict[str, str], sender: str) -> None:
    assert read(**environ).mail_from == sender


@pytest.mark.parametrize("address", ["wants", "Wants <wants@example.org>", "a@example.org\nBcc: b@example.org"])
def test_a_sender_that_is_no_plain_address_is_refused(address: str) -> None:
    assert "VRM_MAIL_FROM must be a plain mail address" in refusal(VRM_MAIL_FROM=address)


# --- Private networks -----------------------------------------------------------------------------


def test_private_networks_are_off_unless_named() -> None:
    assert read(VRM_ALLOW_PRIVATE_TARGETS=" 127.0.0.0/8, ::1/128 ,").allow_private == (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )


@pytest.mark.parametrize("cidrs", ["everything", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.0/8;10.0.0.0/8"])
def test_what_is_no_network_is_refused_with_an_example(cidrs: str) -> None:
    sentence = refusal(VRM_ALLOW_PRIVATE_TARGETS=cidrs)
    assert sentence.startswith("VRM_ALLOW_PRIVATE_TARGETS:")
    assert sentence.endswith("Write CIDRs such as 10.0.0.0/8.")


# --- Mail that comes in ---------------------------------------------------------------------------


def test_the_ways_in_for_mail_are_read(tmp_path: Path) -> None:
    found = read(
        VRM_INLET="lmtp://127.0.0.1:8024",
        VRM_IMAP_URL="imaps://a%40b:p%3Aw@mail.example/In%20box",
        VRM_KEEP_ATTEMPTS="45",
        VRM_KEEP_AUDITS="365",
        VRM_KEEP_CHANGES="31",
    )
    assert found.inlet == MailInlet("127.0.0.1", 8024, lmtp=True)
    assert read(
        VRM_INLET="smtp://0.0.0.0:25", VRM_INLET_CERTIFICATE=__file__, VRM_INLET_KEY=__file__
    ).inlet == MailInlet("0.0.0.0", 25, False, Path(__file__), Path(__file__))
    assert found.imap == MailAccount("mail.example", 993, True, "a@b", "p:w", "In box")
    assert (found.keep_attempts.days, found.keep_audits.days, found.keep_changes.days) == (45, 365, 31)
    key = tmp_path / "dkim.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n…")
    dkim = read(VRM_DKIM=f"2026a:{key}").dkim
    assert dkim is not None
    assert dkim.selector == "2026a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VRM_INLET", "127.0.0.1:8024"),
        ("VRM_INLET", "lmtp://127.0.0.1"),
        ("VRM_INLET", "http://127.0.0.1:8024"),
        ("VRM_INLET_CERTIFICATE", "/nowhere/fullchain.pem"),
        ("VRM_INLET_KEY", "/nowhere/privkey.pem"),
        ("VRM_INLET_KEY", __file__),
        ("VRM_IMAP_URL", "imaps://mail.example/INBOX"),
        ("VRM_IMAP_URL", "pop3://a:b@mail.example"),
        ("VRM_DKIM", "2026a"),
        ("VRM_DKIM", "2026a:/nowhere/dkim.pem"),
        ("VRM_DKIM", "a b:/etc/hostname"),
        ("VRM_DKIM", "2026a:/etc/passwd"),
        ("VRM_KEEP_ATTEMPTS", "7"),
        ("VRM_KEEP_AUDITS", "89"),
        ("VRM_KEEP_CHANGES", "29"),
        ("VRM_KEEP_ATTEMPTS", "for ever"),
    ],
)
def test_a_way_in_that_is_none_stops_the_start(name: str, value: str) -> None:
    assert name in refusal(**{name: value})
