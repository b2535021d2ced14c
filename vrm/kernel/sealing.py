"""What must be read again but told to nobody → sealed text, by a key that is not in the store."""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vrm.kernel.errors import VrmError


class SealBroken(VrmError):
    """What was sealed cannot be read with this broker's secret key."""


class Sealer:
    """Seals short texts for one purpose (Fernet, its key derived by HKDF, RFC 5869)."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def _key(self, purpose: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"vrm.{purpose}".encode()).derive(self._secret_key)

    def _of(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key(purpose)))

    def seal(self, purpose: str, plain: str) -> str:
        """Text to store."""
        return self._of(purpose).encrypt(plain.encode()).decode("ascii")

    def open(self, purpose: str, sealed: str) -> str:
        """The text; SealBroken when it was sealed with another key or for another purpose."""
        try:
            return self._of(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken("This was sealed with another VRM_SECRET_KEY; use a recovery code.") from error

    def mask(self, purpose: str, plain: str) -> str:
        """Text for an address, always the same for the same: AES-SIV (RFC 5297), so that it can be compared."""
        masked = AESSIV(self._key(purpose)).encrypt(plain.encode(), None)
        return base64.urlsafe_b64encode(masked).decode("ascii").rstrip("=")

    def unmask(self, purpose: str, masked: str) -> str:
        """The text; SealBroken for what this broker did not make for this purpose."""
        try:
            raw = base64.b64decode(masked + "=" * (-len(masked) % 4), altchars=b"-_", validate=True)
            return AESSIV(self._key(purpose)).decrypt(raw, None).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealBroken("This was not made here, or for something else.") from error
