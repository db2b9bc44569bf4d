-- Guards: a check passes where its value is not above its threshold, and a run uses one threshold per check. Every set has all three
-- checks, and every run has a set.
WITH compared AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY trust_analysis_id, concept_id) AS checks,
        count(DISTINCT threshold) OVER (PARTITION BY trust_analysis_id, check_name) AS thresholds
    FROM trust_checks
)
SELECT a.trust_analysis_id, c.* EXCLUDE (trust_analysis_id)
FROM trust_analyses AS a
LEFT JOIN compared AS c USING (trust_analysis_id)
WHERE c.concept_id IS NULL
    OR c.check_name NOT IN ('CAV shift after JPEG', 'split-half disagreement', 'colour grain')
    OR c.checks <> 3
    OR c.thresholds > 1
    OR NOT (isfinite(c.value) AND isfinite(c.threshold))
    OR c.passed <> (c.value <= c.threshold);
