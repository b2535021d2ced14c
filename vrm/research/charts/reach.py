"""Who was reached: from routed to answered, with bounds where delivery is not known; and what was left out."""

from vrm.research import drawing
from vrm.research.charts.figure import Column, Figure, Say, table
from vrm.research.counts import NOT_REAL
from vrm.research.metrics import Measures
from vrm.research.table import MISSING, Excluded, LeadTable


def reach(leads: LeadTable, measures: Measures, say: Say) -> Figure:
    """The funnel: routed, notified, delivered, seen, answered."""
    group = measures.groups[0]
    real = ~leads.words["excluded_reason"].among(NOT_REAL)
    delivered = real & leads.words["delivery_status"].among(["delivered"])
    seen = int((delivered & (leads.seconds["seen_after_s"] != MISSING)).sum())
    unknown = group.reach.unknown
    rows: list[tuple[str, int, int]] = [
        (say("routed"), int(real.sum()), int(real.sum())),
        (say("notified"), group.reach.notified, group.reach.notified),
        (say("delivered"), group.reach.delivered, group.reach.delivered + unknown),
        (say("seen, with proof"), seen, seen),
        (say("answered by a person"), group.answered.count, group.answered.count),
    ]

    def draw(ident: str, width: int) -> str:
        most, left = max(rows[0][1], 1), drawing.gutter((name for name, _, _ in rows), width)
        scale, step = (width - left - 64) / most, 34 if left else 48
        body = [drawing.hatch(f"{ident}-unknown")]
        for place, (name, low, high) in enumerate(rows):
            y = 8 + step * place + (0 if left else 14)
            body += [
                drawing.text(left - 8, y + 16, name, anchor="end", small=True)
                if left
                else drawing.text(0, y - 4, name, small=True),
                drawing.rect(left, y, low * scale, 24, opacity=0.85),
                drawing.area(
                    [(left + low * scale, y), (left + high * scale, y), (left + high * scale, y + 24),
                     (left + low * scale, y + 24)], opacity=1, pattern=f"{ident}-unknown",
                ) if high > low else "",
                drawing.text(left + high * scale + 6, y + 17, str(low) if low == high else f"{low}–{high}"),
            ]  # fmt: skip
        desc = "; ".join(f"{name}: {low}" if low == high else f"{name}: {low}–{high}" for name, low, high in rows)
        return drawing.svg(ident, (width, 8 + step * len(rows)), say("Who was reached"), desc, body)

    return Figure(
        name="reach",
        title=say("Who was reached"),
        definition=say(
            "How many leads got how far. Where nobody knows whether a message arrived, the bar is hatched: the truth "
            "lies between its two ends. A vendor whom we failed to reach is never called silent."
        ),
        n=rows[0][1],
        table=table(
            [
                Column("step", say("Step")),
                Column("leads_at_least", say("At least"), "count"),
                Column("leads_at_most", say("At most"), "count"),
                Column("share_of_notified", say("Of those notified"), "share"),
            ],
            [
                (name, low, high, low / group.reach.notified if group.reach.notified and place else None)
                for place, (name, low, high) in enumerate(rows)
            ],
        ),
        draw=draw,
        query="reach",
    )


def quality(measures: Measures, say: Say) -> Figure:
    """What is in no denominator, and what looked odd."""
    found = measures.data_quality
    reasons: dict[str, str] = {
        Excluded.UNDELIVERED: say("not delivered"),
        Excluded.KNOWN_BAD_CHANNEL: say("the channel was known not to work"),
        Excluded.PAUSED_VENDOR: say("the vendor had a break"),
        Excluded.SELF_INTENT: say("a want of the vendor's own people"),
        Excluded.TEST_INTENT: say("a test"),
    }
    rows: list[tuple[str, str, int]] = [
        (say("left out"), reasons.get(reason, reason), count) for reason, count in found.excluded.items()
    ]
    rows += [(say("clock ran backwards"), column, count) for column, count in found.negative_clocks.items()]
    rows += [
        (say("not counted as an answer"), say("automatic replies"), found.auto_replies),
        (say("not counted as an answer"), say("answers of unknown origin"), found.unknown_actors),
        (say("not counted as an answer"), say("answers after the want was closed"), found.late_answers),
        (say("odd"), say("answers without a proof of delivery"), found.answers_without_delivery),
    ]

    def draw(ident: str, width: int) -> str:
        left = drawing.gutter((name for _, name, _ in rows), width)
        most = max((count for _, _, count in rows), default=1) or 1
        scale, step = (width - left - 60) / most, 26 if left else 40
        body = []
        for place, (_, name, count) in enumerate(rows):
            y = 6 + step * place + (0 if left else 13)
            body += [
                drawing.text(left - 8, y + 13, name, anchor="end", small=True)
                if left
                else drawing.text(0, y - 3, name, small=True),
                drawing.rect(left, y, count * scale, 17, colour="few", opacity=0.7),
                drawing.text(left + count * scale + 6, y + 13, str(count), small=True),
            ]
        desc = "; ".join(f"{what}, {name}: {count}" for what, name, count in rows)
        return drawing.svg(ident, (width, 10 + step * len(rows)), say("What was left out"), desc, body)

    return Figure(
        name="quality",
        title=say("What was left out, and why"),
        definition=say(
            "Every lead is either behind the curve or in exactly one line “left out”. Automatic replies are no "
            "answers, but the lead goes on waiting and counts."
        ),
        n=found.rows,
        table=table(
            [
                Column("what", say("What")),
                Column("which", say("Which")),
                Column("leads", say("Leads"), "count"),
            ],
            rows,
        ),
        draw=draw,
        query="quality",
    )
