"""Free text -> new, used or either, as loosely as people write; `find_condition` is for unchecked text. Pure."""

import re

from intents.draft import Condition
from intents.phrases import Found, find_condition

_USED = re.compile(
    r"\b(?:used(?! (?:to|by|for|as|in|with|up|it|my|his|her|our|their)\b)|refurb(?:ished)?|reconditioned|"
    r"pre[- ]?(?:used|worn)|"
    r"2nd hand|gebraucht\w*|general(?:überholt|ueberholt)e?[nrs]?|second hand|aus zweiter hand|d['’]occasion|"
    r"occasion|(?:d['’])?occaz|occas(?!\w)|usagée?s?|"
    r"reconditionnée?s?|seconde main|usad[oa]s?|de ocasión|segunda mano|reacondicionad[oa]s?|seminuev[oa]s?)(?!\w)",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:brand[- ]?new|unused|sealed|in box|nagelneu\w*|fabrikneu\w*|ungebraucht|originalverpackt|ovp)\b|"
    r"(?:(?<=, )|(?<=\A)|(?<=\())new(?=[,.);]| only|\Z)|(?<!mot )\bnew(?=,)|"
    r"(?:(?<=, )|(?<=\A))neu(?=[,.);]|\Z)|(?<!tüv )(?<!hu )\bneu(?=,)|"
    r"(?<=eine )neue\b|(?<=einen )neuen\b|(?<=ein )neues\b|"
    r"(?<!wie )(?<!fast )(?<!tüv )(?<!hu )\bneu\b(?! (?:machen|streichen|gestrichen|gedeckt|decken|beziehen|oder))|"
    r"\bneu(?:f|fs|ve|ves)\b(?! (?:heures|euros|ans|personnes|mois))|\bnuev[oa]s?\b(?! york)",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r"\b(?:new or used|used or new|neu oder gebraucht|gebraucht oder neu|neu(?:f|ve) ou (?:d['’])?occasion|"
    r"occasion ou neu(?:f|ve)|"
    r"nuev[oa]s? o (?:usad[oa]s?|de segunda mano)|(?:usad[oa]s?|segunda mano) o nuev[oa]s?|any condition|"
    r"condition (?:doesn['’]?t|"
    r"not) matter|zustand egal|peu importe l['’]état)\b",
    re.IGNORECASE,
)


def find_state(text: str) -> Found[Condition] | None:
    """New, used, or expressly either; None when the text does not say."""
    either = _EITHER.search(text)
    if either is not None:
        return Found(Condition.ANY, either.start(), either.end())
    strict = find_condition(text)
    if strict is not None:
        return strict
    for condition, pattern in ((Condition.USED, _USED), (Condition.NEW, _NEW)):
        found = pattern.search(text)
        if found is not None:
            return Found(condition, found.start(), found.end())
    return None
