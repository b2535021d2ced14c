"""What strangers send to do harm: a small set of our own, and large ones of others where there is a folder of them."""

import json
from pathlib import Path

# What each would do where it is believed. `MARK` must never come back unescaped, and the sum never computed.
MARK = "<svg/onload=vrmowned>"
SUM = "{{7*191}}${7*191}#{7*191}<%= 7*191 %>"
COMPUTED = "1337"
STRINGS = (
    MARK,
    f'"><script>{MARK}</script>',
    f"'-alert(1)-' {MARK}",
    f"</title></textarea></style>{MARK}",
    "javascript:/*--></title><svg/onload='+/vrmowned/+'>",
    f"[x](javascript:vrmowned) ![x](//evil.example/{MARK})",
    SUM,
    "{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
    "%(email)s {0.__class__} %s%n%x",
    "'; DROP TABLE accounts; --",
    "1 OR 1=1) UNION SELECT email, password_hash FROM accounts --",
    "x\r\nBcc: evil@example.org\r\n\r\nowned",
    "x\nBcc: evil@example.org",
    "x\u2028Bcc: evil@example.org\x85y",
    "=cmd|'/C calc'!A0",
    "@SUM(1+9)*cmd|'/C calc'!A0",
    "../../../../etc/passwd\x00.png",
    "file:///etc/passwd http://169.254.169.254/latest/meta-data/",
    "\u202egnp.exe",
    "\u200b\u200d\ufeff",
    "a\u0308\u0301" * 40,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 ﷽ ཧཱུྃ",
    "\x00\x01\x7f",
    "\ufffe\uffff",
    "A" * 30_000,
    "９９９９９ ٤٥ ¹²",
    "-0 NaN Infinity 1e999 0x1f",
    "9" * 400,
    "0001-01-01",
    "9999-12-31T23:59:60Z",
    "null",
    " ",
    "",
)
# For JSON only: UTF-8 in forms cannot hold them.
SURROGATES = ("\ud800", "x\udfff")

# Not JSON, by RFC 8259 or by our own stricter reading (repeated keys, depth, surrogates).
NOT_JSON = (
    b"",
    b" ",
    b"{",
    b"}",
    b"[",
    b"[1,]",
    b'{"a":1,}',
    b'{"a" 1}',
    b"{'a':1}",
    b"{a:1}",
    b'{"a":}',
    b'{"a":1}}',
    b'{"a":1} x',
    b'{"a":NaN}',
    b'{"a":-Infinity}',
    b'{"a":01}',
    b'{"a":+1}',
    b'{"a":.5}',
    b'{"a":1.}',
    b'{"a":1e}',
    b'{"a":1e999}',
    b'{"a":0x1}',
    b'{"a":tru}',
    b'{"a":"\t"}',
    b'{"a":"\\x41"}',
    b'{"a":"\\u12"}',
    b'{"a":"\\ud800"}',
    b'{"\\udfff":1}',
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    b'{"a":1,"a":2}',
    b'{"a":"' + b"\\",
    b"/* x */{}",
    b"{}#",
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    b'{"a":' + b"9" * 5_000 + b"}",
    b"\x00",
    b'{"a":1}\x00',
)


def strings_of_others(corpora: Path) -> list[str]:
    """The Big List of Naughty Strings."""
    theirs: list[str] = json.loads((corpora / "strings" / "naughty.json").read_text("utf-8"))
    return theirs


def not_json(corpora: Path | None) -> list[bytes]:
    """Ours, and the files of the JSON minefield that no parser may take."""
    theirs = [file.read_bytes() for file in sorted((corpora / "json").glob("n_*.json"))] if corpora else []
    return [*NOT_JSON, *theirs]
