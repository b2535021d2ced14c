"""Mail that comes in under TLS: offered by STARTTLS, and renewed without a new start."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from notifiers_world import Time, a_post

from notifiers.inlet import Listener, Taker
from vrm.config import MailInlet
from vrm.kernel.db import Store

TO = "nobody@else.example"


def a_pair(folder: Path) -> int:
    """Make `fullchain.pem` and `privkey.pem` for localhost, as certbot leaves them; the certificate's serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "privkey.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate.serial_number


@contextmanager
def listening(store: Store, clock: Time, folder: Path, *, lmtp: bool) -> Iterator[Listener]:
    at = MailInlet("127.0.0.1", 0, lmtp, folder / "fullchain.pem", folder / "privkey.pem")
    listener = Listener(Taker(store, a_post(folder), clock), at)
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


def shown_to(listener: Listener, folder: Path, *, lmtp: bool) -> int:
    """The serial number of the certificate that a careful mail server sees, which then goes on talking."""
    trusting = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    with (smtplib.LMTP if lmtp else smtplib.SMTP)("localhost", listener.port) as client:
        client.starttls(context=trusting)
        serial = int(client.sock.getpeercert()["serialNumber"], 16)  # type: ignore[union-attr]
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such address"):
            client.sendmail("ben@leeds-toyota.example", TO, b"Subject: Hello\r\n\r\nHello")
    return serial


@pytest.mark.parametrize("lmtp", [False, True])
def test_mail_can_come_under_tls_and_a_new_certificate_is_shown_to_the_next_one(
    store: Store, clock: Time, tmp_path: Path, lmtp: bool
) -> None:
    first = a_pair(tmp_path)
    with listening(store, clock, tmp_path, lmtp=lmtp) as listener:
        assert shown_to(listener, tmp_path, lmtp=lmtp) == first
        second = a_pair(tmp_path)
        assert second != first
        assert shown_to(listener, tmp_path, lmtp=lmtp) == second


def test_while_a_certificate_cannot_be_read_the_last_good_one_serves(
    store: Store, clock: Time, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = a_pair(tmp_path)
    kept = (tmp_path / "fullchain.pem").read_bytes()
    with listening(store, clock, tmp_path, lmtp=False) as listener:
        (tmp_path / "privkey.pem").write_text("half written")
        assert (tmp_path / "fullchain.pem").read_bytes() == kept
        assert shown_to(listener, tmp_path, lmtp=False) == good
    assert "the one before serves on" in caplog.text


def test_without_a_certificate_none_is_offered(store: Store, clock: Time, tmp_path: Path) -> None:
    listener = Listener(Taker(store, a_post(tmp_path), clock), MailInlet("127.0.0.1", 0, lmtp=False))
    listener.start()
    try:
        with smtplib.SMTP("127.0.0.1", listener.port) as client:
            client.ehlo()
            assert not client.has_extn("starttls")
    finally:
        listener.stop()
