"""Faults that the broker survives, with real processes and real servers: `make chaos` prints the counts."""
