"""Words that a vendor often answers with, kept under a name and filled in for one want."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from vendors.models import Vendor
from vrm.kernel import text
from vrm.kernel.db import Base, Id, Moment, Ref, Word, add_if_new, is_row_id
from vrm.kernel.errors import BadInput, LimitReached, NotFound

AT_MOST = 50  # Of one vendor.
FIELDS = ("title", "place", "budget", "vendor")  # What `{…}` in the words may name.


class Template(Base):
    """Words that a vendor often answers with."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("vendor_id", "name"),)

    id: Mapped[Id]
    vendor_id: Mapped[Ref] = mapped_column(ForeignKey("vendors.id", ondelete="CASCADE"))
    name: Mapped[Word]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment]


def of_vendor(session: Session, vendor: Vendor) -> list[Template]:
    """By name."""
    return list(session.scalars(select(Template).where(Template.vendor_id == vendor.id).order_by(Template.name)))


def find(session: Session, vendor: Vendor, template_id: int) -> Template:
    """One template of this vendor; NotFound for anybody else's."""
    found = session.get(Template, template_id) if is_row_id(template_id) else None
    if found is None or found.vendor_id != vendor.id:
        raise NotFound("There is no such template.")
    return found


def keep(
    session: Session, vendor: Vendor, now: datetime, *, name: str, body: str, template: Template | None = None
) -> Template:
    """Make a template, or change `template`. BadInput with a sentence per field, LimitReached beyond 50."""
    problems: dict[str, str] = {}
    try:
        name = text.line(name, field="name", label="The name", most=60)
    except BadInput as error:
        problems |= error.problems
    try:
        body = text.prose(body, field="body", label="The text", most=8_000)
        if not body:
            problems["body"] = "The text is missing; please write what you often answer."
    except BadInput as error:
        problems |= error.problems
    if problems:
        raise BadInput(problems)
    taken = select(Template.id).where(Template.vendor_id == vendor.id, Template.name == name)
    if template is not None:
        taken = taken.where(Template.id != template.id)
    if session.scalar(taken) is not None:
        raise BadInput({"name": f"There is a template called “{name}” already; please choose another name."})
    if template is not None:
        template.name, template.body = name, body
        session.flush()
        return template
    count = session.scalar(select(func.count()).select_from(Template).where(Template.vendor_id == vendor.id)) or 0
    if count >= AT_MOST:
        raise LimitReached(f"{AT_MOST} templates are the most; please remove one first.")
    made = Template(vendor_id=vendor.id, name=name, body=body, created_at=now)
    if not add_if_new(session, made):
        raise BadInput({"name": f"There is a template called “{name}” already; please choose another name."})
    return made


def remove(session: Session, template: Template) -> None:
    """Forget it; what was answered with it stays as it is."""
    session.delete(template)
    session.flush()


def filled(body: str, facts: Mapping[str, str]) -> str:
    """The words with `{title}` and the like replaced; a brace that names nothing stays as it is."""
    for name in FIELDS:
        body = body.replace(f"{{{name}}}", facts.get(name, ""))
    return body
