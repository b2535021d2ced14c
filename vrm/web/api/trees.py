"""Categories and regions, as a program looks for them."""

from typing import Annotated

from pydantic import Field

from vrm.kernel import taxonomy
from vrm.kernel.tree import Tree
from vrm.web.api import cursors
from vrm.web.api.bearer import Caller
from vrm.web.api.operations import Routes
from vrm.web.api.shapes import NodeOut, Page, PageQuery

ROUTES = Routes("Categories and regions")
_FARTHEST = 1_000  # Who has looked through a thousand should type another letter.


class TreeQuery(PageQuery):
    """What is looked for, as it is being typed; without `q`, what is at the top."""

    q: Annotated[str, Field(max_length=200)] = ""


def _found(tree: Tree, of: str, query: TreeQuery) -> Page[NodeOut]:
    start = 0
    if query.cursor is not None:
        word = cursors.unseal(of, query.cursor)
        if not word.isdecimal() or int(word) > _FARTHEST:
            raise cursors.bad()
        start = int(word)
    if query.q.strip():
        nodes = tree.search(query.q, limit=start + query.limit + 1)[start:]
    else:
        nodes = list(tree.children(tree.root.id))[start:]
    end = start + query.limit
    more = len(nodes) > query.limit and end <= _FARTHEST
    return Page(
        items=[NodeOut.at(tree, node) for node in nodes[: query.limit]],
        next_cursor=cursors.seal(of, str(end)) if more else None,
    )


@ROUTES.add("GET", "/categories", query=TreeQuery, answer=Page[NodeOut])
def find_categories(caller: Caller, query: TreeQuery) -> Page[NodeOut]:
    """Categories for what is typed, best first; without `q`, the top level."""
    return _found(taxonomy.trees(caller.session).categories, "categories", query)


@ROUTES.add("GET", "/regions", query=TreeQuery, answer=Page[NodeOut])
def find_regions(caller: Caller, query: TreeQuery) -> Page[NodeOut]:
    """Regions for what is typed, best first; without `q`, the top level."""
    return _found(taxonomy.trees(caller.session).regions, "regions", query)
