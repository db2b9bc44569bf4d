-- Guards: an analysis runs the network on the same images for every number of dimensions, up to all components, and agreement and accuracy
-- are shares.
WITH compared AS (
    SELECT
        *,
        max(dimensions) OVER by_analysis AS last,
        count(DISTINCT (frames, labelled, accuracy_clean)) OVER by_analysis AS different_frames
    FROM dimension_completeness
    WINDOW by_analysis AS (PARTITION BY dimension_analysis_id)
)
SELECT c.*, a.components
FROM compared AS c
LEFT JOIN dimension_analyses AS a USING (dimension_analysis_id)
WHERE c.dimensions < 1
    OR c.last IS DISTINCT FROM a.components
    OR c.different_frames > 1
    OR c.frames < 1
    OR NOT c.labelled BETWEEN 0 AND c.frames
    OR NOT (c.agreement_kept BETWEEN 0 AND 1 AND c.agreement_removed BETWEEN 0 AND 1)
    OR (c.labelled = 0) <> (c.accuracy_clean IS NULL)
    OR (c.labelled = 0) <> (c.accuracy_kept IS NULL)
    OR (c.labelled = 0) <> (c.accuracy_removed IS NULL)
    OR NOT coalesce(c.accuracy_clean BETWEEN 0 AND 1 AND c.accuracy_kept BETWEEN 0 AND 1 AND c.accuracy_removed BETWEEN 0 AND 1, true);
