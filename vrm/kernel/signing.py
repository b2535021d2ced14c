"""Tokens that prove themselves: signed, not stored, so that a million leads need no million random keys."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from itsdangerous import BadSignature, HMACAlgorithm
from itsdangerous import Signer as _Signer

from vrm.kernel.errors import LinkSpent


class _InOneGo(HMACAlgorithm):
    """The same signature by one call into OpenSSL: ten times as fast, and every message carries one."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha1")  # By its name, since only then it is one call.


class Signer:
    """Signs short public codes for one purpose; a token of one purpose is no good for another."""

    def __init__(self, secret_key: str, old: Sequence[str] = ()) -> None:
        self._secret_key = secret_key
        self._keys = [*reversed(old), secret_key]  # The last one signs; what the others signed is still good.
        self._signers: dict[str, _Signer] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the keys."""
        *old, secret_key = self._keys
        return type(self), (secret_key, old[::-1])

    def _of(self, purpose: str) -> _Signer:
        signer = self._signers.get(purpose)
        if signer is None:
            signer = self._signers[purpose] = _Signer(self._keys, salt=f"vrm.{purpose}", sep="~", algorithm=_InOneGo())
        return signer

    def sign(self, purpose: str, *codes: str) -> str:
        """An address-safe token that carries `codes`, in the open but not forgeable."""
        return self._of(purpose).sign("-".join(codes)).decode("ascii")

    def read(self, purpose: str, token: str) -> tuple[str, ...]:
        """The codes inside; LinkSpent when the token is not one of ours."""
        try:
            signed = self._of(purpose).unsign(token).decode("ascii")
        except (BadSignature, UnicodeError) as error:
            raise LinkSpent("This link is not complete. Please open it again from the message.") from error
        return tuple(signed.split("-"))

    def short(self, purpose: str, text: str) -> str:
        """16 small letters and digits that prove `text` where case is not kept and room is scarce: 80 bits."""
        return self._short(self._secret_key, purpose, text)

    @staticmethod
    def _short(secret_key: str, purpose: str, text: str) -> str:
        digest = hmac.digest(secret_key.encode(), f"vrm.{purpose}\0{text}".encode(), hashlib.sha256)
        return base64.b32encode(digest[:10]).decode("ascii").lower()

    def is_short(self, purpose: str, text: str, proof: str) -> bool:
        """Whether `proof` is what `short` gives for `text`."""
        given = proof.encode("utf-8", "replace")
        return any(hmac.compare_digest(self._short(key, purpose, text).encode(), given) for key in self._keys)
