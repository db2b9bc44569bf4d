-- Shows how training went and whether it had converged.
CREATE OR REPLACE VIEW training_progress AS
SELECT
    t.dictionary_id,
    n.dictionary_label,
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
JOIN dictionary_labels() AS n USING (dictionary_id)
WINDOW by_step AS (PARTITION BY t.dictionary_id, t.metric ORDER BY t.step)
ORDER BY t.dictionary_id, t.metric, t.step;
COMMENT ON VIEW training_progress IS 'one row per (dictionary_id, metric, step) logged during training';
COMMENT ON COLUMN training_progress.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN training_progress.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN training_progress.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN training_progress.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN training_progress.metric IS 'fvu (fraction of variance unexplained), loss, sparsity_loss, auxiliary_loss, l0 (active features per row) or dead_fraction (share of features that have not been active for dead_after_rows rows, 0 to 1)';
COMMENT ON COLUMN training_progress.step IS 'number of optimiser steps taken so far, this one included';
COMMENT ON COLUMN training_progress.progress IS 'share of the training steps that were taken, 0 to 1';
COMMENT ON COLUMN training_progress.value IS 'value of the metric on that step''s batch';
COMMENT ON COLUMN training_progress.change IS 'value minus the value logged before it; null for the first one';
COMMENT ON COLUMN training_progress.is_last IS 'whether this is the last logged value of the metric';
