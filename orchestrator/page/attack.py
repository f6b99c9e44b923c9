"""What networks trained for an attack do with examples of each class."""

from __future__ import annotations

from orchestrator.figures import percent
from orchestrator.page.blocks import Section, Table
from orchestrator.page.findings import Findings

__all__ = ["attack"]

_ATTACK = "What does the attack do, class by class?"


def attack(found: Findings) -> Section | None:
    """Return the section, `None` where the objective is no attack or nothing is measured."""
    attacked = [
        (f"trial {m.trial}, {m.phase}", m.network, m.attack) for m in found.summary.finals if m.attack is not None
    ]
    attacked += [(each.name, each.network, each.attack) for each in found.summary.baselines if each.attack is not None]
    if not attacked:
        return None
    classes = [f"class {number}" for number in range(len(attacked[0][2].class_accuracies))]
    rows = [
        (
            name,
            network,
            percent(means.attack_share),
            percent(means.overall_accuracy),
            *map(percent, means.class_accuracies),
        )
        for name, network, means in attacked
    ]
    headers = ("trained on", "network", "taken for the target", "all classes", *classes)
    note = "Shares of test examples in %, by their true labels."
    return Section("attack", "The attack", [], [Table(headers, rows, found.source(_ATTACK), words=2, note=note)])
