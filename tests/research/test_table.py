"""The public column format: what is read, what is refused and in which words, and what the definitions make of it."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from research_leads import answered, as_csv, lead, undelivered

from vrm.kernel.errors import BadInput
from vrm.research.table import COLUMNS, MISSING, LeadRow, from_rows, read_csv, waits


def problems_of(text: str) -> dict[str, str]:
    with pytest.raises(BadInput) as refused:
        read_csv(StringIO(text))
    return refused.value.problems


def reasons(*rows: LeadRow) -> list[str]:
    left_out = waits(from_rows(rows)).left_out
    return [left_out[i] for i in range(len(rows))]


def test_the_columns_are_those_of_the_published_format_in_its_order() -> None:
    assert " ".join(COLUMNS) == (
        "snapshot_id lead_id intent_id vendor_id iso_week category region arm randomisation_block "
        "channel delivery_status delivered_after_s seen_after_s seen_basis response_after_s response_kind "
        "response_actor closed_after_s intent_outcome observed_s business_wait_s contact_interval_ok excluded_reason"
    )


def test_a_file_and_the_same_rows_in_memory_are_the_same_table(tmp_path: Path) -> None:
    rows = [lead(contact_interval_ok=True), answered(60, seen_after_s=50, region="fr"), undelivered()]
    file = tmp_path / "leads.csv"
    file.write_text(as_csv(rows), encoding="utf-8")
    read, made = read_csv(file), from_rows(rows)
    assert [read.words[name].labels for name in read.words] == [made.words[name].labels for name in made.words]
    for name, column in read.seconds.items():
        assert column.tolist() == made.seconds[name].tolist()
    assert read.contact_interval_ok.tolist() == made.contact_interval_ok.tolist() == [1, -1, -1]
    assert (read.row_numbers.tolist(), made.row_numbers.tolist()) == ([2, 3, 4], [1, 2, 3])
    assert read.snapshot_id == "2026-11"


def test_columns_may_come_in_any_order_and_others_are_named_and_ignored() -> None:
    table = read_csv(StringIO(as_csv([answered(7)], columns=["extra", *reversed(COLUMNS)])))
    assert table.seconds["response_after_s"].tolist() == [7]
    assert table.ignored_columns == ("extra",)


def test_a_table_as_pandas_or_a_spreadsheet_saves_it_is_read() -> None:
    text = as_csv([answered(300, contact_interval_ok=False)]).replace(",300,", ",300.0,")
    table = read_csv(StringIO("\ufeff" + text + "\n\n"))
    assert table.seconds["response_after_s"].tolist() == [300]
    assert table.seconds["seen_after_s"].tolist() == [MISSING]
    assert table.contact_interval_ok.tolist() == [0]


def test_a_header_alone_is_an_empty_table() -> None:
    assert len(read_csv(StringIO(as_csv([])))) == 0
    assert len(from_rows([])) == 0


@pytest.mark.parametrize(
    ("text", "key", "sentence"),
    [
        ("", "columns", "The file is empty. Its first row must name the columns."),
        ("\n\n", "columns", "The file is empty. Its first row must name the columns."),
        ('a,"b\nc', "file", "The file is not a table of comma-separated values: unexpected end of data."),
        (
            as_csv([], columns=[name for name in COLUMNS if name not in ("region", "observed_s")]),
            "columns",
            "These columns are missing from the header (row 1): region, observed_s.",
        ),
        (as_csv([], columns=[*COLUMNS, "arm"]), "columns", "The header (row 1) names these columns twice: arm."),
        (as_csv([lead()]) + "a,b\r\n", "rows/3/", "Row 3: It has 2 cells where the header has 23."),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_a_sentence(text: str, key: str, sentence: str) -> None:
    assert problems_of(text) == {key: sentence}


def test_a_file_that_is_missing_or_not_text_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be opened: No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"caf\xe9")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_csv(tmp_path / "latin.csv")


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (answered(5, kind="shrug"), "response_kind", "'shrug'; it must be one of: empty, offer, question"),
        (answered(5, actor="robot"), "response_actor", "'robot'; it must be one of: empty, human, auto, unknown"),
        (lead(delivery_status="maybe"), "delivery_status", "'maybe'; it must be one of: delivered, unknown"),
        (lead(intent_outcome="eaten"), "intent_outcome", "'eaten'"),
        (lead(iso_week="last week"), "iso_week", "write it as 2026-W07"),
        (lead(lead_id=""), "lead_id", "every lead needs its own"),
        (lead(observed_s=None), "observed_s", "must say for how long it was watched"),
        (lead(response_after_s=9, response_kind="offer"), "response_actor", "must say what answered"),
        (lead(response_after_s=9, response_actor="human"), "response_kind", "must say what answered"),
        (lead(response_kind="offer", response_actor="human"), "response_after_s", "must say when"),
        (lead(observed_s=20_261_121_093_000), "observed_s", "write whole seconds"),
        (lead(excluded_reason="undelivered"), "excluded_reason", "both delivered and excluded as undelivered"),
        (lead(excluded_reason="auto_reply"), "excluded_reason", "excludes no lead"),
        (replace(lead(), seen_after_s="soon"), "seen_after_s", "'soon'; write whole seconds, or leave it empty"),
        (
            replace(lead(), seen_after_s="2026-11-21T09:30:00"),
            "seen_after_s",
            "write how many whole seconds passed, not",
        ),
        (
            replace(lead(), observed_s="10:30"),
            "observed_s",
            "'10:30'; write how many whole seconds passed, not",
        ),
        (replace(lead(), seen_after_s=1.5), "seen_after_s", "'1.5'; write whole seconds"),
        (replace(lead(), seen_after_s="nan"), "seen_after_s", "'nan'; write whole seconds"),
        (replace(lead(), contact_interval_ok="perhaps"), "contact_interval_ok", "write true or false"),
        (lead(snapshot_id="2025-01"), "snapshot_id", "mixes the snapshots '2026-11' and '2025-01'"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_with_its_number(row: LeadRow, column: str, words: str) -> None:
    found = problems_of(as_csv([lead(), lead(), row]))
    assert f"rows/4/{column}" in found
    assert found[f"rows/4/{column}"].startswith("Row 4: ")
    assert words in found[f"rows/4/{column}"]


def test_the_same_lead_twice_is_refused_with_the_row_of_the_second() -> None:
    twice = lead(lead_id="same")
    found = problems_of(as_csv([twice, lead(), twice]))
    assert found == {"rows/4/lead_id": "Row 4: lead_id 'same' was already 2 rows above; a lead counts once."}


def test_row_numbers_are_those_of_a_spreadsheet_even_after_an_empty_line() -> None:
    header, first, second = as_csv([lead(), answered(3, kind="shrug")]).splitlines()
    assert list(problems_of(f"{header}\n{first}\n\n{second}\n")) == ["rows/4/response_kind"]


def test_many_problems_are_told_one_by_one_up_to_a_limit_and_then_counted() -> None:
    found = problems_of(as_csv([answered(5, kind="shrug") for _ in range(50)]))
    assert len(found) == 21
    assert found["rows"] == "And 30 more problems like these."


def test_t_c_and_d_follow_the_definition() -> None:
    derived = waits(
        from_rows(
            [
                answered(60, observed_s=100),  # Answered while open.
                answered(60, observed_s=60),  # In the same second as the end: an answer.
                answered(60, closed_after_s=60, observed_s=100),
                answered(61, closed_after_s=60, observed_s=100),  # After closing: too late.
                answered(0, observed_s=100),
                lead(observed_s=100),
                lead(closed_after_s=30, observed_s=100),
                lead(closed_after_s=300, observed_s=100),  # Closed after we stopped looking.
                answered(5, kind="decline", observed_s=100),
            ]
        )
    )
    assert derived.t_s.tolist() == [60, 60, 60, 60, 0, 100, 30, 100, 5]
    assert derived.follow_up_s.tolist() == [100, 60, 60, 60, 100, 100, 30, 100, 100]
    assert derived.answered.tolist() == [True, True, True, False, True, False, False, False, True]
    assert derived.counts.all()


def test_a_decline_is_an_answer_and_an_automatic_reply_is_not() -> None:
    derived = waits(from_rows([answered(5, kind="decline"), answered(5, actor="auto"), answered(5, actor="unknown")]))
    assert derived.answered.tolist() == [True, False, False]
    assert derived.counts.all()


def test_leads_that_do_not_count_say_why() -> None:
    rows = [
        lead(),
        undelivered("bounced"),
        undelivered("undelivered", excluded_reason="undelivered"),
        undelivered("no_channel"),
        undelivered("unknown"),
        undelivered("withheld"),
        undelivered("pending"),
        lead(excluded_reason="known_bad_channel"),
        undelivered("switched_off", excluded_reason="paused_vendor"),
        answered(5, excluded_reason="self_intent"),
        answered(5, excluded_reason="test_intent"),
    ]
    assert reasons(*rows) == [
        "",
        *["undelivered"] * 3,
        "delivery_unknown",
        "withheld",
        "not_yet_sent",
        "known_bad_channel",
        "paused_vendor",
        "self_intent",
        "test_intent",
    ]


def test_a_negative_wait_takes_the_lead_out_and_a_negative_sight_does_not() -> None:
    rows = [answered(-1), lead(closed_after_s=-5), lead(observed_s=-5), lead(seen_after_s=-5), answered(0)]
    assert reasons(*rows) == ["negative_clock"] * 3 + ["", ""]


def test_an_automatic_reply_before_delivery_leaves_the_lead_unanswered_and_in() -> None:
    derived = waits(from_rows([answered(-1, actor="auto")]))
    assert (derived.counts.tolist(), derived.answered.tolist()) == ([True], [False])


@given(st.text(max_size=400))
def test_any_text_is_a_table_or_a_sentence(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_csv(StringIO(text))
    assert all(sentence.endswith(".") for sentence in refused.value.problems.values())


@given(st.lists(st.sampled_from(["", "5", "-5", "x", "delivered", "human", "offer", "1e9", "٣", "\x00"]), min_size=23))
def test_any_cells_are_a_row_or_a_sentence(cells: list[str]) -> None:
    text = ",".join(COLUMNS) + "\n" + ",".join(cells[:23]) + "\n"
    try:
        derived = waits(read_csv(StringIO(text)))
    except BadInput as refused:
        sentences = list(refused.problems.values())
    else:
        sentences, left_out = [], derived.left_out
        assert derived.counts.tolist() == [left_out[0] == ""]
    assert all(sentence.endswith(".") for sentence in sentences)
