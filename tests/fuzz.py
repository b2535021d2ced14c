"""Requests that nobody thought of, made from the API's own description by Schemathesis: `python -m tests.fuzz ST`.

ST is Schemathesis' command (`make fuzz` installs it beside, since it brings fifty packages that no test needs). All
its checks run against a seeded broker, by one account that is customer and vendor at once; what it makes and what
lists show, it goes on with.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# As pytest does: the helpers of the tests are found by their own names.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "web")]

from argon2 import PasswordHasher  # noqa: E402 - After the line above.
from browsing import free_port, serving  # noqa: E402
from little import fewer_towns  # noqa: E402
from sqlalchemy import create_engine, make_url, text  # noqa: E402
from world import World, app_for, make_world, settings_for  # noqa: E402

from vendors import team  # noqa: E402
from vendors.models import Role  # noqa: E402
from vrm.kernel import accounts  # noqa: E402
from vrm.kernel.accounts import Passwords, Scope  # noqa: E402, Scope
from vrm.kernel.clock import utc_now  # noqa: E402
from vrm.kernel.db import Store  # noqa: E402
from vrm.kernel.loading import load  # noqa: E402
from vrm.models import Base  # noqa: E402

POSTGRES = os.environ.get("VRM_TEST_POSTGRES_URL", "postgresql://postgres:postgres@127.0.0.1:5432/postgres")


def main(asked: list[str]) -> int:
    """Fuzz both stores; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("st", help="the command of Schemathesis")
    parser.add_argument("--examples", type=int, default=40, help="for each operation (default: 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    chosen = parser.parse_args(asked)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vrm-fuzz-") as folder:
        place = Path(folder)
        if chosen.only != "postgresql":
            failed |= _on(f"sqlite:///{place / 'vrm.db'}", place, chosen)
        if chosen.only != "sqlite":
            name = f"vrm_fuzz_{os.getpid()}"
            admin = create_engine(make_url(POSTGRES).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
                try:
                    url = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
                    failed |= _on(url, place, chosen)
                finally:
                    connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    return failed


def _on(url: str, place: Path, chosen: argparse.Namespace) -> int:
    port = free_port()
    settings = settings_for(url, place, base_url=f"http://127.0.0.1:{port}")
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    with Store.open(url) as store:
        Base.metadata.create_all(store.engine)
        with store.write() as session:
            load(session, utc_now(), edition=fewer_towns())
        world = make_world(store, utc_now(), passwords, place)
        with store.write() as session:
            vendor, ana = session.merge(world.vendor, load=False), session.merge(world.ana, load=False)
            team.add(session, vendor, ana, Role.OWNER, utc_now())
            ana.is_operator = True  # Else what only operators may do would answer 403 to everything.
            token = accounts.make_token(session, ana, utc_now(), name="Fuzz", scopes=tuple(Scope)).secret
        with serving(app_for(settings, store, utc_now, passwords), port) as base:
            logging.getLogger("werkzeug").setLevel(logging.WARNING)
            failed = 0
            for title, config in (("names that lists show", ""), ("names of what is there", _there(world))):
                print(f"== {store.dialect}, {title}", flush=True)
                (place / "schemathesis.toml").write_text(f"{_OUTSIDE}\n{config}")
                command = [
                    str(Path(chosen.st).absolute()), "run", f"{base}/api/v1/openapi.json",
                    "--header", f"Authorization: Bearer {token}",
                    "--max-examples", str(chosen.examples), "--seed", str(chosen.seed), "--checks", "all",
                    "--exclude-checks", ",".join(_NOT_OURS), "--suppress-health-check", "all",
                    # It finds the name of its own token in the list, and locks itself out.
                    "--exclude-operation-id", "revoke_token",
                ]  # fmt: skip
                failed |= subprocess.run(command, check=False, cwd=place).returncode != 0
            return int(failed)


# What these ask is against what we promise.
_NOT_OURS = (
    # Valid by the types and still refused: a currency that does not exist, a name that means two places.
    "positive_data_acceptance",
)


# Nobody answers at the world's addresses, and 502 says so.
_OUTSIDE = """
[[operations]]
include-operation-id = ["verify_blog", "verify_vendor", "send_test", "verify_channel"]
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "502"]
"""


def _there(world: World) -> str:
    """Names of what is there, for what stands in addresses."""
    names = {
        "slug": world.vendor.slug,
        "subscription": world.subscription_code,
        "channel": world.mail.code,
        "blog": world.blog.code,
        "watch": world.watch_code,
        "sighting": world.sighting_code,
        "code": world.want.code,
    }
    lines = ["[[operations]]", 'include-path-regex = "^/leads"', "[operations.parameters]"]
    lines.append(f'"path.code" = "{world.want.code}-{world.vendor.code}"')
    return "\n".join([*lines, "[parameters]", *(f'"path.{name}" = "{value}"' for name, value in names.items())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
