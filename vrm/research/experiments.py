"""Experiments: a plan is checked, fingerprinted, published before the first message, and watched by the machine."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents.trials import Assignment, Consent, Deviation, Ethics, Experiment, arm_at
from notifiers.models import Channel, ChannelKind, Notification, Topic
from vendors import team
from vendors.models import Lead
from vrm.kernel import accounts, taxonomy
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import BadInput, NotFound, WrongState
from vrm.research.counts import HORIZONS_S
from vrm.research.trials import power_of, sample_size

EXAMPLE: Mapping[str, Any] = {
    "title": "Yaris again: does the customer's own voice bring more answers?",
    "hypothesis": "A want that opens with a sentence in the customer's own voice is answered more often within a day.",
    "ethics": "real",
    "horizon_s": 86_400,
    "arms": [
        {"name": "control"},
        {"name": "voice", "opening": "I have wanted one since 2008, and nobody came. Will you?"},
    ],
    "category": "vehicles-parts",
    "region": "gb",
    "blocks": ["category", "region"],
    "block_size": 4,
    "seed": 2008,
    "expected": [0.37, 0.5],
    "icc": 0.1,
    "leads_per_want": 5,
    "stop": {"wants": 120, "days": 90},
    "analysis": "Share answered by the horizon, arm less control; p by dealing anew, interval by wants (CR1).",
    "debrief": "Vendors are told on /research which wordings were compared, and what came of it.",
}
_WORDS = ("title", "hypothesis", "analysis", "debrief")
_KNOWN = frozenset(EXAMPLE) | {"account"}


@dataclass(frozen=True, slots=True)
class Power:
    """What the plan needs, and what its stopping rule gives it."""

    wants_per_arm: int
    leads_per_arm: int
    design_effect: float
    at_stop: float  # The chance to find the expected difference with as many wants as it stops at.


def check(session: Session, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan as it would be kept, or BadInput with a sentence for each field that does not hold."""
    wrong: dict[str, str] = {name: f"There is no field {name!r} in a plan." for name in plan if name not in _KNOWN}
    wrong |= {
        name: f"{name} is missing; `vrm experiment example` prints a whole plan."
        for name in EXAMPLE
        if name not in plan
    }
    if wrong:
        raise BadInput(wrong)
    wrong |= {name: f"{name} must be a sentence." for name in _WORDS if not _is_text(plan[name])}
    if plan["ethics"] not in tuple(Ethics):
        wrong["ethics"] = (
            "ethics is “real” (wants of people who mean to buy) or “study” (vendors who agreed to take part)."
        )
    if plan["horizon_s"] not in HORIZONS_S:
        wrong["horizon_s"] = f"horizon_s is one of {', '.join(map(str, HORIZONS_S))} seconds."
    wrong |= _check_arms(plan["arms"]) | _check_numbers(plan)
    trees = taxonomy.trees(session)
    kept = dict(plan)
    for name, tree in (("category", trees.categories), ("region", trees.regions)):
        try:
            kept[name] = tree.resolve(str(plan[name]), field=name).slug
        except BadInput as error:
            wrong |= error.problems
    if plan["ethics"] == Ethics.STUDY and not _is_text(plan.get("account")):
        wrong["account"] = "A study names the account that publishes its wants, by its mail address."
    if wrong:
        raise BadInput(wrong)
    return kept


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 4_000


def _check_arms(arms: Any) -> dict[str, str]:
    if not isinstance(arms, list) or not 2 <= len(arms) <= 8 or not all(isinstance(arm, dict) for arm in arms):
        return {"arms": "arms is a list of two to eight objects, each with a name."}
    names = [arm.get("name") for arm in arms]
    if not all(_is_text(name) and len(name) <= 64 for name in names) or len(set(names)) < len(names):
        return {"arms": "Each arm needs a name of its own, of 64 letters at most."}
    for arm in arms:
        wrong = _wrong_with(arm)
        if wrong:
            return {"arms": wrong}
    regions = ["region" in arm for arm in arms]
    if any(regions) and not all(regions):
        return {"arms": "Either every arm has a region, or none has."}
    return {}


def _wrong_with(arm: Mapping[str, Any]) -> str:
    unknown = sorted(set(arm) - {"name", "opening", "channel", "region"})
    if unknown:
        return f"An arm has name, opening, channel or region, and no {unknown[0]!r}."
    if arm.get("channel") is not None and arm["channel"] not in tuple(ChannelKind):
        return f"There is no channel of the kind {arm['channel']!r}."
    if "opening" in arm and not (isinstance(arm["opening"], str) and len(arm["opening"]) <= 500):
        return "An opening is a text of 500 letters at most."
    return ""


