"""Secrets that must be read again (not only compared) → sealed text at rest, by a key that is not in the store."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vrm.kernel.errors import VrmError


class SealBroken(VrmError):
    """What was sealed cannot be read with this broker's secret key."""


class Sealer:
    """Seals short texts for one purpose (Fernet, its key derived by HKDF, RFC 5869)."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def _of(self, purpose: str) -> Fernet:
        key = HKDF(SHA256(), 32, salt=None, info=f"vrm.{purpose}".encode()).derive(self._secret_key)
        return Fernet(base64.urlsafe_b64encode(key))

    def seal(self, purpose: str, plain: str) -> str:
        """Text to store."""
        return self._of(purpose).encrypt(plain.encode()).decode("ascii")

    def open(self, purpose: str, sealed: str) -> str:
        """The text; SealBroken when it was sealed with another key or for another purpose."""
        try:
            return self._of(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken("This was sealed with another VRM_SECRET_KEY; use a recovery code.") from error
