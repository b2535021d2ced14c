"""The measures that came after the curve: bins, silence over time, restricted means, competing ends, scores, arms."""

import json
import math
from typing import Any

import numpy as np
import pytest
from research_leads import DAY, answered, lead, undelivered

from vrm.research.metrics import Group, Measures, measure
from vrm.research.table import LeadRow, from_rows

HOUR = 3_600


def only(rows: list[LeadRow]) -> Group:
    (group,) = measure(from_rows(rows)).groups
    return group


def said(rows: list[LeadRow], by: Any = None) -> dict[str, Any]:
    found = measure(from_rows(rows), by=by).as_json()
    json.dumps(found, allow_nan=False)
    return found


def test_the_json_of_a_group_has_the_promised_keys() -> None:
    (group,) = said([answered(60), lead()])["groups"]
    promised = ["n", "reach", "curve", "share_by", "bins", "silent", "median_wait_s", "median_of_responders_s"]
    promised += ["restricted_mean_s", "incidence", "score"]
    assert [key for key in promised if key not in group] == []
    assert list(group["restricted_mean_s"]) == ["horizon_s", "estimate", "se"]
    assert {"offer", "question", "decline", "closed"} <= set(group["incidence"])
    assert list(group["incidence"]["offer"][0]) == ["t_s", "share", "se", "low", "high"]


# --- M4 and M5 ------------------------------------------------------------------------------------


def test_bins_hold_the_leads_that_were_watched_for_30_days_and_sum_to_them() -> None:
    rows = [answered(after) for after in (0, 300, 301, HOUR, DAY, 7 * DAY, 30 * DAY, 30 * DAY + 1)]
    rows += [lead(), lead(closed_after_s=5), answered(5, observed_s=29 * DAY), lead(observed_s=DAY)]
    found = only(rows).bins.as_json()
    assert (found["mature"], found["immature"]) == (10, 2)
    counts = {name: part["count"] for name, part in found.items() if isinstance(part, dict)}
    assert counts == {"300": 2, "3600": 2, "86400": 1, "604800": 1, "2592000": 1, "none": 3}
    shares = [part["estimate"] for part in found.values() if isinstance(part, dict)]
    assert math.fsum(shares) == pytest.approx(1.0)
    assert all(part["low"] <= part["estimate"] <= part["high"] for part in found.values() if isinstance(part, dict))


def test_bins_of_nobody_claim_nothing() -> None:
    found = only([lead(observed_s=DAY)]).bins.as_json()
    assert found["none"] == {"count": 0, "estimate": None, "low": None, "high": None}


def test_silence_at_a_horizon_is_what_no_way_to_end_accounts_for() -> None:
    rows = [answered(60, kind=kind) for kind in ("offer", "question", "decline", "reply")]
    rows += [lead(closed_after_s=DAY), lead(), lead(observed_s=2 * DAY), lead(observed_s=10)]
    group = only(rows)
    for horizon, share in group.silent_by.items():
        assert share is not None
        ended = 0.0
        for way in group.incidence.values():
            by = way.by(horizon)
            assert by is not None
            ended += by.estimate
        assert share.estimate == pytest.approx(1.0 - ended)
        assert share.low <= share.estimate <= share.high


def test_pending_leads_are_never_silent_at_a_horizon_that_they_did_not_reach() -> None:
    shares = said([lead(observed_s=HOUR), answered(5, observed_s=HOUR)])["groups"][0]["silent"]["share_by"]
    assert shares["3600"]["estimate"] == 0.5
    assert shares["86400"] == "not yet observable"


# --- M8 and M9 ------------------------------------------------------------------------------------


def test_the_restricted_mean_goes_to_the_longest_observable_horizon() -> None:
    found = only([answered(100), answered(300, observed_s=2 * DAY), lead(observed_s=2 * DAY)]).restricted_mean
    assert found is not None
    assert (found.horizon_s, found.estimate) == (DAY, pytest.approx((100 + 300 + DAY) / 3))
    assert only([lead(observed_s=9)]).restricted_mean is None


def test_each_way_to_end_is_counted_as_what_it_was() -> None:
    rows = [answered(10, kind="offer"), answered(20, kind="question"), answered(30, kind="decline"),
            answered(40, kind="reply"), lead(closed_after_s=50), lead(observed_s=60, closed_after_s=61)]  # fmt: skip
    ends = {end: int(way.events.sum()) for end, way in only(rows).incidence.items()}
    assert ends == {"offer": 1, "question": 1, "decline": 1, "reply": 1, "closed": 1}


