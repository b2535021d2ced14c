"""The bill of materials names everything that runs, and every licence is one that we may pass on."""

import re
from pathlib import Path

from tests import sbom

_LOCK = Path(__file__).parent.parent / ".ci" / "locks" / "run.txt"
# Free, and none that asks more of whoever runs the broker than to say whose it is, or to share changes to the package.
_GOOD = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Mozilla|LGPL|0BSD|MIT-0)", re.I)


def test_every_package_has_a_licence_that_may_be_passed_on() -> None:
    found = sbom.components(_LOCK)
    assert len(found) > 40
    names = {str(each["name"]) for each in found}
    assert {"flask", "sqlalchemy", "cryptography", "argon2-cffi"} <= names
    odd = {each["name"]: said for each in found if not _GOOD.search(said := each["licenses"][0]["license"]["name"])}  # type: ignore[index] # As made.
    assert odd == {}


def test_each_has_the_digests_of_the_lock() -> None:
    made = sbom.document(_LOCK)
    assert made["bomFormat"] == "CycloneDX"
    assert all(each["hashes"] and each["purl"] for each in sbom.components(_LOCK))