def _check_numbers(plan: Mapping[str, Any]) -> dict[str, str]:
    wrong = {}
    arms = len(plan["arms"]) if isinstance(plan["arms"], list) else 2
    size = plan["block_size"]
    if not _is_whole(size, 1, 200) or size % max(arms, 1):
        wrong["block_size"] = f"block_size is a multiple of the number of arms ({arms}), 200 at most."
    if not isinstance(plan["blocks"], list) or not set(plan["blocks"]) <= {"category", "region"}:
        wrong["blocks"] = "blocks is a list of “category”, “region”, both or nothing."
    if not _is_whole(plan["seed"], 0, 2**53):
        wrong["seed"] = "seed is a whole number."
    expected = plan["expected"]
    shares = isinstance(expected, list) and len(expected) == 2 and all(_is_share(each) for each in expected)
    if not shares or expected[0] == expected[1]:
        wrong["expected"] = "expected has the two shares that you want to tell apart, such as [0.37, 0.5]."
    if not _is_share(plan["icc"]):
        wrong["icc"] = "icc is between 0 and 1: how alike the leads of one want are."
    leads = plan["leads_per_want"]
    if isinstance(leads, bool) or not isinstance(leads, int | float) or not 1 <= leads <= 10_000:
        wrong["leads_per_want"] = "leads_per_want is 1 or more."
    stop = plan["stop"]
    if (
        not isinstance(stop, dict)
        or set(stop) != {"wants", "days"}
        or not all(_is_whole(each, 1, 10**6) for each in stop.values())
    ):
        wrong["stop"] = "stop has wants and days, whichever comes first."
    return wrong


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def power(plan: Mapping[str, Any]) -> Power:
    """M13, printed before the first send."""
    control, other = plan["expected"]
    alike = {"leads_per_intent": float(plan["leads_per_want"]), "icc": float(plan["icc"])}
    needed = sample_size(control, other, **alike)
    leads = plan["stop"]["wants"] / len(plan["arms"]) * plan["leads_per_want"]
    return Power(needed.intents, needed.leads, needed.design_effect, power_of(control, other, leads=leads, **alike))


def state(experiment: Experiment) -> str:
    """ "published", "runs" or "ended"."""
    if experiment.ended_at is not None:
        return "ended"
    return "runs" if experiment.started_at is not None else "published"


def arms_of(dealt: list[Assignment]) -> dict[str, int]:
    """How many wants are in each arm."""
    return dict(sorted(Counter(each.arm for each in dealt).items()))


def canonical(plan: Mapping[str, Any]) -> str:
    """The very text of which the fingerprint is taken."""
    return json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(plan: Mapping[str, Any]) -> str:
    """SHA-256 of the plan as canonical JSON: keys in order, no spaces, UTF-8."""
    return hashlib.sha256(canonical(plan).encode()).hexdigest()


def register(session: Session, plan: Mapping[str, Any], now: datetime) -> Experiment:
    """Publish a plan with its fingerprint and this moment. Nothing is dealt yet. Raises BadInput."""
    kept = check(session, plan)
    account = None
    if kept["ethics"] == Ethics.STUDY:
        account = accounts.find(session, kept["account"])
        if account is None:
            raise BadInput({"account": f"There is no account {kept['account']}; make it first."})
        kept = {**kept, "account": "an account of its own"}  # The plan is public, and the address is a person's.
    experiment = Experiment(
        code=new_code(),
        title=kept["title"],
        ethics=Ethics(kept["ethics"]),
        plan=kept,
        digest=fingerprint(kept),
        account_id=account.id if account else None,
        registered_at=now,
    )
    session.add(experiment)
    session.flush()
    return experiment


def by_code(session: Session, code: str) -> Experiment:
    """NotFound when there is none."""
    found = session.scalar(select(Experiment).where(Experiment.code == code)) if is_code(code) else None
    if found is None:
        raise NotFound("There is no such experiment.")
    return found


def all_of(session: Session) -> list[Experiment]:
    """The newest first."""
    return list(session.scalars(select(Experiment).order_by(Experiment.id.desc())))


def start(session: Session, experiment: Experiment, now: datetime) -> None:
    """Deal arms to the wants that are routed from now on. WrongState when it began before."""
    if experiment.started_at is not None:
        raise WrongState("This experiment has begun already.")
    if experiment.ethics is Ethics.STUDY and not session.scalar(
        select(func.count()).select_from(Consent).where(Consent.experiment_id == experiment.id)
    ):
        raise WrongState("No vendor has agreed to take part yet; record them with `vrm experiment consent`.")
    experiment.started_at = now
    session.flush()


def stop(session: Session, experiment: Experiment, now: datetime, *, because: str) -> None:
    """Deal no more arms. WrongState unless it runs."""
    if experiment.started_at is None or experiment.ended_at is not None:
        raise WrongState("This experiment does not run.")
    experiment.ended_at, experiment.ended_because = now, because.strip()[:500] or "not said"
    session.flush()


def consent(session: Session, experiment: Experiment, slug: str, now: datetime) -> None:
    """Note that this vendor agreed to take part in a study. WrongState for an experiment with real wants."""
    if experiment.ethics is not Ethics.STUDY:
        raise WrongState("Only a study asks vendors first; wants of this experiment are real.")
    vendor = team.by_slug(session, slug)
    session.merge(Consent(experiment_id=experiment.id, vendor_id=vendor.id, agreed_at=now))
    session.flush()


