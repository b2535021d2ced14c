"""What each column of the public table means, in words and in the terms of the formats that describe tables."""

from collections.abc import Iterator, Mapping

from vrm.research.table import ALLOWED, COLUMNS, FLAGS, SECONDS, Excluded

MEANING: Mapping[str, str] = {
    "snapshot_id": "The release that this row belongs to; one for the whole table.",
    "lead_id": "One want × one vendor, the unit of all measures. A keyed hash; the key was destroyed with the release.",
    "intent_id": "The want. A keyed hash: the same want has the same one within this release, and another in the next.",
    "vendor_id": "The vendor. A keyed hash; “others” stands for all vendors with fewer than 11 leads.",
    "iso_week": "The ISO week in which the lead was routed, UTC.",
    "category": "What was wanted: the narrowest node under which 11 leads or more are published, with its path.",
    "region": "Where: the narrowest node under which 11 leads or more are published, with its path.",
    "arm": "The arm of an experiment into which the want was dealt; empty outside experiments.",
    "randomisation_block": "The experiment and the block within which its arms were dealt.",
    "channel": "How the vendor was told first; “others” stands for channels with fewer than 11 leads.",
    "delivery_status": "What became of telling the vendor. Only “delivered” counts in curves and scores.",
    "delivered_after_s": "Seconds from routing to the first proof of delivery.",
    "seen_after_s": "Seconds from delivery to the first proof that somebody read it; opening a link proves nothing.",
    "seen_basis": "What that proof was.",
    "response_after_s": "Seconds from delivery to the first answer by a human or, failing one, by a machine.",
    "response_kind": "What that answer was.",
    "response_actor": "Who gave it. Only a human's answer counts.",
    "closed_after_s": "Seconds from delivery until the want was closed; empty while it is open.",
    "intent_outcome": "How the want ended.",
    "observed_s": "Seconds from delivery until we stopped looking, in whole days where nothing needs more.",
    "business_wait_s": "Of response_after_s, the seconds in which the vendor was open, by its own calendar.",
    "contact_interval_ok": "Whether the vendor had a channel that worked at the time.",
    "excluded_reason": "Why the lead is in no denominator although it was delivered; empty when it counts.",
}


def field_type(column: str) -> str:
    """In the words of Frictionless: string, integer or boolean."""
    return "integer" if column in SECONDS else "boolean" if column in FLAGS else "string"


def frictionless_fields() -> Iterator[dict[str, object]]:
    """The schema of the table, for datapackage.json."""
    for column in COLUMNS:
        found: dict[str, object] = {
            "name": column,
            "type": field_type(column),
            "title": column.removesuffix("_s").replace("_", " "),
            "description": MEANING[column],
        }
        constraints: dict[str, object] = {}
        if column in ALLOWED:
            constraints["enum"] = [word for word in ALLOWED[column] if word]
        if column == "lead_id":
            constraints |= {"required": True, "unique": True}
        if constraints:
            found["constraints"] = constraints
        yield found


def as_markdown(snapshot_id: str) -> str:
    """The codebook, for people."""
    lines = [
        f"# Codebook of {snapshot_id}",
        "",
        "One row is one lead: one want × one vendor that it was routed to. Seconds count from delivery, but for",
        "`delivered_after_s`. Empty means none. No moment of the clock and no name of a person is in here.",
        "",
        "| column | type | meaning | values |",
        "|---|---|---|---|",
    ]
    for column in COLUMNS:
        values = ", ".join(f"`{word}`" for word in ALLOWED.get(column, ()) if word)
        if column == "excluded_reason":
            values = ", ".join(f"`{word}`" for word in Excluded)
        lines.append(f"| `{column}` | {field_type(column)} | {MEANING[column]} | {values} |")
    return "\n".join([*lines, ""])
