"""The measures, and one named test for each error of the field that they must rule out."""

import json
import math
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from research_leads import DAY, answered, as_csv, lead, undelivered

from vrm.research.metrics import COLUMN_OF, HORIZONS_S, By, Group, Unanswered, measure
from vrm.research.table import Delivery, LeadRow, from_rows, read_csv

HOUR = 3_600
NOBODY = Unanswered(0, 0, 0, 0, 0, 0, 0)


def only(rows: list[LeadRow]) -> Group:
    (group,) = measure(from_rows(rows)).groups
    return group


def share(group: Group, horizon_s: int) -> float:
    found = group.share_by[horizon_s]
    assert found is not None
    return found.estimate


# --- Errors that the field makes ------------------------------------------------------------------


def test_averaging_only_those_who_answered_does_not_make_the_slower_vendor_look_faster() -> None:
    # Slow answers two of ten leads, at once; Quick answers all ten within the hour.
    slow = [answered(60, vendor_id="slow") for _ in range(2)] + [lead(vendor_id="slow") for _ in range(8)]
    quick = [answered(1_800, vendor_id="quick") for _ in range(10)]
    fast, late = measure(from_rows(slow + quick), by="vendor").groups
    assert (fast.label, late.label) == ("quick", "slow")
    assert late.median_of_responders_s is not None
    assert fast.median_of_responders_s is not None
    assert late.median_of_responders_s < fast.median_of_responders_s  # The error's number, labelled as such.
    assert fast.median_wait.estimate == 1_800
    assert late.median_wait.estimate is None  # Half of the slow vendor's leads were never answered.
    assert share(fast, HOUR) > share(late, HOUR)


def test_bounces_are_not_silence() -> None:
    delivered = [answered(60), lead(), lead(), lead()]
    bounces = [undelivered("bounced") for _ in range(96)]
    with_bounces, without = only(delivered + bounces), only(delivered)
    assert with_bounces.n == without.n == 4
    assert with_bounces.share_by == without.share_by
    assert with_bounces.silent.unseen == without.silent.unseen == 3
    assert with_bounces.silent.undelivered == 96


def test_pending_leads_are_not_silent() -> None:
    group = only([lead(observed_s=5), lead(observed_s=29 * DAY), undelivered("pending"), lead(observed_s=30 * DAY)])
    assert group.silent == Unanswered(0, 1, 0, 0, pending=3, closed_first=0, delivery_unknown=0)


def test_pending_leads_do_not_lower_the_share_answered() -> None:
    mature = [answered(HOUR) for _ in range(5)] + [lead() for _ in range(5)]
    fresh = [lead(observed_s=10) for _ in range(90)]
    assert share(only(mature + fresh), DAY) == pytest.approx(0.5)


def test_an_automatic_reply_is_not_an_answer_and_takes_nobody_out_of_the_denominator() -> None:
    measures = measure(from_rows([answered(1, actor="auto"), answered(60)]))
    (group,) = measures.groups
    assert (group.n, share(group, HOUR)) == (2, 0.5)
    assert measures.data_quality.auto_replies == 1
    assert measures.data_quality.excluded == {}


def test_the_printed_interval_is_95_percent_and_wider_than_one_standard_error() -> None:
    group = only([answered(60 * i) for i in range(1, 21)] + [lead() for _ in range(20)])
    found = group.share_by[DAY]
    assert found is not None
    se = math.sqrt(0.5 * 0.5 / 40)  # Without censoring Greenwood's is the binomial one.
    last = [point for point in group.as_json()["curve"] if point["t_s"] <= DAY][-1]
    assert last["se"] == pytest.approx(se)
    assert found.high - found.low == pytest.approx(2 * 1.96 * se, rel=0.06)


def test_groups_are_in_alphabetical_order_and_not_ranked_by_rate() -> None:
    rows = [answered(5, region="zz"), lead(region="aa"), answered(5, region="mm"), lead(region="mm")]
    assert [group.label for group in measure(from_rows(rows), by="region").groups] == ["aa", "mm", "zz"]


@pytest.mark.parametrize(
    "never",
    [
        undelivered("bounced"),
        undelivered("no_channel"),
        lead(excluded_reason="known_bad_channel"),
        lead(excluded_reason="paused_vendor"),
        answered(5, excluded_reason="self_intent"),
        answered(5, excluded_reason="test_intent"),
    ],
)
def test_what_is_never_in_a_denominator_changes_no_curve(never: LeadRow) -> None:
    rows = [answered(60), lead()]
    group, plain = only([*rows, never]), only(rows)
    assert group.as_json()["curve"] == plain.as_json()["curve"]
    assert (group.n, group.answered) == (plain.n, plain.answered)


