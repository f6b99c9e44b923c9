"""How much each searched key mattered, over the complete trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.records import Row
from sweeps import Sweep

__all__ = ["importance"]

_FEWEST = 4
_BEST_SHARE = 0.1
_FEWEST_BEST = 5  # which Optuna recommends


def importance(sweep: Sweep, rows: Sequence[Row]) -> dict[str, float]:
    """Return how much each searched key decides whether a trial is among the most accurate tenth, and five; shares sum to 1.

    By PED-ANOVA (Watanabe, Bansal and Hutter, arXiv 2304.10255), Optuna's own. Empty where nothing is searched, for fewer than four complete trials, and where all of them are equal.
    """
    complete = [row for row in rows if row["status"] == "complete" and row["params"]]
    complete = sorted(complete, key=lambda row: int(row["trial"]))
    if sweep.search is None or len(complete) < _FEWEST or len({row["accuracy_mean"] for row in complete}) == 1:
        return {}
    import optuna

    space = {key: dimension.plain() for key, dimension in sweep.search.space.items()}
    varied = {
        key: plain for key, plain in space.items() if len({_index(plain, row["params"][key]) for row in complete}) > 1
    }
    distributions = {key: _distribution(plain) for key, plain in varied.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for row in complete:
        params = {key: _index(plain, row["params"][key]) for key, plain in varied.items()}
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=row["accuracy_mean"]))
    best = max(_BEST_SHARE, min(0.5, _FEWEST_BEST / len(complete)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: float(found.get(key, 0.0)) for key in sorted(space, key=lambda key: (-found.get(key, 0.0), key))}


def _index(plain: Mapping[str, Any], value: Any) -> Any:
    """Return a value as Optuna takes it: of a choice, which may be a list or a mapping, its place."""
    if "choice" not in plain:
        return value
    return [json.dumps(choice, sort_keys=True) for choice in plain["choice"]].index(json.dumps(value, sort_keys=True))


def _distribution(plain: Mapping[str, Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    log, step = bool(plain.get("log")), plain.get("step")
    if "choice" in plain:
        return CategoricalDistribution(range(len(plain["choice"])))
    if "int" in plain:
        return IntDistribution(plain["int"][0], plain["int"][1], log=log, step=step or 1)
    return FloatDistribution(plain["float"][0], plain["float"][1], log=log, step=step)
