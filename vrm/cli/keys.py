"""Commands on the secret key: a new one, and sealing everything with it."""

import secrets

import click

from vrm.cli.terminal import ready_store, sentences, settings
from vrm.kernel.errors import VrmError
from vrm.sealing_anew import seal_anew


@click.group()
def keys() -> None:
    """Change the secret key, and nothing that it signed or sealed is lost."""


@keys.command()
@sentences
def new() -> None:
    """Make a new key beside the SQLite store; the one before moves to instance/old_secret_keys.

    Restart web and worker then, and run `vrm keys rotate`. Where VRM_SECRET_KEY is set, set it to a new one
    (`openssl rand -hex 32`) and VRM_OLD_SECRET_KEYS to the one before instead.

    \b
    Example:
      vrm keys new
    """
    found = settings()
    file, old = found.instance / "secret_key", found.instance / "old_secret_keys"
    if not found.embedded or not file.exists() or file.read_text().strip() != found.secret_key:
        raise VrmError(
            "The key comes from VRM_SECRET_KEY here: set that to a new one (`openssl rand -hex 32`), "
            "VRM_OLD_SECRET_KEYS to the one before, and restart web and worker."
        )
    old.touch(mode=0o600)
    before = old.read_text() if old.exists() else ""
    old.write_text(f"{found.secret_key}\n{before}")
    fresh = file.with_name(".secret_key.new")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(32))
    fresh.replace(file)
    click.echo(f"{file} holds a new key, {old} the one before. Restart web and worker, then run `vrm keys rotate`.")


@keys.command()
@sentences
def rotate() -> None:
    """Seal every secret in the store with the present key. Safe to repeat, and while the broker runs.

    \b
    Example:
      VRM_OLD_SECRET_KEYS=$OLD vrm keys rotate
    """
    with ready_store(settings()) as store:
        done = seal_anew(store)
    for name, count in done.items():
        click.echo(f"{count:>8,}  {name}")
    click.echo(
        f"Sealed {sum(done.values()):,} with the present key. Keep the old ones named for 90 days: links in mails "
        "that were sent, and people who are signed in, need them."
    )
