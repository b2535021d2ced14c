"""Groups laid end to end in one array → running sums, products, and first hits within each of them, in one pass."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Groups of similar size, as the rows of a matrix that at most doubles their space."""

    filled: Bools  # (groups, longest): True where a group has an entry.
    places: Ints  # Where those entries are in the long array.


@dataclass(frozen=True, slots=True)
class Segments:
    """`ends[i]` is where group i ends and group i + 1 begins; groups may be empty.

    Every group is worked on alone and in order, so that its figures are to the last digit those that it has
    without any other group.
    """

    ends: Ints
    _buckets: tuple[_Bucket, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_buckets", tuple(self._fill()))

    @property
    def starts(self) -> Ints:
        return np.concatenate(([0], self.ends[:-1])) if self.ends.size else self.ends

    @property
    def sizes(self) -> Ints:
        return np.diff(self.ends, prepend=0)

    def _fill(self) -> list[_Bucket]:
        sizes, starts = self.sizes, self.starts
        width = np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int64)
        found = []
        for each in np.unique(width[sizes > 0]) if np.count_nonzero(sizes) > 1 else ():
            chosen = np.flatnonzero((width == each) & (sizes > 0))
            columns = np.arange(sizes[chosen].max())
            filled = columns < sizes[chosen, np.newaxis]
            found.append(_Bucket(filled, (starts[chosen, np.newaxis] + columns)[filled]))
        return found

    def running(self, ufunc: np.ufunc, values: Floats, out: Floats | None = None) -> Floats:
        """The running sum (np.add) or product (np.multiply) within each group. `out` may be `values`."""
        if not self._buckets:  # One group at most has entries.
            return np.asarray(ufunc.accumulate(values, out=out), dtype=np.float64)
        result = np.empty_like(values) if out is None else out
        for bucket in self._buckets:
            block = np.full(bucket.filled.shape, float(ufunc.identity or 0))
            block[bucket.filled] = values[bucket.places]
            ufunc.accumulate(block, axis=1, out=block)
            result[bucket.places] = block[bucket.filled]
        return result

    def before(self, values: Floats, first: float) -> Floats:
        """The value one entry earlier in the same group; `first` where a group begins."""
        result = np.empty_like(values)
        result[1:] = values[:-1]
        result[self.starts[self.sizes > 0]] = first
        return result

    def first(self, hit: Bools) -> Ints:
        """For each group the place of its first True; -1 where there is none."""
        places = np.flatnonzero(hit)
        nth = np.searchsorted(places, self.starts)
        found = np.append(places, np.iinfo(np.int64).max)[nth]
        return np.where(found < self.ends, found, -1)
