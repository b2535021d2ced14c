"""`make sbom`: what is installed to run the broker, as CycloneDX 1.6, with the licence of each package.

Read from the metadata that pip wrote, by the standard library: a tool for it would bring more packages than it lists.
"""

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.M)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: Path) -> list[dict[str, object]]:
    """Every package that the lock names and that is installed here, in its order."""
    found = []
    parts = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.M)
    for part in parts:
        pinned = _PINNED.match(part)
        if pinned is None:
            continue
        try:
            package = distribution(pinned[1])
        except PackageNotFoundError:
            continue  # For another system or Python.
        found.append(
            {
                "type": "library",
                "name": pinned[1],
                "version": package.version,
                "purl": f"pkg:pypi/{pinned[1]}@{package.version}",
                "licenses": [{"license": {"name": licence(package)}}],
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in _HASH.findall(part)],
            }
        )
    return found


def licence(package: Distribution) -> str:
    """In the words of its metadata: the expression (PEP 639), the classifiers, or the field of old."""
    about = package.metadata
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    lines = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    classed = [line.rpartition(" :: ")[2] for line in lines]
    classed = [each for each in classed if each not in ("OSI Approved", "DFSG approved")]  # By whom, not which.
    said = (about.get("License") or "").strip().splitlines()
    return ", ".join(classed) or (said[0][:80] if said else "")


def document(lock: Path) -> dict[str, object]:
    """The bill of materials."""
    own = distribution("vrm-intent-broker")
    about = {"type": "application", "name": "vrm-intent-broker", "version": own.version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about | {"licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components(lock),
    }


if __name__ == "__main__":
    made = document(_ROOT / ".ci" / "locks" / "run.txt")
    Path("sbom.cdx.json").write_text(json.dumps(made, indent=1) + "\n")
    for each in made["components"]:  # type: ignore[attr-defined] # A list, as `document` made it.
        sys.stdout.write(f"{each['name']:28}{each['version']:16}{each['licenses'][0]['license']['name']}\n")
