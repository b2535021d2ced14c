"""Collects the pieces of an answer's body, inflated, and stops at the first byte over a limit."""

import zlib

from vrm.kernel.errors import OutsideError, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
_UNREADABLE = "The answer is packed in a way that we do not read; send it plain, or as one gzip stream."


class Body:
    """A body in the making. `data` is always what was good so far, never more than `max_body_bytes`."""

    def __init__(self, encoding: str, *, max_wire_bytes: int, max_body_bytes: int) -> None:
        """`encoding` is the Content-Encoding header; of a body in any but gzip and none, no byte is good."""
        self.data = bytearray()
        self._max_wire_bytes = max_wire_bytes
        self._wire_left = max_wire_bytes
        self._max_body_bytes = max_body_bytes
        encoding = encoding.strip().lower()
        self._is_readable = encoding in {"", "identity", "gzip", "x-gzip"}
        self._inflater = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        self._is_begun = False

    def take(self, piece: bytes) -> None:
        """Add what came from the wire. Raises TooLarge past a limit, OutsideError when it is not one gzip member."""
        if not self._is_readable:
            raise OutsideError(_UNREADABLE)
        room = self._wire_left
        self._wire_left -= len(piece)
        plain = self._inflate(self._inflater, piece[:room]) if self._inflater else piece[:room]
        body_room = self._max_body_bytes - len(self.data)
        self.data += plain[:body_room]
        if len(piece) > room or len(plain) > body_room:
            raise TooLarge(
                f"The answer is too large; make it shorter than {self._max_body_bytes / 1e6:g} MB, "
                f"and than {self._max_wire_bytes / 1e6:g} MB as it is sent."
            )

    def finish(self) -> None:
        """Say that nothing more comes. Raises OutsideError when a gzip stream was cut short."""
        if self._inflater and not self._inflater.eof and self._is_begun:
            raise OutsideError(_UNREADABLE)

    def _inflate(self, inflater: "zlib._Decompress", piece: bytes) -> bytes:
        self._is_begun = self._is_begun or bool(piece)
        # One byte of room more than is left tells "too large" from "just fits".
        room = self._max_body_bytes - len(self.data) + 1
        try:
            plain = inflater.decompress(piece, room)
        except zlib.error as error:
            raise OutsideError(_UNREADABLE) from error
        if inflater.unused_data:  # A second member, or rubbish behind the first.
            self.data += plain[: room - 1]
            raise OutsideError(_UNREADABLE)
        return plain
