-- Lists every feature of every dictionary with its main properties.
CREATE OR REPLACE VIEW feature_catalogue AS
WITH examples AS (
    SELECT dictionary_id, feature, count(*) AS examples, count(DISTINCT image_id) AS example_images, min_by(image_id, rank) AS top_image
    FROM feature_examples
    GROUP BY ALL
),
nearest AS (
    SELECT dictionary_id, feature, neighbour, similarity
    FROM feature_neighbours
    WHERE rank = 1
),
tuned AS (
    -- where a dictionary has several unit sets, the one with the smallest step_degrees counts
    SELECT s.dictionary_id, u.unit AS feature, u.stimulus_type, u.peak_degrees
    FROM unit_sets AS s
    JOIN unit_tuning AS u USING (unit_set_id)
    WHERE s.kind = 'features'
    QUALIFY row_number() OVER (PARTITION BY s.dictionary_id, u.unit ORDER BY s.step_degrees, s.unit_set_id) = 1
),
grouped AS (
    -- the stimulus type depends on the feature alone, so analyses under different groups agree
    SELECT a.dictionary_id, f.feature, any_value(f.stimulus_type) AS stimulus_type
    FROM feature_families AS f
    JOIN family_analyses AS a USING (family_analysis_id)
    GROUP BY ALL
)
SELECT
    f.dictionary_id,
    l.dictionary_label,
    f.feature,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    d.group_order,
    f.atom_dimension,
    f.dead,
    f.density,
    CASE WHEN f.density > 0 THEN log10(f.density) END AS log10_density,
    f.mean_activation,
    f.max_activation,
    y.type,
    y.period_degrees,
    y.confidence,
    y.rotational_order,
    y.invariance,
    y.mirror,
    y.stabiliser,
    y.stabiliser_order,
    coalesce(t.stimulus_type, g.stimulus_type) AS stimulus_type,
    t.peak_degrees,
    coalesce(e.examples, 0) AS examples,
    coalesce(e.example_images, 0) AS example_images,
    e.top_image,
    i.name AS top_image_name,
    n.neighbour AS nearest_feature,
    n.similarity AS nearest_similarity
FROM features AS f
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS l USING (dictionary_id)
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
LEFT JOIN tuned AS t USING (dictionary_id, feature)
LEFT JOIN grouped AS g USING (dictionary_id, feature)
LEFT JOIN examples AS e USING (dictionary_id, feature)
LEFT JOIN images AS i ON i.image_id = e.top_image
LEFT JOIN nearest AS n USING (dictionary_id, feature);
COMMENT ON VIEW feature_catalogue IS 'one row per (dictionary_id, feature), dead features included';
COMMENT ON COLUMN feature_catalogue.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_catalogue.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN feature_catalogue.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN feature_catalogue.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN feature_catalogue.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN feature_catalogue.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN feature_catalogue.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN feature_catalogue.group_order IS '|G|: number of decoder blocks of a feature, one per transform; 1 for an SAE';
COMMENT ON COLUMN feature_catalogue.atom_dimension IS 'number of decoder vectors of the feature: 1 for a single vector, 2-4 for a block of them';
COMMENT ON COLUMN feature_catalogue.dead IS 'whether the feature is active on no row';
COMMENT ON COLUMN feature_catalogue.density IS 'share of rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN feature_catalogue.log10_density IS 'log10 of density; null for a dead feature';
COMMENT ON COLUMN feature_catalogue.mean_activation IS 'mean activation over the rows on which the feature is active, in the dictionary''s scaled units; 0 when dead';
COMMENT ON COLUMN feature_catalogue.max_activation IS 'largest activation on any row, in the dictionary''s scaled units; 0 when dead';
COMMENT ON COLUMN feature_catalogue.type IS 'symmetry type, as in feature_symmetry; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.period_degrees IS 'smallest rotation that leaves the feature unchanged, degrees; null for invariant and mixed, for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.confidence IS 'share of repeated readings of the symmetry type that agree, 0 to 1; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.rotational_order IS 'harmonic, 1 or more, with the most energy in the rotation profile; 0 where every rotation leaves the feature unchanged; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.invariance IS 'mean of the transform profile over the whole group, -1 to 1; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.mirror IS 'largest cosine in the transform profile over the reflections, -1 to 1; null without reflections, for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.stabiliser IS 'subgroup of transforms that leave the feature unchanged: trivial, C_k, D_k or full; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.stabiliser_order IS 'number of transforms in the stabiliser; null for an SAE and for a dead feature';
COMMENT ON COLUMN feature_catalogue.stimulus_type IS 'family of the synthetic stimulus with the largest response, from unit_tuning or else from feature_families; null where neither was computed';
COMMENT ON COLUMN feature_catalogue.peak_degrees IS 'orientation at which the radial tuning curve peaks, degrees counter-clockwise from the right, 0 to 360; null where it was not computed or the feature does not respond to arcs';
COMMENT ON COLUMN feature_catalogue.examples IS 'number of stored top examples';
COMMENT ON COLUMN feature_catalogue.example_images IS 'number of different images among them';
COMMENT ON COLUMN feature_catalogue.top_image IS 'content key of the image with the strongest example; refers to images; null without examples';
COMMENT ON COLUMN feature_catalogue.top_image_name IS 'name of that image; null without examples';
COMMENT ON COLUMN feature_catalogue.nearest_feature IS 'number of the most similar other feature of the dictionary; null for a dead feature, and where there is no other live one';
COMMENT ON COLUMN feature_catalogue.nearest_similarity IS 'cosine with that feature, -1 to 1; null where nearest_feature is null';
