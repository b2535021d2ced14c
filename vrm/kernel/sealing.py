"""What must be read again but told to nobody → sealed text, by a key that is not in the store."""

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vrm.kernel.errors import VrmError


class SealBroken(VrmError):
    """What was sealed cannot be read with this broker's secret key."""


class Sealer:
    """Seals short texts for one purpose (Fernet, its key derived by HKDF, RFC 5869).

    What was sealed with an `old` key can still be read; whatever is sealed now is sealed with the present one.
    """

    def __init__(self, secret_key: str, old: Sequence[str] = ()) -> None:
        self._secret_keys = [key.encode() for key in (secret_key, *old)]
        self._fernets: dict[str, MultiFernet] = {}
        # Channels are read at each delivery: what was opened once is looked up, which takes a twentieth of the time.
        self.open = lru_cache(maxsize=20_000)(self._open)

    def _key(self, purpose: str, which: int = 0) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"vrm.{purpose}".encode()).derive(self._secret_keys[which])

    def _fernet(self, purpose: str, which: int) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key(purpose, which)))

    def _of(self, purpose: str) -> MultiFernet:
        if purpose not in self._fernets:
            keys = range(len(self._secret_keys))
            self._fernets[purpose] = MultiFernet([self._fernet(purpose, which) for which in keys])
        return self._fernets[purpose]

    def seal(self, purpose: str, plain: str) -> str:
        """Text to store."""
        return self._of(purpose).encrypt(plain.encode()).decode("ascii")

    def _open(self, purpose: str, sealed: str) -> str:
        """The text; SealBroken when it was sealed with a key that we have not, or for another purpose."""
        try:
            return self._of(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken(
                "This was sealed with another VRM_SECRET_KEY; name that one in VRM_OLD_SECRET_KEYS."
            ) from error

    def is_present(self, purpose: str, sealed: str) -> bool:
        """Whether it was sealed with the present key, and not with an old one."""
        try:
            self._fernet(purpose, 0).decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def mask(self, purpose: str, plain: str) -> str:
        """Text for an address, always the same for the same: AES-SIV (RFC 5297), so that it can be compared."""
        masked = AESSIV(self._key(purpose)).encrypt(plain.encode(), None)
        return base64.urlsafe_b64encode(masked).decode("ascii").rstrip("=")

    def unmask(self, purpose: str, masked: str) -> str:
        """The text; SealBroken for what this broker did not make for this purpose."""
        try:
            raw = base64.b64decode(masked + "=" * (-len(masked) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise SealBroken("This was not made here.") from error
        for which in range(len(self._secret_keys)):
            with suppress(InvalidTag, ValueError):
                return AESSIV(self._key(purpose, which)).decrypt(raw, None).decode()
        raise SealBroken("This was not made here, or for something else.")
