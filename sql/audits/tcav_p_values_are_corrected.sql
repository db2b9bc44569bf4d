-- Guards: p-values lie between 0 and 1, p_holm is Holm's correction over all tests of the analysis, and their number is the analysis's
-- number of tests.
WITH ranked AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY concept_analysis_id) AS tests_found,
        row_number() OVER (PARTITION BY concept_analysis_id ORDER BY p_value) AS rank
    FROM tcav_tests
),
corrected AS (
    SELECT
        concept_analysis_id,
        concept_id,
        layer,
        class_index,
        tests_found,
        p_value,
        p_holm,
        least(max((tests_found - rank + 1) * p_value) OVER (PARTITION BY concept_analysis_id ORDER BY rank), 1) AS expected_p_holm
    FROM ranked
)
SELECT a.concept_analysis_id, a.tests, c.* EXCLUDE (concept_analysis_id)
FROM concept_analyses AS a
LEFT JOIN corrected AS c USING (concept_analysis_id)
WHERE c.tests_found IS DISTINCT FROM a.tests
    OR NOT c.p_value BETWEEN 0 AND 1
    OR NOT abs(c.p_holm - c.expected_p_holm) <= 1e-9;
