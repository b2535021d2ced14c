"""What the first visitor would wait for, made beforehand: the trees, their names, and the words that say a want."""

import logging
from threading import Thread

from sqlalchemy.exc import SQLAlchemyError

from intents.lexicon import lexicon
from intents.vocabulary import vocabulary
from vrm.config import Settings
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.kernel.errors import VrmError

_log = logging.getLogger(__name__)


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
        vocabulary(trees.categories, lexicon(settings.lexicon))
    except (VrmError, SQLAlchemyError) as error:
        _log.info("Nothing was made beforehand: %s", error)
