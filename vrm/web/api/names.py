"""Names for rows that have no public code of their own: they tell neither the row's number nor how many there are."""

from vrm.web.desk import desk


def public_name(kind: str, *key: int) -> str:
    """Sixteen small letters and digits that stand for one row, the same at every call; only this broker makes them."""
    return desk().signer.short(f"name.{kind}", "-".join(map(str, key)))
