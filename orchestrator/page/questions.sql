-- Which recipes were best, and how sure is that?
SELECT trial, status, cause, accuracy_mean, accuracy_sd, accuracy_se, inits,
    accuracy_mean - student_t(inits - 1) * accuracy_se AS low, accuracy_mean + student_t(inits - 1) * accuracy_se AS high,
    params, examples, outer_steps, device_seconds
FROM trials LEFT JOIN (SELECT file, count(*) AS examples FROM distilled GROUP BY file) ON file = distilled
ORDER BY status <> 'complete', accuracy_mean DESC, trial LIMIT 20

-- What is the best recipe, key by key?
SELECT key, value
FROM (SELECT unnest(json_keys(recipe)) AS key, recipe FROM trials WHERE trial IN (SELECT trial FROM best)),
    LATERAL (SELECT recipe->>key AS value)

-- By how much is the best trial ahead of the others, network by network?
SELECT other.trial, avg(b.accuracy - other.accuracy) AS ahead, stddev_samp(b.accuracy - other.accuracy) / sqrt(count(*)) AS se,
    ahead - student_t(count(*) - 1) * se AS low, ahead + student_t(count(*) - 1) * se AS high, count(*) AS pairs
FROM evaluations b JOIN evaluations other USING (phase, split, network, seed)
WHERE phase = 'search' AND b.trial IN (SELECT trial FROM best) AND other.trial <> b.trial
GROUP BY other.trial ORDER BY ahead, other.trial LIMIT 20

-- How well do fresh networks do on the test split, with both spreads?
WITH measured AS (
    SELECT *, CASE WHEN phase LIKE 'final%' THEN 0 WHEN phase = 'search' THEN 1 ELSE 2 END AS place,
        CASE WHEN groups > 1 THEN groups ELSE n END - 1 AS freedom
    FROM estimates WHERE trial IN (SELECT trial FROM best UNION ALL SELECT -1) AND phase NOT LIKE 'extra%'
), winner AS (
    SELECT network, mean, se ** 2 AS variance, freedom FROM measured WHERE place = 0 QUALIFY phase = max(phase) OVER ()
)
SELECT phase, trial, m.network, m.mean, sd_networks, low, high, sd_groups, m.se, n, groups, mean_before, rate, neighbours, norm,
    winner.mean - m.mean AS winner_ahead, sqrt(variance + m.se ** 2) AS ahead_se,
    ahead_se * student_t(coalesce(ahead_se ** 4 / nullif(variance ** 2 / winner.freedom + m.se ** 4 / m.freedom, 0), 1e9)) AS half,
    winner_ahead - half AS ahead_low, winner_ahead + half AS ahead_high, value AS published,
    winner.mean - try_cast(regexp_extract(value, '^[0-9.]+') AS DOUBLE) / 100 AS winner_ahead_of_published
FROM measured m LEFT JOIN winner ON winner.network = CASE WHEN m.network <> 'knn' THEN m.network ELSE (
    SELECT recipe->>'network' FROM trials WHERE trial IN (SELECT trial FROM best)) END
LEFT JOIN sweep ON key = CASE WHEN place < 2 THEN 'published.accuracy' ELSE 'published.baselines.' || split_part(phase, '/', 2) END
ORDER BY place, phase, m.network

-- Is the winner better than the runner-up, on networks that neither was chosen by?
WITH places AS (
    SELECT trial, row_number() OVER (ORDER BY accuracy_mean DESC, trial) AS place FROM trials
    WHERE trial IN (SELECT trial FROM evaluations WHERE phase = 'final')
), gaps AS (
    SELECT s.trial, network, run, init, w.accuracy - s.accuracy AS gap FROM counted w JOIN counted s USING (phase, split, network, run, init)
    WHERE phase = 'final' AND w.trial = (SELECT trial FROM places WHERE place = 1) AND s.trial = (SELECT trial FROM places WHERE place = 2)
), placed AS (
    SELECT *, avg(gap) OVER (PARTITION BY network, run) AS of_run, avg(gap) OVER (PARTITION BY network, init) AS of_init FROM gaps
), parts AS (
    SELECT trial, network, avg(gap) AS ahead, count(*) AS pairs, count(DISTINCT run) AS runs, count(DISTINCT init) AS inits,
        var_pop(of_run) / nullif(runs - 1, 0) AS by_runs, var_pop(of_init) / nullif(inits - 1, 0) AS by_inits,
        var_pop(gap - of_run - of_init) / nullif((runs - 1) * (inits - 1), 0) AS residual
    FROM placed GROUP BY trial, network
)
SELECT trial AS runner_up, network, runs, pairs, ahead, sqrt(greatest(by_runs, by_inits, by_runs + by_inits - residual)) AS se,
    ahead - student_t(CASE WHEN runs > 1 THEN runs ELSE pairs END - 1) * se AS low,
    ahead + student_t(CASE WHEN runs > 1 THEN runs ELSE pairs END - 1) * se AS high
