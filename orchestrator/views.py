"""The names that a question may use beside the tables: what is asked most often, in SQL."""

from __future__ import annotations

from orchestrator.front import FRONT_SQL

__all__ = ["VIEWS"]

# A trial of equal accuracy that came first is the best, as in `best_trials`.
_BEST = "SELECT * FROM front ORDER BY accuracy_mean DESC, trial LIMIT 1"

_RESULTS = "SELECT e.*, t.status, t.params, t.recipe FROM evaluations e LEFT JOIN trials t ON t.trial = e.trial"

# Of a searched trial that was distilled anew, run 0 is what the search chose by, and does not count.
_COUNTED = """
SELECT * FROM evaluations WHERE phase NOT LIKE 'tune/%'
QUALIFY run > 0 OR phase LIKE 'baseline/%' OR max(run) OVER (PARTITION BY trial, phase, split, network) = 0
    OR NOT EXISTS (SELECT 1 FROM trials WHERE params IS NOT NULL)
"""

# `orchestrator.estimate` in SQL: a group is a distillation run, or a baseline's draw. The variance of the mean is that of the
# groups' means over their number; where initialisations recur in several groups, that of the initialisations' means is added, and
# the residual's, which both hold, is taken off once.
_ESTIMATES = """
WITH means AS (
    SELECT trial, phase, split, network, run, draw, avg(accuracy) AS mean, count(*) AS n,
        coalesce(var_samp(accuracy), 0) * (count(*) - 1) AS squares, avg(accuracy_before) AS mean_before,
        any_value(training) AS training, any_value(init_scheme) AS init_scheme, any_value(rate) AS rate,
        any_value(neighbours) AS neighbours, any_value(norm) AS norm
    FROM counted GROUP BY ALL
), of_groups AS (
    SELECT trial, phase, split, network, avg(mean) AS mean, sum(n)::BIGINT AS n, count(*) AS groups, min(n) AS fewest,
        sqrt(sum(squares) / nullif(sum(n - 1), 0)) AS sd_networks, stddev_samp(mean) AS sd_groups,
        var_samp(mean) / count(*) AS variance,
        sum(n * mean_before) / sum(n) AS mean_before, any_value(training) AS training, any_value(init_scheme) AS init_scheme,
        any_value(rate) AS rate, any_value(neighbours) AS neighbours, any_value(norm) AS norm
    FROM means GROUP BY ALL
), seeds AS (
    SELECT trial, phase, split, network, seed, avg(accuracy) AS mean, count(*) AS shared FROM counted GROUP BY ALL
), of_seeds AS (
    SELECT trial, phase, split, network, count(*) AS seeds, max(shared) AS shared, var_samp(mean) / count(*) AS variance
    FROM seeds GROUP BY ALL
), residuals AS (
    SELECT trial, phase, split, network, sum((c.accuracy - m.mean - s.mean + g.mean) ** 2) AS squares
    FROM counted c JOIN means m USING (trial, phase, split, network, run, draw)
    JOIN seeds s USING (trial, phase, split, network, seed) JOIN of_groups g USING (trial, phase, split, network)
    WHERE g.groups > 1 GROUP BY ALL
), errors AS (
    SELECT trial, phase, split, network, CASE
        WHEN g.groups > 1 AND s.shared = 1 THEN g.variance
        WHEN g.variance IS NULL OR s.variance IS NULL THEN coalesce(g.variance, s.variance)
        ELSE greatest(g.variance, s.variance, g.variance + s.variance - CASE
            WHEN g.fewest < s.seeds THEN 0
            ELSE r.squares / ((g.groups - 1) * (s.seeds - 1)) / (g.groups * s.seeds) END) END AS variance
    FROM of_groups g JOIN of_seeds s USING (trial, phase, split, network)
    LEFT JOIN residuals r USING (trial, phase, split, network)
)
SELECT trial, phase, split, network, mean, n, groups, sd_networks, sd_groups, sqrt(errors.variance) AS se,
    mean - student_t(CASE WHEN groups > 1 THEN groups ELSE n END - 1) * se AS low,
    mean + student_t(CASE WHEN groups > 1 THEN groups ELSE n END - 1) * se AS high, mean_before, training, init_scheme,
    rate, neighbours, norm
FROM of_groups JOIN errors USING (trial, phase, split, network)
"""

# What the report shows: the set of the last final's first run that counts, else that of the search.
_BEST_SET = """
SELECT coalesce(
    (SELECT distilled FROM counted WHERE phase LIKE 'final%' AND trial IN (SELECT trial FROM best)
    ORDER BY distilled IS NULL, length(phase) DESC, phase DESC, run LIMIT 1),
    (SELECT distilled FROM best)) AS file
"""

VIEWS = {
    "results": _RESULTS,
    "front": FRONT_SQL,
    "best": _BEST,
    "counted": _COUNTED,
    "best_set": _BEST_SET,
    "estimates": _ESTIMATES,
}
"""By name, each after those that it uses."""