# --- Each measure ---------------------------------------------------------------------------------


def test_reach_counts_attempts_and_bounds_what_is_unknown() -> None:
    rows = [
        *(lead() for _ in range(6)),
        *(undelivered("unknown") for _ in range(2)),
        undelivered("bounced"),
        undelivered("refused"),
        undelivered("no_channel"),
        undelivered("withheld"),
        undelivered("pending"),
        lead(excluded_reason="test_intent"),
        lead(excluded_reason="self_intent"),
    ]
    reach = only(rows).reach
    assert (reach.delivered, reach.notified, reach.unknown) == (6, 10, 2)
    assert (reach.share, reach.low, reach.high, reach.unknown_share) == (0.6, 0.6, 0.8, 0.2)


def test_deliveries_of_unknown_fate_bound_the_answered_share() -> None:
    bounds = only([answered(5), answered(9), lead(), lead(), undelivered("unknown")]).answered
    assert (bounds.count, bounds.low, bounds.high) == (2, 2 / 5, 2 / 4)


def test_each_lead_without_an_answer_has_exactly_one_cause() -> None:
    rows = [
        answered(5),
        lead(),
        lead(seen_after_s=9),
        lead(observed_s=DAY),
        lead(closed_after_s=DAY),
        lead(closed_after_s=35 * DAY),  # Closed, but only after 30 silent days.
        undelivered("bounced"),
        undelivered("switched_off"),
        undelivered("bounced", excluded_reason="undelivered"),
        undelivered("withheld"),
        undelivered("pending"),
        undelivered("unknown"),
        lead(excluded_reason="paused_vendor"),
    ]
    silent = only(rows).silent
    expected = Unanswered(
        undelivered=3, unseen=2, seen_no_answer=1, withheld=1, pending=2, closed_first=1, delivery_unknown=1
    )
    assert silent == expected


def test_shares_beyond_the_follow_up_are_said_to_be_not_yet_observable() -> None:
    shares = only([answered(60, observed_s=DAY), lead(observed_s=DAY)]).as_json()["share_by"]
    assert list(shares) == ["300", "3600", "86400", "604800", "2592000"]
    assert shares["86400"]["estimate"] == 0.5
    assert shares["604800"] == shares["2592000"] == "not yet observable"


def test_the_json_curve_steps_at_answers_and_ends_at_the_last_follow_up() -> None:
    points = only([answered(60), lead(observed_s=70), answered(80), lead(observed_s=90)]).as_json()["curve"]
    assert [(point["t_s"], point["at_risk"]) for point in points] == [(60, 4), (80, 2), (90, 1)]
    assert list(points[0]) == ["t_s", "answered", "se", "low", "high", "at_risk"]
    assert points[-1]["answered"] == points[-2]["answered"] == pytest.approx(0.625)


def test_the_median_among_responders_is_plain() -> None:
    assert only([answered(10), answered(20), answered(60), answered(90), lead()]).median_of_responders_s == 40.0


def test_groups_by_channel_category_and_vendor_hold_their_own_leads() -> None:
    rows = [answered(5, channel="webhook", category=""), lead(), lead(vendor_id="v2")]
    table = from_rows(rows)
    assert [(g.label, g.n) for g in measure(table, by="channel").groups] == [("email", 2), ("webhook", 1)]
    assert [(g.label, g.n) for g in measure(table, by="category").groups] == [("not stated", 1), ("cars", 2)]
    assert [(g.label, g.n) for g in measure(table, by="vendor").groups] == [("v1", 2), ("v2", 1)]


def test_a_group_measures_what_its_rows_alone_measure() -> None:
    one = [answered(5 * i, region="one", observed_s=HOUR * i) for i in range(1, 9)]
    two = [lead(region="two", seen_after_s=i or None) for i in range(4)] + [undelivered("unknown", region="two")]
    mixed = [row for pair in zip(one, two, strict=False) for row in pair] + one[len(two) :]
    for group, rows in zip(measure(from_rows(mixed), by="region").groups, (one, two), strict=True):
        assert group.as_json() == only(rows).as_json() | {"group": group.label}


# --- Data quality ---------------------------------------------------------------------------------


def test_negative_clocks_are_left_out_counted_and_named_by_row() -> None:
    measures = measure(read_csv(StringIO(as_csv([lead(), answered(-5), lead(seen_after_s=-9), answered(0)]))))
    quality = measures.data_quality
    assert measures.groups[0].n == 3
    assert quality.excluded == {"negative_clock": 1}
    assert quality.negative_clocks == {"seen_after_s": 1, "response_after_s": 1}
    assert quality.notes == (
        "Row 3: response_after_s is -5, which is before the start of its clock; the lead is left out.",
        "Row 4: seen_after_s is -9, which is before the start of its clock; the lead keeps its place.",
    )


