"""Many subscriptions at once from a table, through the API: looked at first, or taken."""

from typing import Annotated

from pydantic import Field

from vendors import importing, sheet
from vendors.importing import Fate
from vendors.models import Role
from vrm.kernel.accounts import Scope, audit
from vrm.kernel.errors import BadInput
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import Given, Told
from vrm.web.api.vendors import vendor_for

ROUTES = Routes("Subscriptions")


class Table(Given):
    """Rows of subscriptions, as the page of a vendor explains them."""

    csv: Annotated[
        str,
        Field(
            examples=[importing.EXAMPLE],
            description=f"With a head of {', '.join(importing.COLUMNS)}; {' and '.join(importing.NEEDED)} are needed.",
        ),
    ]
    dry_run: Annotated[bool, Field(description="Only say what each row would do.")] = False


class RefusedRow(Told):
    """A row that was not taken."""

    row: int = Field(description="As a spreadsheet counts: the head is row 1.")
    problem: str
    candidates: list[str] = Field(description="What an ambiguous name may mean, as ids.")


class Imported(Told):
    """What became of the rows, or would have become of them."""

    kept: bool = Field(description="False after a dry run: nothing was written.")
    made: int
    changed: int
    unchanged: int = Field(description="There was such a subscription already.")
    refused: list[RefusedRow]


@ROUTES.add(
    "POST",
    "/vendors/{slug}/subscriptions/import",
    scopes=(Scope.VENDORS_WRITE,),
    body=Table,
    answer=Imported,
    refuses=(403,),
)
def import_subscriptions(caller: Caller, slug: str, body: Table) -> Imported:
    """Make and change subscriptions by a table. Rows that do not hold are told, and the others are taken."""
    vendor = vendor_for(caller, slug, Role.ADMIN)
    try:
        lines = sheet.read(
            body.csv.encode("utf-8", "surrogatepass"),
            known=importing.COLUMNS,
            needed=importing.NEEDED,
            ignored=importing.OF_ERRORS,
        )
    except BadInput as error:
        raise BadInput({"csv": error.problems["file"]}) from error
    report = importing.run(caller.session, vendor, lines, caller.now, keep=not body.dry_run)
    counts = report.counts
    if not body.dry_run:
        told = {fate.value: count for fate, count in counts.items()}
        audit(caller.session, "subscriptions.imported", vendor.slug, caller.now, by=caller.account, **told)
    return Imported(
        kept=not body.dry_run,
        made=counts[Fate.MADE],
        changed=counts[Fate.CHANGED],
        unchanged=counts[Fate.KEPT],
        refused=[
            RefusedRow(row=one.line.number, problem=one.sentence, candidates=[each.slug for each in one.candidates])
            for one in report.refused
        ],
    )