FROM parts

-- How near does it come to training on all of the data?
SELECT network, own.mean AS accuracy, whole.mean AS all_data, own.mean / whole.mean AS ratio, own.sd_networks / whole.mean AS sd_networks,
    own.sd_groups / whole.mean AS sd_groups, sqrt(own.se ** 2 + (own.mean / whole.mean * whole.se) ** 2) / whole.mean AS se
FROM estimates own JOIN estimates whole USING (network)
WHERE own.phase LIKE 'final%' AND own.trial IN (SELECT trial FROM best) AND whole.phase LIKE 'full%'

-- What did each distillation run come to?
SELECT trial, network, phase, run, avg(accuracy) AS mean, stddev_samp(accuracy) AS sd, sd / sqrt(count(*)) AS se,
    mean - student_t(count(*) - 1) * se AS low, mean + student_t(count(*) - 1) * se AS high, count(*) AS n, avg(accuracy_before) AS before
FROM evaluations WHERE phase LIKE 'final%' GROUP BY ALL ORDER BY phase, trial, network, run

-- How does the set do with other networks, and trained in other ways?
SELECT trial, network, phase, training, init_scheme, mean, sd_networks, low, high, sd_groups, se, n, mean_before
FROM estimates WHERE split = 'test' AND phase NOT LIKE 'baseline/%' ORDER BY phase, trial, network

-- What does the attack do, class by class?
SELECT trial, phase, network, avg(attack_share) AS taken_for_the_target, avg(overall_accuracy) AS overall,
    list_transform(range(len(any_value(class_accuracies))), lambda c: list_avg(list_transform(list(class_accuracies), lambda l: l[c + 1]))) AS by_class
FROM counted WHERE attack_share IS NOT NULL AND split = 'test' GROUP BY ALL ORDER BY trial DESC, phase, network

-- What are the learned labels?
SELECT step, index, list_position(label, list_max(label)) - 1 AS class, list_max(label) AS largest, list_sum(label) AS total, label
FROM distilled WHERE file IN (SELECT file FROM best_set)
ORDER BY step, index

-- What do the learned sentences say?
SELECT step, index, label, sentence
FROM sentences WHERE file IN (SELECT file FROM best_set)
ORDER BY step, index

-- What are the learned rates?
SELECT position, step, pass, rate
FROM rates WHERE file IN (SELECT file FROM best_set)
ORDER BY position

-- How did loss and accuracy go over the outer steps?
SELECT trial, run, outer_step // width * width AS from_step, avg(loss) AS loss, avg(accuracy) AS accuracy,
    avg(validation) AS validation, max(gradient_norm) AS steepest
