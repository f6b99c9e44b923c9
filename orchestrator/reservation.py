"""What a call reserves on a cluster: the sweep's own shape, and more, or elsewhere, after what befell earlier attempts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any

from cluster.nodes import Node, Shape, count_slots
from orchestrator.executor import Needs

__all__ = ["gang_shape", "options_of", "shape_of"]

_NODE = "ray.io/node-id"
"""The label by which Ray places a task on a node, or off it."""


def shape_of(base: Shape, needs: Needs, nodes: Sequence[Node]) -> Shape:
    """Return what a call reserves: ``needs.shares`` times what a slot has of the roomiest node, at most all of it.

    The memory that a killed process would have used is known to nobody; that of its neighbours is what it can be given. CPUs are
    what keeps them away, since they reserve no memory of their own.
    """
    gpus = min(base.gpus * needs.gpu_shares, 1.0) if 0 < base.gpus < 1 else base.gpus
    fitting = [node for node in nodes if node.slots(base)]
    if needs.shares == 1 or not fitting:
        return Shape(base.cpus, gpus, base.memory)
    node = max(fitting, key=lambda each: (each.memory, each.cpus))
    share = node.memory / node.slots(base) if math.isfinite(node.memory) else 0.0
    cpus = min(base.cpus * needs.shares, node.cpus)
    memory = min(max(base.memory, share) * needs.shares, node.memory)
    return Shape(math.floor(cpus) if cpus > 1 else cpus, gpus, math.floor(memory))


def gang_shape(base: Shape, needs: Needs, nodes: Sequence[Node], workers: int) -> Shape:
    """Return what each of ``workers`` reserves: what `shape_of` says, or half and so on until the nodes hold all at once.

    Ray would wait for ever for the rest of them.
    """
    shape = shape_of(base, needs, nodes)
    while needs.shares * needs.gpu_shares > 1 and count_slots(nodes, shape) < workers:
        needs = dataclasses.replace(needs, shares=max(1, needs.shares // 2), gpu_shares=max(1, needs.gpu_shares // 2))
        shape = shape_of(base, needs, nodes)
    return shape


def options_of(shape: Shape, avoid: Collection[str], nodes: Sequence[Node]) -> dict[str, Any]:
    """Return the options of a Ray task: what it reserves, and off which nodes it is to stay while others can hold it."""
    options: dict[str, Any] = {"num_cpus": shape.cpus, "num_gpus": shape.gpus}
    if shape.memory > 0:
        options["memory"] = int(shape.memory)
    avoided = sorted(node.name for node in nodes if node.name in avoid)
    if avoided and count_slots((node for node in nodes if node.name not in avoid), shape):
        options["label_selector"] = {_NODE: f"!in({','.join(avoided)})"}
        options["fallback_strategy"] = [{"label_selector": {}}]  # anywhere, where the others have gone
    return options