def note_deviation(session: Session, experiment: Experiment, sentence: str, now: datetime) -> None:
    """Write down where the plan was left, in a sentence. BadInput when it is empty."""
    if not _is_text(sentence):
        raise BadInput({"deviation": "Write down what was done otherwise, in a sentence."})
    session.add(Deviation(experiment_id=experiment.id, at=now, sentence=sentence.strip()))
    session.flush()


def assignments(session: Session, experiment: Experiment) -> list[Assignment]:
    """Every want that was dealt, in order."""
    mine = select(Assignment).where(Assignment.experiment_id == experiment.id)
    return list(session.scalars(mine.order_by(Assignment.dealt_at, Assignment.intent_id)))


def deviations(session: Session, experiment: Experiment, now: datetime) -> list[str]:
    """Where it left its plan: what the machine sees, then what people wrote down."""
    noted = session.scalars(select(Deviation).where(Deviation.experiment_id == experiment.id).order_by(Deviation.id))
    return [*_seen(session, experiment, now), *(f"{each.at:%d %B %Y}: {each.sentence}" for each in noted)]


def _seen(session: Session, experiment: Experiment, now: datetime) -> Iterator[str]:
    plan, dealt = experiment.plan, assignments(session, experiment)
    if fingerprint(plan) != experiment.digest:
        yield "The plan that is kept is not the one that was published: its fingerprint differs."
    if experiment.ended_at is not None and experiment.started_at is not None:
        ran = experiment.ended_at - experiment.started_at
        if len(dealt) < plan["stop"]["wants"] and ran < timedelta(days=plan["stop"]["days"]):
            yield (
                f"It was stopped after {len(dealt)} wants and {ran.days} days, before its rule "
                f"({plan['stop']['wants']} wants or {plan['stop']['days']} days): {experiment.ended_because}"
            )
    if len(dealt) > plan["stop"]["wants"]:
        yield f"{len(dealt)} wants were dealt, {len(dealt) - plan['stop']['wants']} more than its rule allows."
    if experiment.ended_at is None and experiment.started_at is not None:
        over = (now - experiment.started_at).days - plan["stop"]["days"]
        if over > 0:
            yield f"It still runs, {over} days after its rule would have ended it."
    tied = any("region" in arm for arm in plan["arms"])
    if tied:
        yield "Arms are tied to regions and were not dealt: they differ in all in which the regions differ."
    else:
        wrong = [each for each in dealt if each.arm != arm_at(plan, each.block, each.place)["name"]]
        if wrong:
            yield f"{len(wrong)} wants are in another arm than the seed deals."
    sizes = Counter(each.arm for each in dealt)
    if (
        sizes
        and not tied
        and max(sizes.values()) - min(sizes[str(arm["name"])] for arm in plan["arms"]) > plan["block_size"]
    ):
        yield f"Arms are uneven: {', '.join(f'{arm} {count}' for arm, count in sorted(sizes.items()))}."
    yield from _not_applied(session, experiment)
    if experiment.ethics is Ethics.STUDY:
        agreed = select(Consent.vendor_id).where(Consent.experiment_id == experiment.id)
        outside = session.scalar(
            select(func.count())
            .select_from(Lead)
            .join(Assignment, Assignment.intent_id == Lead.intent_id)
            .where(Assignment.experiment_id == experiment.id, Lead.vendor_id.not_in(agreed))
        )
        if outside:
            yield f"{outside} leads went to vendors who had not agreed to take part."


def _not_applied(session: Session, experiment: Experiment) -> Iterator[str]:
    wanted = {str(arm["name"]): arm["channel"] for arm in experiment.plan["arms"] if arm.get("channel")}
    for arm, kind in wanted.items():
        told = (
            select(func.count(func.distinct(Lead.vendor_id)))
            .select_from(Lead)
            .join(Assignment, Assignment.intent_id == Lead.intent_id)
            .join(
                Notification,
                (Notification.intent_id == Lead.intent_id)
                & (Notification.vendor_id == Lead.vendor_id)
                & (Notification.topic == Topic.LEAD_CREATED),
            )
            .join(Channel, Channel.id == Notification.channel_id)
        )
        mine = (Assignment.experiment_id == experiment.id, Assignment.arm == arm, Channel.kind != ChannelKind(kind))
        others = session.scalar(told.where(*mine)) or 0
        if others:
            yield f"In arm {arm}, {others} vendors had no channel of the kind {kind} and were told otherwise."


def dealt_anew(plan: Mapping[str, Any], blocks: Mapping[str, int]) -> dict[str, list[str]]:
    """For each block the arms of as many wants, as the seed deals them: to check a published list by hand."""
    return {block: [str(arm_at(plan, block, place)["name"]) for place in range(many)] for block, many in blocks.items()}
