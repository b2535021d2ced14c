"""Operators look at categories and regions, and change them while wants and subscriptions live."""

from collections.abc import Callable, Iterable

from babel import Locale
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vrm import trees as living
from vrm.kernel import reshape, taxonomy
from vrm.kernel.errors import NotFound
from vrm.kernel.languages import LANGUAGES, SOURCE
from vrm.kernel.names import fold
from vrm.kernel.taxonomy import TreeName
from vrm.kernel.tree import Node, Tree
from vrm.web.desk import db, now
from vrm.web.typed import Typed
from vrm.web.visitors import me
from vrm.web.words import _, later, locale

blueprint = Blueprint("trees", __name__, url_prefix="/admin/trees")

NAMES = {TreeName.CATEGORIES: later("Categories"), TreeName.REGIONS: later("Regions")}


@blueprint.get("")
def trees() -> str:
    """Both trees from the top, or what is looked for."""
    both = taxonomy.trees(db())
    query = request.args.get("q", "").strip()[:100]
    tops = []
    for name, title in NAMES.items():
        tree = both.of(name)
        shown = tree.search(query, limit=20) if query else _by_name(tree.children(tree.root.id))
        tops.append((name, title, tree, shown))
    return render_template("admin/trees.html", tops=tops, query=query)


@blueprint.get("/<name>/<slug>")
def node(name: str, slug: str) -> AnyResponse:
    """One node, with what can be done about it."""
    named, tree, found = _found(name, slug)
    if found.slug != slug:  # It was merged.
        return redirect(url_for("trees.node", name=name, slug=found.slug), 302)
    return _page(named, tree, found, Typed(_labels(found)), 200)


@blueprint.post("/<name>/<slug>/<what>")
def edit(name: str, slug: str, what: str) -> AnyResponse:
    """Change it."""
    named, tree, found = _found(name, slug)
    if what not in _EDITS:
        raise NotFound("There is no such page.")
    typed = Typed({**_labels(found), **request.form})
    sentence = _EDITS[what](named, tree, found, typed)
    if typed.problems:
        return _page(named, tree, found, typed, 422)
    flash(sentence)
    stays = taxonomy.trees(db()).of(named).current(found.id)
    return redirect(url_for("trees.node", name=name, slug=stays.slug), 303)


# --- Edits: each notes what is wrong in `typed`, or returns what to say -----------------------------


def _rename(name: TreeName, _tree: Tree, found: Node, typed: Typed) -> str:
    language = typed.get("language", SOURCE)
    with typed.attempt(label=f"label_{language}"):
        reshape.rename(db(), name, found.id, typed.get(f"label_{language}"), now(), by=me(), language=language)
    return _("Renamed. The old name still leads here.")


def _synonym(name: TreeName, _tree: Tree, found: Node, typed: Typed) -> str:
    with typed.attempt():
        reshape.add_synonym(db(), name, found.id, typed.get("synonym"), now(), by=me())
    return _("That word leads here now.")


def _add(name: TreeName, _tree: Tree, found: Node, typed: Typed) -> str:
    with typed.attempt(label="new"):
        reshape.add(db(), name, found.id, typed.get("new"), now(), by=me())
    return _("Added.")


def _split(name: TreeName, tree: Tree, found: Node, typed: Typed) -> str:
    along = request.form.getlist("along")
    children = [child.id for child in tree.children(found.id) if child.slug in along]
    words = [word for value, word in _words(found) if value in along]
    with typed.attempt(label="part"):
        reshape.split(db(), name, found.id, typed.get("part"), now(), by=me(), children=children, synonyms=words)
    return _("Set apart. Whoever listens here still hears of all of it.")


def _move(name: TreeName, tree: Tree, found: Node, typed: Typed) -> str:
    parent = _typed_node(tree, typed, "parent")
    if parent is not None:
        with typed.attempt():
            living.move(db(), name, found.id, parent, now(), by=me())
    return _("Moved. Vendors who newly cover it hear of what is open there.")


def _merge(name: TreeName, tree: Tree, found: Node, typed: Typed) -> str:
    into = _typed_node(tree, typed, "into")
    if into is not None and not typed.get("sure"):
        typed.problems["sure"] = _("There is no way back from a merge; please say that you know.")
    elif into is not None:
        with typed.attempt():
            living.merge(db(), name, found.id, into, now(), by=me())
    return _("Merged. Subscriptions, wants and blogs have followed to here.")


def _retire(name: TreeName, _tree: Tree, found: Node, typed: Typed) -> str:
    with typed.attempt():
        living.retire(db(), name, found.id, now(), by=me())
    return _("Retired. It is no longer offered.")


_EDITS: dict[str, Callable[[TreeName, Tree, Node, Typed], str]] = {
    "rename": _rename,
    "synonym": _synonym,
    "add": _add,
    "split": _split,
    "move": _move,
    "merge": _merge,
    "retire": _retire,
}


# --- Parts ----------------------------------------------------------------------------------------


def _found(name: str, slug: str) -> tuple[TreeName, Tree, Node]:
    if name not in set(TreeName):
        raise NotFound("There is no such page.")
    named = TreeName(name)
    tree = taxonomy.trees(db()).of(named)
    found = tree.by_slug(slug)
    if found is None:
        raise NotFound("There is no such category or region.")
    return named, tree, found


def _typed_node(tree: Tree, typed: Typed, field: str) -> int | None:
    chosen = typed.node(field, tree)
    if chosen is None:
        typed.problems.setdefault(field, _("Please choose one."))
    return chosen


def _by_name(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: fold(node.label_in(locale())))


def _labels(found: Node) -> dict[str, str]:
    return {f"label_{language}": found.label_in(language) for language in LANGUAGES}


def _words(found: Node) -> list[tuple[str, str]]:
    """(what stands for it in the form, word) of every other name."""
    return [(f"word:{fold(word).replace(' ', '-')}", word) for word in found.synonyms]


def _page(name: TreeName, tree: Tree, found: Node, typed: Typed, status: int) -> AnyResponse:
    page = render_template(
        "admin/tree_node.html",
        name=name,
        title=NAMES[name],
        tree=tree,
        node=found,
        inside=_by_name(tree.children(found.id) or tree.members(found.id)),
        offered=tree.offers(found.id),
        at=living.at(db(), name, found.id),
        below=living.at_or_below(db(), name, found.id),
        words=_words(found),
        languages={tag: str(Locale.parse(tag).get_display_name(locale())) for tag in LANGUAGES},
        typed=typed,
    )
    return make_response(page, status)
