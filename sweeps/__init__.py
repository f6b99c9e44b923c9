"""What to run: the schema of a sweep file, and the shipped sweeps."""

from sweeps.catalogue import Shipped, is_shipped, read, shipped
from sweeps.error import SweepError
from sweeps.schema import BASELINES, Cost, Evaluate, Final, FullData, Optimised, Published, Resources, Tuning
from sweeps.search import Search
from sweeps.space import Choice, Dimension, FloatRange, IntRange
from sweeps.sweep import Sweep

__all__ = [
    "BASELINES",
    "Choice",
    "Cost",
    "Dimension",
    "Evaluate",
    "Final",
    "FloatRange",
    "FullData",
    "IntRange",
    "Optimised",
    "Published",
    "Resources",
    "Search",
    "Shipped",
    "Sweep",
    "SweepError",
    "Tuning",
    "is_shipped",
    "read",
    "shipped",
]
