-- Which features were found, in which network and layer, and what is each like?
CREATE OR REPLACE VIEW feature_catalogue AS
WITH examples AS (
    SELECT dictionary, feature, count(*) AS examples, count(DISTINCT image) AS example_images, min_by(image, rank) AS top_image
    FROM feature_examples
    GROUP BY ALL
),
nearest AS (
    SELECT dictionary, feature, neighbour, similarity
    FROM feature_neighbours
    WHERE rank = 1
),
tuned AS (
    -- of a dictionary that was tuned more than once, the finest tuning
    SELECT s.dictionary, u.unit AS feature, u.stimulus_type, u.peak_degrees
    FROM tuning_subjects AS s
    JOIN unit_tuning AS u USING (subject)
    WHERE s.kind = 'features'
    QUALIFY row_number() OVER (PARTITION BY s.dictionary, u.unit ORDER BY s.step_degrees, s.subject) = 1
),
grouped AS (
    -- told by the feature alone, so analyses under different groups say the same
    SELECT a.dictionary, f.feature, any_value(f.stimulus_type) AS stimulus_type
    FROM feature_families AS f
    JOIN family_analyses AS a USING (analysis)
    GROUP BY ALL
)
SELECT
    f.dictionary,
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
JOIN dictionaries AS d USING (dictionary)
JOIN activation_sets AS s USING (activation_set)
LEFT JOIN feature_symmetry AS y USING (dictionary, feature)
LEFT JOIN tuned AS t USING (dictionary, feature)
LEFT JOIN grouped AS g USING (dictionary, feature)
LEFT JOIN examples AS e USING (dictionary, feature)
LEFT JOIN images AS i ON i.image = e.top_image
LEFT JOIN nearest AS n USING (dictionary, feature);
COMMENT ON VIEW feature_catalogue IS 'one row per (dictionary, feature), dead ones too; symmetry columns are null for an SAE and for dead features';
COMMENT ON COLUMN feature_catalogue.stimulus_type IS 'drawn stimuli it answers most, of its tuning or else of its families; null where neither was made';
COMMENT ON COLUMN feature_catalogue.peak_degrees IS 'of its radial tuning curve, counter-clockwise from the right; null where it was not tuned or answers no arc';
COMMENT ON COLUMN feature_catalogue.examples IS 'stored examples';
COMMENT ON COLUMN feature_catalogue.example_images IS 'different images among the stored examples';
COMMENT ON COLUMN feature_catalogue.log10_density IS 'null for a dead feature';