def test_closing_that_matters_is_told_both_ways() -> None:
    rows = [lead(closed_after_s=60) for _ in range(10)] + [answered(120) for _ in range(10)]
    group = only(rows)
    assert set(group.disputed) == set(group.share_by) - {0}
    closing = said(rows)["groups"][0]["closing"]
    assert "more than 2 points" in closing["note"]
    assert closing["competes"]["300"]["estimate"] == pytest.approx(0.5)
    share = group.share_by[300]
    assert share is not None
    assert share.estimate == pytest.approx(1.0)


def test_closing_that_does_not_matter_is_not_mentioned() -> None:
    rows = [answered(5) for _ in range(50)] + [lead() for _ in range(50)] + [lead(closed_after_s=DAY)]
    assert said(rows)["groups"][0]["closing"] is None


# --- M10 ------------------------------------------------------------------------------------------


def crowd(vendor: str, good: int, of: int, **differs: Any) -> list[LeadRow]:
    rows = [answered(60, vendor_id=vendor, **differs) for _ in range(good)]
    return rows + [lead(vendor_id=vendor, **differs) for _ in range(of - good)]


def by_vendor(rows: list[LeadRow]) -> dict[str, Any]:
    return {group["group"]: group["score"] for group in said(rows, "vendor")["groups"]}


def test_a_vendor_is_not_ranked_by_its_raw_rate() -> None:
    rows = crowd("small", 10, 10) + crowd("large", 194, 200)
    rows += [row for i in range(30) for row in crowd(f"v{i}", 3 + i % 9, 20)]
    scores = by_vendor(rows)
    assert scores["large"]["estimate"] > scores["small"]["estimate"]  # 97 % of 200 is more than 10 of 10.
    assert scores["large"]["rank_low"] == 1
    assert scores["small"]["rank_low"] <= 2 <= scores["small"]["rank_high"]
    assert list(scores["large"]) == ["estimate", "low", "high", "rank_low", "rank_high"]


def test_a_vendor_with_fewer_than_10_leads_or_a_broken_channel_has_no_score_and_takes_no_rank() -> None:
    rows = crowd("few", 9, 9) + crowd("enough", 5, 10) + crowd("other", 2, 10)
    rows += crowd("broken", 10, 10) + [undelivered("bounced", vendor_id="broken") for _ in range(2)]
    rows += crowd("fresh", 3, 30, observed_s=DAY)
    scores = by_vendor(rows)
    assert [scores[name] for name in ("few", "broken", "fresh")] == ["not enough data"] * 3
    assert max(scores["enough"]["rank_high"], scores["other"]["rank_high"]) == 2


def test_a_category_of_20_vendors_has_its_own_prior() -> None:
    rows = [row for i in range(20) for row in crowd(f"c{i:02}", 8 + i % 2, 10, category="cars")]
    rows += [row for i in range(20) for row in crowd(f"d{i:02}", 1 + i % 2, 10, category="dogs")]
    alone = by_vendor(rows + crowd("x", 5, 10, category="cars"))["x"]["estimate"]
    among_dogs = by_vendor(rows + crowd("x", 5, 10, category="dogs"))["x"]["estimate"]
    assert (among_dogs < 0.4, alone > 0.7) == (True, True)


def test_only_vendors_have_scores() -> None:
    assert said(crowd("v", 5, 20), "region")["groups"][0]["score"] is None
    assert said([], "vendor")["groups"] == []


# --- M11 ------------------------------------------------------------------------------------------


def test_business_waits_are_blank_without_calendars_and_summed_up_with_them() -> None:
    assert only([answered(60), lead()]).business_wait is None
    rows = [answered(9, business_wait_s=0), answered(9, business_wait_s=40), answered(9), lead(business_wait_s=7)]
    assert said(rows)["groups"][0]["business_wait_s"] == {"n": 2, "median_of_responders_s": 20.0}


# --- Comparing groups, and M12 --------------------------------------------------------------------


def experiment(*, effect: float, intents: int = 40, seed: int = 1) -> list[LeadRow]:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(intents):
        arm = "control" if i % 2 else "warm"
        share = rng.beta(4, 6) + (effect if arm == "warm" else 0.0)
        differs = {"intent_id": f"i{i}", "arm": arm, "randomisation_block": f"b{i // 4}", "region": f"r{i // 4 % 3}"}
        rows += [
            answered(int(rng.integers(30, 3_000)), **differs) if rng.random() < share else lead(**differs)
            for _ in range(5)
        ]
    return rows


