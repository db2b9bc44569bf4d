-- Guards: a dictionary that is asked tells every statistic of all exemplars of the story, clean and attacked, beside the same random
-- sets, in shares of them; clean ones differ from themselves by chance.
WITH asked AS (
    SELECT
        analysis,
        dictionary,
        statistic,
        count(DISTINCT random) AS different_randoms
    FROM attack_features
    GROUP BY ALL
),
expected AS (
    SELECT d.analysis, a.touched, a.attack, a.epsilon, a.fraction, a.images, d.dictionary, s.statistic, s.different_randoms
    FROM (SELECT DISTINCT analysis, dictionary FROM asked) AS d
    JOIN asked AS s USING (analysis)
    JOIN attacks AS a USING (analysis)
    WHERE a.touched = 'concept'
    GROUP BY ALL
)
SELECT
    analysis,
    touched,
    attack,
    epsilon,
    fraction,
    dictionary,
    statistic,
    e.images,
    e.different_randoms,
    f.value,
    f.random,
    f.flagged,
    f.auc
FROM expected AS e
FULL JOIN attack_features AS f USING (analysis, touched, attack, epsilon, fraction, dictionary, statistic)
WHERE e.images IS NULL
    OR f.value IS NULL
    OR e.different_randoms > 1
    OR NOT isfinite(f.value)
    OR NOT isfinite(f.random)
    OR NOT f.flagged BETWEEN 0 AND 1
    OR NOT abs(f.flagged * e.images - round(f.flagged * e.images)) <= 1e-3
    OR NOT f.auc BETWEEN 0 AND 1
    OR (attack = 'clean' AND f.auc <> 0.5);
