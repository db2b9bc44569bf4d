-- Guards: every set of a story is read where it was attacked, and the clean ones and those of the largest fraction wherever any is.
WITH places AS (
    SELECT analysis, network AS read_network, layer AS read_layer, true AS attacked_here
    FROM attack_analyses
    UNION
    SELECT s.analysis, s.read_network, s.read_layer, false
    FROM attack_scores AS s
    JOIN attack_analyses AS a USING (analysis)
    WHERE (s.read_network, s.read_layer) <> (a.network, a.layer)
),
sets AS (
    SELECT
        analysis,
        touched,
        attack,
        epsilon,
        fraction,
        attack = 'clean' OR fraction = max(fraction) OVER (PARTITION BY analysis) AS everywhere
    FROM attacks
)
SELECT s.* EXCLUDE (everywhere), p.read_network, p.read_layer
FROM sets AS s
JOIN places AS p USING (analysis)
ANTI JOIN attack_scores AS r USING (analysis, touched, attack, epsilon, fraction, read_network, read_layer)
WHERE s.everywhere OR p.attacked_here;