def test_odd_answers_are_counted() -> None:
    rows = [
        answered(9, closed_after_s=5),
        answered(9, actor="unknown"),
        undelivered("unknown", response_after_s=5, response_kind="offer", response_actor="human"),
    ]
    quality = measure(from_rows(rows)).data_quality
    assert (quality.late_answers, quality.unknown_actors, quality.answers_without_delivery) == (1, 1, 1)
    assert only(rows).silent.delivery_unknown == 0  # It did answer.


# --- The edges ------------------------------------------------------------------------------------


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def test_an_empty_table_has_one_group_in_which_nothing_is_claimed() -> None:
    measures = measure(from_rows([]))
    said = measures.as_json()
    (group,) = said["groups"]
    assert (group["n"], group["curve"], group["median_of_responders_s"]) == (0, [], None)
    assert group["reach"]["share"] is None
    assert set(group["share_by"].values()) == {"not yet observable"}
    assert group["median_wait_s"] == {"estimate": None, "low": None, "high": None}
    assert measures.groups[0].silent == NOBODY
    assert measure(from_rows([]), by="vendor").groups == ()


def test_one_lead_is_measured_without_a_pretended_interval() -> None:
    group = only([answered(60)])
    found = group.share_by[HOUR]
    assert found is not None
    assert (found.estimate, found.has_interval) == (1.0, False)
    assert group.as_json()["median_wait_s"] == {"estimate": 60, "low": None, "high": None}


def test_all_censored_is_nought_answered_and_no_median() -> None:
    group = only([lead(observed_s=HOUR), lead(observed_s=2 * HOUR)])
    assert share(group, HOUR) == 0.0
    assert group.median_wait.estimate is None
    assert group.median_of_responders_s is None


def test_a_group_of_undelivered_leads_alone_has_reach_nought_and_no_curve() -> None:
    group = only([undelivered("bounced")])
    assert (group.n, group.reach.share, group.answered.high) == (0, 0.0, None)


seconds = st.none() | st.integers(-3, 3_000_000)


@given(
    st.lists(
        st.builds(
            lead,
            observed_s=st.integers(-3, 3_000_000),
            delivery_status=st.sampled_from(list(Delivery)),
            seen_after_s=seconds,
            closed_after_s=seconds,
            region=st.sampled_from(["gb", "fr", ""]),
            arm=st.sampled_from(["", "new", "control"]),
            intent_id=st.sampled_from(["i1", "i2", "i3"]),
            excluded_reason=st.sampled_from(["", "", "", "paused_vendor", "odd reason"]),
        )
        | st.builds(
            answered,
            st.integers(-3, 3_000_000),
            actor=st.sampled_from(["human", "auto", "unknown"]),
            kind=st.sampled_from(["offer", "question", "decline", "reply"]),
            observed_s=st.integers(0, 3_000_000),
            arm=st.sampled_from(["", "new", "control"]),
            randomisation_block=st.sampled_from(["", "b1"]),
            intent_id=st.sampled_from(["i4", "i5", "i6"]),
            vendor_id=st.sampled_from(["v1", "v2"]),
        ),
        max_size=25,
    ),
    st.sampled_from(list(COLUMN_OF)),
)
def test_any_table_adds_up_and_has_no_nan(rows: list[LeadRow], by: By) -> None:
    measures = measure(from_rows(rows), by=by)
    said = measures.as_json()
    assert json.loads(json.dumps(said, allow_nan=False)) == json.loads(json.dumps(said))
    assert all(math.isfinite(number) for number in numbers(said))
    excluded = measures.data_quality.excluded
    assert sum(group.n for group in measures.groups) + sum(excluded.values()) == len(rows)
    for group in measures.groups:
        silent = group.silent
        waiting = silent.unseen + silent.seen_no_answer + silent.closed_first
        assert group.answered.count + waiting <= group.n
        shares = [found.estimate for found in group.share_by.values() if found is not None]
        assert shares == sorted(shares)
        assert sum(group.bins.counts.values()) == group.bins.mature == group.n - group.bins.immature
        for horizon, silence in group.silent_by.items():
            ends = [way.by(horizon) for way in group.incidence.values()]
            assert silence is None or math.isclose(
                silence.estimate + sum(end.estimate for end in ends if end), 1.0, abs_tol=1e-9
            )
            assert (silence is None) is all(end is None for end in ends)
        assert [found is None for found in group.share_by.values()] == [h > group.curve.last_s for h in HORIZONS_S]
