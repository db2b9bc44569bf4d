-- Guards: a check passes where its value is not above its threshold, which is the same for all sets of the analysis; each set is put to
-- all three checks, and an analysis has sets.
WITH compared AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY analysis, concept) AS checks,
        count(DISTINCT threshold) OVER (PARTITION BY analysis, check_name) AS thresholds
    FROM trust_checks
)
SELECT a.analysis, c.* EXCLUDE (analysis)
FROM trust_analyses AS a
LEFT JOIN compared AS c USING (analysis)
WHERE c.concept IS NULL
    OR c.check_name NOT IN ('turned by JPEG', 'divided', 'grain of colour')
    OR c.checks <> 3
    OR c.thresholds > 1
    OR NOT (isfinite(c.value) AND isfinite(c.threshold))
    OR c.passed <> (c.value <= c.threshold);
