"""What the first visitor would wait for, made beforehand: the trees, their names, and the words that say a want.

The senses of words, where the extra "smart" is installed, take half a minute the first time. They are made beside
everything else, and a sentence that comes before they are ready is read without.
"""

import gc
import logging
from threading import Lock, Thread

from sqlalchemy.exc import SQLAlchemyError

from intents.embedding import encoder, is_installed
from intents.lexicon import Lexicon, lexicon
from intents.senses import Senses
from intents.vocabulary import vocabulary
from vrm.config import Settings
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError
from vrm.kernel.tree import Tree

_log = logging.getLogger(__name__)
# A page makes some thousand objects and lets go of nearly all without the collector, which by its own measure (700)
# would look ten times in each page.
_NEW_OBJECTS = 20_000


def warm(settings: Settings) -> Thread:
    """Begin, beside everything else, on a store of its own; what fails here fails again where somebody sees it."""
    thread = Thread(target=_warm, args=(settings,), name="warming", daemon=True)
    thread.start()
    return thread


def _warm(settings: Settings) -> None:
    try:
        with Store.open(settings.database_url) as store, store.read() as session:
            trees = taxonomy.trees(session)
        for tree in (trees.categories, trees.regions):
            tree.search("warm", limit=1)
            tree.mentions("warm", limit=1)
        words = lexicon(settings.lexicon)
        vocabulary(trees.categories, words)
        if settings.smart:
            _make_senses(settings, trees.categories, words)
        # Set apart from what comes and goes with each page: to look through it held a page up for 0.3 s now and then.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_NEW_OBJECTS)
    except (VrmError, SQLAlchemyError) as error:
        _log.info("Nothing was made beforehand: %s", error)


# --- The senses of words --------------------------------------------------------------------------

_made: dict[tuple[Tree, Lexicon], Senses] = {}
_making = Lock()


def senses_at_hand(settings: Settings, tree: Tree) -> Senses | None:
    """What is made already for this tree; when nothing is, it is begun with. None without the extra as well."""
    words = lexicon(settings.lexicon)
    if not (settings.smart and is_installed()):
        return None
    found = _made.get((tree, words))
    if found is None and not _making.locked():
        Thread(target=_make_senses, args=(settings, tree, words), name="senses", daemon=True).start()
    return found


def _make_senses(settings: Settings, tree: Tree, words: Lexicon) -> None:
    model = encoder()
    if model is None or not _making.acquire(blocking=False):
        return
    try:
        made = Senses.of(tree, words, model, settings.senses)
        # Of the trees of before nobody asks any more.
        _made.clear()
        _made[tree, words] = made
    finally:
        _making.release()