FROM curves, (SELECT max(outer_step) // 200 + 1 AS width FROM curves)
WHERE trial IN (
    SELECT trial FROM (SELECT DISTINCT trial FROM curves WHERE trial >= 0) LEFT JOIN trials USING (trial)
    ORDER BY trial NOT IN (SELECT trial FROM best), accuracy_mean DESC NULLS LAST, trial LIMIT 5
)
GROUP BY ALL ORDER BY trial, run, from_step

-- How do the winner's networks spread?
SELECT phase, floor(1000 * accuracy + 1e-6) / 1000 AS from_accuracy, count(*) AS networks
FROM counted WHERE trial IN (SELECT trial FROM best) AND (phase = 'search' OR phase LIKE 'final%')
    AND network IN (SELECT recipe->>'network' FROM trials WHERE trial IN (SELECT trial FROM best))
GROUP BY ALL ORDER BY phase, from_accuracy

-- What do the worst, the middle and the best network reach?
SELECT phase, count(*) AS networks, min(accuracy) AS worst, quantile_cont(accuracy, 0.05) AS q05, quantile_cont(accuracy, 0.25) AS q25,
    median(accuracy) AS median, quantile_cont(accuracy, 0.75) AS q75, quantile_cont(accuracy, 0.95) AS q95, max(accuracy) AS best
FROM counted WHERE trial IN (SELECT trial FROM best) AND (phase = 'search' OR phase LIKE 'final%')
    AND network IN (SELECT recipe->>'network' FROM trials WHERE trial IN (SELECT trial FROM best))
GROUP BY phase ORDER BY phase

-- How did the search go?
SELECT trial, status, accuracy_mean AS accuracy, max(accuracy_mean) FILTER (status = 'complete') OVER (ORDER BY trial) AS best_so_far, params, objectives, device_seconds
FROM trials ORDER BY trial

-- Which searched keys mattered?
SELECT key, importance FROM importance ORDER BY importance DESC, key

-- Which trials are beaten by no other in both accuracy and cost?
SELECT trial, accuracy_mean AS accuracy, device_seconds
FROM trials WHERE status = 'complete'
QUALIFY accuracy_mean > coalesce(max(accuracy_mean) OVER (
    ORDER BY device_seconds, accuracy_mean DESC, trial ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1)
ORDER BY device_seconds

-- What accuracy does a smaller or quicker set buy?
SELECT trial, objectives[1] AS accuracy, objectives[2:] AS costs, accuracy_se, params
FROM front ORDER BY accuracy DESC

-- How many distilled examples give how much accuracy?
SELECT examples, max(accuracy_mean) AS accuracy, arg_max(trial, accuracy_mean) AS trial, count(*) AS trials
FROM trials JOIN (SELECT file, count(*) AS examples FROM distilled GROUP BY file) ON file = distilled
WHERE status = 'complete' GROUP BY examples ORDER BY examples

-- What went wrong?
SELECT status, cause, count(*) AS trials, arg_min(split_part(trim(error, chr(10) || ' '), chr(10), 1), trial) AS for_example, min(trial) AS first_trial
FROM trials GROUP BY ALL ORDER BY trials DESC, status, cause

-- Which tasks failed, and were tried again?
SELECT about->>'kind' AS class, count(*) AS attempts, count(DISTINCT about->>'trial') AS trials
FROM events WHERE event = 'attempt' AND class <> 'done' GROUP BY class ORDER BY attempts DESC, class

-- How far is the run?
SELECT (SELECT count(*) FROM trials) AS trials_finished, (SELECT value FROM sweep WHERE key = 'finals') AS trials_of_each_final,
    (SELECT count(*) FROM evaluations WHERE network <> 'knn') AS networks_trained,
    (SELECT count(*) FROM (SELECT DISTINCT trial, run FROM curves WHERE loss IS NULL OR gradient_norm IS NULL)) AS distillations_diverged

-- What did it cost?
WITH spent AS (
    SELECT 'search' AS what, device_seconds AS seconds FROM trials
    UNION ALL SELECT CASE WHEN trial < 0 THEN 'baselines' ELSE 'final' END, seconds FROM curves WHERE trial < 0 OR run > 0
    UNION ALL SELECT CASE WHEN phase LIKE 'final%' THEN 'final' WHEN phase LIKE 'baseline/%' OR phase LIKE 'tune/%' THEN 'baselines' ELSE 'other' END,
        seconds FROM evaluations WHERE phase <> 'search'
    UNION ALL SELECT 'on the clock', greatest(0, epoch(time - lag(time) OVER (ORDER BY line)))
        FROM events QUALIFY lag(time) OVER (ORDER BY line) IS NOT NULL AND event <> 'driver_started'
)
SELECT what, sum(seconds) AS seconds, sum(seconds) / 3600 AS hours,
    sum(sum(seconds)) FILTER (what <> 'on the clock') OVER () AS of_devices, sum(seconds) / nullif(of_devices, 0) AS share
FROM spent GROUP BY what ORDER BY seconds DESC

-- What exactly ran?
SELECT key, value FROM sweep

-- On what did it run?
SELECT key, value FROM environment