def test_two_groups_or_more_are_compared_plainly_and_within_category_and_region() -> None:
    rows = [answered(5 + i, channel="webhook", region=f"r{i % 2}") for i in range(20)]
    rows += [lead(region=f"r{i % 2}") for i in range(20)]
    found = said(rows, "channel")["logrank"]
    assert list(found) == ["chi2", "df", "p", "stratified", "by_intent"]
    assert (found["df"], found["stratified"]["df"], found["by_intent"]) == (1, 1, None)
    assert found["p"] < 1e-6
    assert "logrank" not in said(rows)
    assert said(rows, "vendor")["logrank"] is None  # There is but one.


def test_more_than_50_groups_are_not_compared_and_nothing_comparable_is_null() -> None:
    many = [row for i in range(51) for row in crowd(f"v{i}", 1, 2)]
    assert said(many, "vendor")["logrank"] is None
    assert said([lead(region="a"), lead(region="b")], "region")["logrank"]["chi2"] is None


def test_an_effect_between_arms_is_measured_by_intents() -> None:
    found = said(experiment(effect=0.4), "arm")
    (effect,) = found["effects"]
    assert (effect["arm"], effect["against"], effect["intents"], effect["against_intents"]) == (
        "warm",
        "control",
        20,
        20,
    )
    at = effect["difference_by"]["86400"]
    shares = {group["group"]: group["share_by"]["86400"]["estimate"] for group in found["groups"]}
    assert at["estimate"] == pytest.approx(shares["warm"] - shares["control"])
    assert (at["df"], at["low"] > 0, at["p"] < 0.01, at["randomisation_p"] < 0.01) == (38, True, True, True)
    assert found["logrank"]["by_intent"]["p"] < 0.01


def test_arms_are_not_tested_per_lead() -> None:
    rows = []
    for i in range(20):  # All 25 leads of an intent share its fate: 4 of 10 against 7 of 10, and not of 250.
        fate = i // 2 < (7 if i % 2 else 4)
        differs = {"intent_id": f"i{i}", "arm": "ab"[i % 2]}
        rows += [answered(60 + j, **differs) if fate else lead(**differs) for j in range(25)]
    found = said(rows, "arm")
    at = found["effects"][0]["difference_by"]["86400"]
    assert found["logrank"]["p"] < 1e-6
    assert at["icc"] == pytest.approx(1.0)
    assert min(at["p"], at["randomisation_p"], found["logrank"]["by_intent"]["p"]) > 0.01


def test_few_intents_have_a_randomisation_p_only() -> None:
    at = said(experiment(effect=0.4, intents=12), "arm")["effects"][0]["difference_by"]["86400"]
    assert (at["low"], at["high"], at["p"], at["se"]) == (None, None, None, None)
    assert 0 < at["randomisation_p"] <= 1


def test_intents_in_two_arms_are_left_out_and_counted_and_leads_without_an_arm_compare_nothing() -> None:
    rows = experiment(effect=0.0)
    torn = [lead(intent_id="torn", arm="control"), lead(intent_id="torn", arm="warm")]
    found, plain = said([*rows, *torn, lead(intent_id="none")], "arm"), said(rows, "arm")
    assert found["effects"][0] == plain["effects"][0] | {"left_out_intents": 1}
    assert [group["group"] for group in found["groups"]] == ["not stated", "control", "warm"]


def test_an_arm_that_was_not_followed_so_far_is_not_compared_there() -> None:
    rows = [answered(5, arm="a", intent_id="a", observed_s=HOUR), lead(arm="a", intent_id="a", observed_s=HOUR)]
    rows += [answered(5, arm="b", intent_id="b"), lead(arm="b", intent_id="b")]
    found = said(rows, "arm")["effects"][0]["difference_by"]
    assert found["3600"]["estimate"] == 0.0
    assert found["86400"] == "not yet observable"


def test_one_arm_has_no_effect() -> None:
    found = said([answered(5, arm="a")], "arm")
    assert (found["effects"], found["logrank"]) == ([], None)


def test_measuring_twice_gives_the_same_to_the_last_digit() -> None:
    table = from_rows(experiment(effect=0.1))
    once, again = (measure(table, by="arm") for _ in range(2))
    assert isinstance(once, Measures)
    assert once.as_json() == again.as_json()
