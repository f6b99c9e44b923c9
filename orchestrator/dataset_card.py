"""The card of an exported data set: README.md as the Hugging Face Hub reads it, with a YAML header."""

from __future__ import annotations

import json

from distiller.distilled import Distilled
from distiller.pictures import are_images
from orchestrator.figures import count, mean_sd
from orchestrator.hub_dataset import EXAMPLES, SCHEDULE
from orchestrator.provenance import Provenance

__all__ = ["dataset_card"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_card(found: Provenance) -> str:
    """Return the card: what the set is, how well it trains, how to train on it, its order, rates and recipe."""
    parts = [_header(found), _about(found), _accuracies(found), _use(found.distilled), _rates(found.distilled)]
    return "\n\n".join([*filter(None, [*parts, _recipe(found)]), _details(found.distilled)]) + "\n"


def _header(found: Provenance) -> str:
    distilled = found.distilled
    size = next((name for limit, name in _SIZES if len(distilled) < limit), "n>1M")
    task = ["task_categories:", "- image-classification"] if are_images(distilled) else []
    # JSON is YAML: a name with a colon stays a name.
    name = json.dumps(f"{found.name}: {distilled.data} distilled", ensure_ascii=False)
    lines = ["---", f"pretty_name: {name}", *task, "tags:", "- dataset-distillation", "- stillhouse"]
    lines += ["size_categories:", f"- {size}", "configs:"]
    lines += ["- config_name: examples", f"  data_files: {EXAMPLES}", "  default: true"]
    return "\n".join([*lines, "- config_name: schedule", f"  data_files: {SCHEDULE}", "---"])


def _about(found: Provenance) -> str:
    distilled = found.distilled
    steps, per_step = distilled.inputs.shape[:2]
    lines = [
        f"# {count(len(distilled), 'distilled example')} of {distilled.data}",
        f"Learned so that a fresh {distilled.network}, trained on these examples alone, tells the {distilled.classes} classes of "
        f"{distilled.data} apart. They are {_plural(steps, 'batch')} of {per_step}.",
        *([] if distilled.training.plain() else [_order(distilled)]),
    ]
    if found.origin is not None:
        about = f": {' '.join(found.origin.about.split())}" if found.origin.about else "."
        lines.append(f"Trial {found.origin.trial} of the sweep `{found.origin.sweep}`{about}")
    return "\n\n".join(lines)


def _order(distilled: Distilled) -> str:
    return (
        f"They are an ordered curriculum and not a bag of examples: {_plural(distilled.epochs, 'pass')} over the batches, in "
        "order, each step with its learned rate."
    )


def _plural(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}es"


def _accuracies(found: Provenance) -> str:
    if found.origin is None or not found.origin.measured:
        return ""
    lines = ["## Accuracy of networks trained on it", "", "| phase | split | network | mean ± sd, % | networks |"]
    lines.append("|---|---|---|---|---|")
    lines += [
        f"| {each.phase} | {each.split} | {each.network} | {mean_sd(each.mean, each.sd)} | {each.networks:,} |"
        for each in found.origin.measured
    ]
    chosen = "The set was chosen by the validation accuracy of phase `search`, which is therefore too high."
    return "\n".join([*lines, "", f"Mean and sd are over networks. {chosen}"])


def _use(distilled: Distilled) -> str:
    """Return how to train on the set: by its learned rates in plain torch, or in the words of its own training."""
    if way := distilled.training.plain():
        said = ", ".join(f"{key} {value}" for key, value in way.items())
        return (
            f"## Train on it\n\nThis set is meant to be trained on in a way of its own: {said}. With stillhouse, "
            "`orchestrator.load(PATH)` gives the set with its `training`, and `distiller.trainer.train_networks` trains so."
        )
    loss = "cross_entropy" if distilled.classes > 2 else "binary_cross_entropy_with_logits"
    return f"""## Train on it

`data/examples.parquet` has a row an example: `input` in the normalised space of the real data, `label` a target of the loss, used
raw. `data/schedule.parquet` has a row a training step, in order of use: which batch, and its learned rate.

```python
import torch
from datasets import load_dataset

examples = load_dataset("PATH", "examples", split="train").with_format("torch")
schedule = load_dataset("PATH", "schedule", split="train")
step, inputs, labels = (torch.as_tensor(examples[name][:]) for name in ("step", "input", "label"))
for row in schedule:  # `network` is any torch module, in evaluation mode
    of_step = step == row["step"]
    loss = torch.nn.functional.{loss}(network(inputs[of_step]), labels[of_step])
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(network.parameters(), gradients):
            parameter -= row["rate"] * gradient
```

With stillhouse, `orchestrator.load("PATH").batches()` gives inputs, labels and rate of each step."""


def _rates(distilled: Distilled) -> str:
    steps = distilled.inputs.shape[0]
    head = ["pass", *(f"step {step}" for step in range(steps))]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    rates = distilled.rates.tolist()
    for number in range(len(rates) // steps):
        cells = [f"{rate:.6g}" for rate in rates[number * steps : (number + 1) * steps]]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(["## Order and rates", "", *lines]) if rates else ""


def _recipe(found: Provenance) -> str:
    if found.origin is None:
        return ""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.origin.recipe.items()]
    return "\n".join(["## Recipe", "", "```yaml", *lines, "```"])


def _details(distilled: Distilled) -> str:
    mean, std = (", ".join(map(repr, values)) for values in (distilled.mean, distilled.std))
    return (
        f"## Normalisation and licence\n\n`input * std + mean`, by channel, is in pixels from 0 to 1: mean {mean}; std {std}. "
        f"The examples are derived from {distilled.data}, whose licence and terms apply.\n\nSHA-256: `{distilled.digest()}`."
    )
