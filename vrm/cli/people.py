"""Commands on accounts: create, list, token."""

import re
import sys
from datetime import timedelta

import click
from sqlalchemy import select

from vrm.cli.terminal import ready_store, sentences, settings, show_json, show_table
from vrm.kernel import accounts as kernel
from vrm.kernel.accounts import OF_EVERYBODY, Account, Passwords, Scope
from vrm.kernel.clock import utc_now
from vrm.kernel.errors import BadInput, NotFound


@click.group()
def accounts() -> None:
    """People and their API tokens."""


@accounts.command()
@click.argument("email")
@click.option("--operator", is_flag=True, help="May moderate and look after the broker.")
@click.option("--researcher", is_flag=True, help="May use the restricted data.")
@click.option("--verified", is_flag=True, help="You vouch that the mailbox is theirs; no mail is asked for.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@sentences
def create(email: str, operator: bool, researcher: bool, verified: bool, password_stdin: bool) -> None:
    """Make an account for EMAIL. On a terminal it asks for a password; none means signing in by mailed links.

    \b
    Example:
      vrm accounts create olu@example.org --operator --verified
    """
    password = ""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password (empty for none)", hide_input=True, default="", show_default=False)
    now = utc_now()
    with ready_store(settings()) as store, store.write() as session:
        if kernel.find(session, email) is not None:
            raise BadInput({"email": f"There is an account for {email} already."})
        account = kernel.ensure(session, email, now)
        account.is_operator, account.is_researcher = operator, researcher
        account.verified_at = now if verified else None
        account.trusted_at = now  # Who runs the broker vouches for whom they make an account.
        if password:
            account.password_hash = Passwords().hash(password)
        kernel.audit(session, "account.created", kernel.ident(account), now, by=None, operator=operator)
    click.echo(f"Made the account {account.email}.")


@accounts.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@sentences
def list_(as_json: bool) -> None:
    """List all open accounts."""
    with ready_store(settings()) as store, store.read() as session:
        found = session.scalars(select(Account).where(Account.closed_at.is_(None)).order_by(Account.email)).all()
    rows = [
        {
            "email": account.email,
            "operator": account.is_operator,
            "researcher": account.is_researcher,
            "verified": account.verified_at is not None,
            "created_at": account.created_at.isoformat(timespec="seconds"),
        }
        for account in found
    ]
    if as_json:
        show_json(rows)
    elif rows:
        show_table(list(rows[0]), [[str(value)[:32] for value in row.values()] for row in rows])
    else:
        click.echo("No accounts yet. Make one with `vrm accounts create EMAIL`.")


@accounts.command()
@click.argument("email")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="May be repeated; all but operator if none.",
)
@click.option("--expires", default="90d", show_default=True, help="Such as 12h, 30d or never.")
@click.option("--name", default="from the terminal", show_default=True, help="To tell it from others.")
@sentences
def token(email: str, scopes: tuple[str, ...], expires: str, name: str) -> None:
    """Make an API token for EMAIL, and print it as the last word.

    \b
    Example:
      vrm accounts token ana@example.org --scope intents:write --expires 30d
    """
    with ready_store(settings()) as store, store.write() as session:
        account = kernel.find(session, email)
        if account is None:
            raise NotFound(f"There is no account for {email}; make it with `vrm accounts create {email}`.")
        made = kernel.make_token(
            session, account, utc_now(), name=name, scopes=scopes or OF_EVERYBODY, lasts=_span(expires)
        )
        kernel.audit(session, "account.token-made", kernel.ident(account), utc_now(), by=None, scopes=made.token.scopes)
    click.echo(f"Token for {account.email} ({', '.join(made.token.scopes)}), shown this once: {made.secret}")


def _span(written: str) -> timedelta | None:
    if written == "never":
        return None
    found = re.fullmatch(r"(\d{1,5})([hd])", written)
    if found is None:
        raise click.BadParameter("write it as 12h, 30d or never.", param_hint="--expires")
    amount = int(found[1])
    return timedelta(hours=amount) if found[2] == "h" else timedelta(days=amount)
