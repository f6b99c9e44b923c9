"""How much each searched key mattered, over the complete trials."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.params import params_of
from orchestrator.records import Row
from sweeps import Sweep

__all__ = ["importance"]

_FEWEST = 4
_BEST_SHARE = 0.1
_FEWEST_BEST = 5  # which Optuna recommends


def importance(sweep: Sweep, rows: Sequence[Row]) -> dict[str, float]:
    """Return how much each searched key decides whether a trial is among the most accurate tenth, and five; shares sum to 1.

    By PED-ANOVA (Watanabe, Bansal and Hutter, arXiv 2304.10255), Optuna's own. Empty where nothing is searched, for fewer than
    four complete trials, and where all of them are equal.
    """
    complete = [row for row in rows if row["status"] == "complete" and row["params"]]
    complete = sorted(complete, key=lambda row: int(row["trial"]))
    if sweep.search is None or len(complete) < _FEWEST or len({row["accuracy_mean"] for row in complete}) == 1:
        return {}
    import optuna

    from orchestrator.distributions import distributions, inside

    space = {key: dimension.plain() for key, dimension in sweep.search.space.items()}
    chosen = [inside(space, params_of(space, row["params"])) for row in complete]
    varied = {key: plain for key, plain in space.items() if len({params[key] for params in chosen}) > 1}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for row, params in zip(complete, chosen, strict=True):
        own = {key: params[key] for key in varied}
        value = row["accuracy_mean"]
        study.add_trial(optuna.create_trial(params=own, distributions=distributions(varied), value=value))
    best = max(_BEST_SHARE, min(0.5, _FEWEST_BEST / len(complete)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: float(found.get(key, 0.0)) for key in sorted(space, key=lambda key: (-found.get(key, 0.0), key))}
