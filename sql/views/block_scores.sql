-- At which angles is a group crosscoder's reconstruction best, and at which worst?
CREATE OR REPLACE VIEW block_scores AS
SELECT
    b.dictionary_id,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    b.element,
    360.0 * (b.element % s.n_rotations) / s.n_rotations AS rotation_degrees,
    b.element >= s.n_rotations AS mirrored,
    b.fvu,
    b.fvu - first(b.fvu ORDER BY b.element) OVER (PARTITION BY b.dictionary_id) AS fvu_above_identity
FROM block_metrics AS b
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id);
COMMENT ON VIEW block_scores IS 'one row per (dictionary, group element): how much of that block''s variance is left unexplained, test split';
