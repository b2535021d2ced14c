"""What a worker holds for as long as it lives → nothing that the garbage collector looks through again and again."""

import gc

from vrm.kernel import taxonomy
from vrm.kernel.db import Store

_YOUNG = 5_000  # Objects between two looks at the youngest; one round of messages makes tens of thousands.


def keep(store: Store) -> None:
    """Load the trees, and set all that is there by now apart from what comes and goes.

    To look through it took between a tenth and a half of a delivery. For a process of one purpose: what was set
    apart in cycles is never given back.
    """
    with store.read() as session:
        taxonomy.trees(session)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
