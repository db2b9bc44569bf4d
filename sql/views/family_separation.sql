-- Shows how well families separate features by stimulus type, compared with controls and between group crosscoders and SAEs.
CREATE OR REPLACE VIEW family_separation AS
SELECT
    a.family_analysis_id,
    v.family_analysis_label,
    a.dictionary_id,
    n.dictionary_label,
    d.activation_set_id,
    l.activation_set_label,
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
JOIN family_analysis_labels() AS v USING (family_analysis_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
JOIN activation_set_labels() AS l USING (activation_set_id)
GROUP BY ALL
ORDER BY s.network, s.layer, d.activation_set_id, c.metric, mean DESC, a.family_analysis_id, c.condition;
COMMENT ON VIEW family_separation IS 'one row per (family_analysis_id, condition, metric), over training seeds';
COMMENT ON COLUMN family_separation.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN family_separation.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN family_separation.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN family_separation.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN family_separation.activation_set_id IS 'content key of the activation set that the dictionary was trained on; refers to activation_sets';
COMMENT ON COLUMN family_separation.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN family_separation.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN family_separation.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN family_separation.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN family_separation.group_order IS 'number of transforms |G| in the group under which features are compared: the dictionary''s own group or a subgroup; 1 for an SAE';
COMMENT ON COLUMN family_separation.condition IS 'features: the dictionary''s features; controls: shuffled blocks (the blocks of each feature permuted) and random dictionary (random vectors)';
COMMENT ON COLUMN family_separation.metric IS 'agreement with stimulus types: adjusted_rand, purity, silhouette, neighbour_agreement, neighbour_chance (what random neighbours give); counts: clustered (share of features in a family), families, features (scored)';
COMMENT ON COLUMN family_separation.mean IS 'mean of the metric over training seeds';
COMMENT ON COLUMN family_separation.std IS 'standard deviation of the metric between training seeds; null for a single seed';
COMMENT ON COLUMN family_separation.least IS 'smallest value of the metric over training seeds';
COMMENT ON COLUMN family_separation.most IS 'largest value of the metric over training seeds';
COMMENT ON COLUMN family_separation.seeds IS 'number of training seeds';
