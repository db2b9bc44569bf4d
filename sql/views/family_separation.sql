-- Do families tell apart what features answer to, and better in a group crosscoder than in a plain SAE or by accident?
CREATE OR REPLACE VIEW family_separation AS
SELECT
    a.family_analysis_id,
    a.dictionary_id,
    d.activation_set_id,
    s.network,
    s.layer,
    d.architecture,
    a.group_order,
    c.condition,
    c.metric,
    avg(c.value) AS mean,
    stddev_samp(c.value) AS std,
    min(c.value) AS least,
    max(c.value) AS most,
    count(*) AS seeds
FROM family_scores AS c
JOIN family_analyses AS a USING (family_analysis_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
GROUP BY ALL
ORDER BY s.network, s.layer, d.activation_set_id, c.metric, mean DESC, a.family_analysis_id, c.condition;
COMMENT ON VIEW family_separation IS 'one row per (analysis, subject, metric), over training seeds; analyses of one activation set stand beside one another, the best first';
COMMENT ON COLUMN family_separation.group_order IS '|G| of the group that features were compared under; 1 for an SAE';
COMMENT ON COLUMN family_separation.condition IS 'features, or a control: shuffled blocks, random dictionary';
COMMENT ON COLUMN family_separation.metric IS 'agreement with the drawn stimuli that features answer: adjusted_rand, purity, silhouette, neighbour_agreement (by accident: neighbour_chance); how much is grouped: clustered, families, features';
COMMENT ON COLUMN family_separation.std IS 'standard deviation between seeds; null for a single one';
