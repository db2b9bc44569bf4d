-- Guards: the families of an analysis are numbered 0, 1, 2, … by falling size, and size is the number of members.
WITH counted AS (
    SELECT family_analysis_id, family, count(*) AS members
    FROM feature_families
    WHERE family IS NOT NULL
    GROUP BY ALL
),
numbered AS (
    SELECT
        *,
        lag(size) OVER by_family AS size_before,
        row_number() OVER by_family - 1 AS expected_family,
        count(*) OVER (PARTITION BY family_analysis_id) AS families_found
    FROM family_shapes
    WINDOW by_family AS (PARTITION BY family_analysis_id ORDER BY family)
)
SELECT a.family_analysis_id, a.families, n.families_found, n.family, n.expected_family, n.size, n.size_before, c.members
FROM family_analyses AS a
LEFT JOIN numbered AS n USING (family_analysis_id)
LEFT JOIN counted AS c USING (family_analysis_id, family)
WHERE a.families <> coalesce(n.families_found, 0)
    OR n.family <> n.expected_family
    OR n.size > n.size_before
    OR n.size < a.min_family_size
    OR n.size IS DISTINCT FROM c.members;
