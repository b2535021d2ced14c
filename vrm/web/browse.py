"""Open wants for whoever looks around: by category, place and words; each list as a page, as Atom and as JSON Feed."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response as AnyResponse

from intents import browse
from intents.browse import Where
from intents.models import Intent
from vrm.kernel import taxonomy
from vrm.kernel.db import Base, Store, is_code
from vrm.kernel.errors import NotFound
from vrm.kernel.prepared import Prepared
from vrm.kernel.taxonomy import Trees
from vrm.kernel.tree import Node, Tree
from vrm.web import open_feeds
from vrm.web.demand import demand
from vrm.web.desk import db, desk
from vrm.web.typed import Typed
from vrm.web.words import _, budget, locale

blueprint = Blueprint("browse", __name__, url_prefix="/intents")

_FEED_HOLDS = 50
_FRESH_S = 300
_SOON = "public, max-age=10"  # It is the same for everybody; what is closed or held shall not be read for long.

# Over the table: asking through entities costs ten times the store's answer.
_WANTS: Table = Base.metadata.tables[Intent.__tablename__]
_SHOWN = Prepared(
    select(
        *(
            _WANTS.c[name]
            for name in (
                "code",
                "title",
                "body",
                "category_id",
                "region_id",
                "budget_min",
                "budget_max",
                "currency",
                "condition",
                "quantity",
                "opened_at",
                "expires_at",
                "closed_at",
            )
        ),
        *taxonomy.VERSIONS,
    ).where(_WANTS.c.code == bindparam("code"), _WANTS.c.held_at.is_(None), _WANTS.c.opened_at.is_not(None))
)


@blueprint.get("")
def wants() -> AnyResponse:
    """A page of open wants, with how many there are in each part."""
    trees = taxonomy.trees(db())
    where, typed = _where(trees)
    page = browse.open_wants(db(), trees, where, before=request.args.get("before"))
    kinds, places = browse.below(db(), trees, where)
    return make_response(
        render_template(
            "public/wants.html",
            title=_title(where),
            where=where,
            typed=typed,
            page=page,
            kinds=kinds,
            places=places,
            trees=trees,
            named=_named(where),
        )
    )


@blueprint.get("/feed.atom")
def atom() -> AnyResponse:
    """The newest of a list, for feed readers."""
    title, here, page, entries = _feed()
    updated = max(
        (open_feeds.changed_at(intent) for intent, _url, _line in entries), default=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return _public(Response(open_feeds.atom(title, here, page, entries, updated), mimetype="application/atom+xml"))


@blueprint.get("/feed.json")
def json_feed() -> AnyResponse:
    """The same, as JSON Feed."""
    answer = jsonify(open_feeds.json_feed(*_feed()))
    answer.mimetype = "application/feed+json"
    return _public(answer)


@blueprint.get("/<code>.json")
def linked(code: str) -> AnyResponse:
    """One want as linked data. It reads columns only: programs may come often."""
    here = desk()
    found = _SHOWN.found(here.store, code=code) if is_code(code) else None
    if found is None:
        raise NotFound("There is no such want.")
    answer = Response(_written(here.store, found, here.settings.base_url), mimetype="application/json")
    answer.headers["Cache-Control"] = _SOON
    return answer


@lru_cache(maxsize=1_000)
def _written(store: Store, found: tuple[Any, ...], base_url: str) -> bytes:
    """What is the same in every column is the same in every letter: it is read and written once."""
    row = _SHOWN.read(store, found)
    trees = taxonomy.trees_at(store.look(), row.categories_version, row.regions_version)
    return json.dumps(demand(row, trees, f"{base_url}/intents/{row.code}"), ensure_ascii=False).encode()


def _where(trees: Trees) -> tuple[Where, Typed]:
    """What the address asks for. A name that means nothing is noted, and leaves that side open."""
    typed = Typed(request.args)
    where = Where(
        category=node_asked(typed, "category", trees.categories),
        region=node_asked(typed, "region", trees.regions),
        words=words_asked(typed),
    )
    shown = Typed(
        category=where.category.label_in(locale()) if where.category else typed.get("category"),
        category_slug=where.category.slug if where.category else "",
        region=where.region.label_in(locale()) if where.region else typed.get("region"),
        region_slug=where.region.slug if where.region else "",
        q=where.words,
    )
    shown.problems, shown.candidates = typed.problems, typed.candidates
    return where, shown


def node_asked(typed: Typed, name: str, tree: Tree) -> Node | None:
    """A slug, as our own links have it, or what somebody typed."""
    node = tree.by_slug(typed.get(name))
    if node is None:
        id_ = typed.node(name, tree)
        node = tree.node(id_) if id_ is not None else None
    return node if node is not None and node.id != tree.root.id else None


def words_asked(typed: Typed) -> str:
    """The words that are looked for, without what no store can hold."""
    return "".join(letter for letter in typed.get("q")[:200] if letter.isprintable())


def _named(where: Where) -> dict[str, str]:
    """The shortest query that asks for the same."""
    parts = {
        "category": where.category.slug if where.category else "",
        "region": where.region.slug if where.region else "",
        "q": where.words,
    }
    return {name: value for name, value in parts.items() if value}


def _title(where: Where) -> str:
    what = where.category.label_in(locale()) if where.category else ""
    place = where.region.label_in(locale()) if where.region else ""
    if what and place:
        return _("Wanted: %(what)s in %(place)s", what=what, place=place)
    if what or place:
        return _("Wanted: %(what)s", what=what) if what else _("Wanted in %(place)s", place=place)
    return _("What people want")


def _feed() -> tuple[str, str, str, list[tuple[Intent, str, str]]]:
    trees = taxonomy.trees(db())
    where, _typed = _where(trees)
    found = browse.open_wants(db(), trees, where, limit=_FEED_HOLDS, options=(selectinload(Intent.revisions),)).intents
    entries = [
        (intent, url_for("want.show", code=intent.code, _external=True), _line(intent, trees)) for intent in found
    ]
    here = url_for(str(request.endpoint), _external=True, **_named(where))
    return _title(where), here, url_for("browse.wants", _external=True, **_named(where)), entries


def _line(intent: Intent, trees: Trees) -> str:
    parts = [
        trees.categories.label(intent.category_id, locale()) if intent.category_id is not None else "",
        trees.regions.path_label(intent.region_id, locale()) if intent.region_id is not None else "",
        budget(intent),
    ]
    return " · ".join(filter(None, parts))


def _public(answer: Response) -> Response:
    answer.headers["Cache-Control"] = f"public, max-age={_FRESH_S}"
    answer.headers["Vary"] = "Accept-Language, Cookie"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
