-- How did training go, and had it settled?
CREATE OR REPLACE VIEW training_progress AS
SELECT
    t.dictionary_id,
    d.architecture,
    d.method,
    t.metric,
    t.step,
    t.step / d.steps AS progress,
    t.value,
    t.value - lag(t.value) OVER by_step AS change,
    t.step = max(t.step) OVER (PARTITION BY t.dictionary_id, t.metric) AS is_last
FROM training_steps AS t
JOIN dictionaries AS d USING (dictionary_id)
WINDOW by_step AS (PARTITION BY t.dictionary_id, t.metric ORDER BY t.step)
ORDER BY t.dictionary_id, t.metric, t.step;
COMMENT ON VIEW training_progress IS 'one row per (dictionary, metric, step) logged while training';
COMMENT ON COLUMN training_progress.change IS 'since the step logged before';
