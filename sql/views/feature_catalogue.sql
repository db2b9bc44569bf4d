-- Which features were found, in which network and layer, and what is each like?
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
    -- of a dictionary that was tuned more than once, the finest tuning
    SELECT s.dictionary_id, u.unit AS feature, u.stimulus_type, u.peak_degrees
    FROM unit_sets AS s
    JOIN unit_tuning AS u USING (unit_set_id)
    WHERE s.kind = 'features'
    QUALIFY row_number() OVER (PARTITION BY s.dictionary_id, u.unit ORDER BY s.step_degrees, s.unit_set_id) = 1
),
grouped AS (
    -- told by the feature alone, so analyses under different groups say the same
    SELECT a.dictionary_id, f.feature, any_value(f.stimulus_type) AS stimulus_type
    FROM feature_families AS f
    JOIN family_analyses AS a USING (family_analysis_id)
    GROUP BY ALL
)
SELECT
    f.dictionary_id,
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
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
LEFT JOIN tuned AS t USING (dictionary_id, feature)
LEFT JOIN grouped AS g USING (dictionary_id, feature)
LEFT JOIN examples AS e USING (dictionary_id, feature)
LEFT JOIN images AS i ON i.image_id = e.top_image
LEFT JOIN nearest AS n USING (dictionary_id, feature);
COMMENT ON VIEW feature_catalogue IS 'one row per (dictionary, feature), dead ones too; symmetry columns are null for an SAE and for dead features';
COMMENT ON COLUMN feature_catalogue.stimulus_type IS 'drawn stimuli it answers most, of its tuning or else of its families; null where neither was made';
COMMENT ON COLUMN feature_catalogue.peak_degrees IS 'of its radial tuning curve, counter-clockwise from the right; null where it was not tuned or answers no arc';
COMMENT ON COLUMN feature_catalogue.examples IS 'stored examples';
COMMENT ON COLUMN feature_catalogue.example_images IS 'different images among the stored examples';
COMMENT ON COLUMN feature_catalogue.log10_density IS 'null for a dead feature';
