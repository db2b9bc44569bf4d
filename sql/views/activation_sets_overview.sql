-- Lists what was extracted: the number of positions of each layer, the images that were refused, and the bytes stored.
CREATE OR REPLACE VIEW activation_sets_overview AS
WITH stored AS (
    SELECT
        activation_set_id,
        count(*) AS shards,
        sum(bytes)::BIGINT AS bytes,
        coalesce(sum(orbits) FILTER (split = 'train'), 0)::BIGINT AS train_orbits,
        coalesce(sum(orbits) FILTER (split = 'test'), 0)::BIGINT AS test_orbits
    FROM shards
    GROUP BY activation_set_id
),
refused AS (
    SELECT activation_set_id, count(*) AS refused_images
    FROM quarantine
    GROUP BY activation_set_id
),
trained AS (
    SELECT activation_set_id, count(*) AS dictionaries
    FROM dictionaries
    GROUP BY activation_set_id
)
SELECT
    s.activation_set_id,
    v.activation_set_label,
    s.network,
    s.layer,
    l.channels,
    l.receptive_field,
    l.effective_centre_y_px,
    l.effective_centre_x_px,
    s.centre_y_px,
    s.centre_x_px,
    s.transformations,
    s.n_rotations,
    s.reflections,
    s.octaves,
    s.scales_per_octave,
    s.group_order,
    s.orbits,
    s.orbits::BIGINT * s.group_order AS rows,
    t.train_orbits,
    t.test_orbits,
    t.shards,
    t.bytes,
    coalesce(r.refused_images, 0) AS refused_images,
    coalesce(d.dictionaries, 0) AS dictionaries,
    s.sampling,
    s.seed,
    s.config
FROM activation_sets AS s
JOIN layers AS l USING (network, layer)
JOIN activation_set_labels() AS v USING (activation_set_id)
LEFT JOIN stored AS t USING (activation_set_id)
LEFT JOIN refused AS r USING (activation_set_id)
LEFT JOIN trained AS d USING (activation_set_id);
COMMENT ON VIEW activation_sets_overview IS 'one row per activation set (activation_set_id)';
COMMENT ON COLUMN activation_sets_overview.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN activation_sets_overview.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN activation_sets_overview.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN activation_sets_overview.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN activation_sets_overview.channels IS 'number of channels (neurons) of the layer';
COMMENT ON COLUMN activation_sets_overview.receptive_field IS 'side of the square of the input image that one unit sees, pixels';
COMMENT ON COLUMN activation_sets_overview.effective_centre_y_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels below the receptive field''s centre; null: not measured';
COMMENT ON COLUMN activation_sets_overview.effective_centre_x_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels right of the receptive field''s centre; null: not measured';
COMMENT ON COLUMN activation_sets_overview.centre_y_px IS 'point that images are transformed about, pixels below the receptive field''s centre';
COMMENT ON COLUMN activation_sets_overview.centre_x_px IS 'point that images are transformed about, pixels right of the receptive field''s centre';
COMMENT ON COLUMN activation_sets_overview.transformations IS 'what was done to images: rotations (turned and mirrored), hue (colours turned about the grey axis) or scale (enlarged and shrunk)';
COMMENT ON COLUMN activation_sets_overview.n_rotations IS 'number of rotations n in the group, by multiples of 360/n degrees; 1: images are not rotated';
COMMENT ON COLUMN activation_sets_overview.reflections IS 'whether the group also contains reflections (D_n); otherwise it has rotations alone (C_n)';
COMMENT ON COLUMN activation_sets_overview.octaves IS 'largest change of scale either way, octaves: 1 is half and twice the size; null unless transformations is scale';
COMMENT ON COLUMN activation_sets_overview.scales_per_octave IS 'number of scales in an octave; null unless transformations is scale';
COMMENT ON COLUMN activation_sets_overview.group_order IS 'number of transforms, |G|: 2 * n_rotations, or n_rotations without reflections; of scale, 2 * octaves * scales_per_octave + 1; 1: images are recorded as they are';
COMMENT ON COLUMN activation_sets_overview.orbits IS 'number of sampled positions, according to the settings; each was recorded under all |G| transforms';
COMMENT ON COLUMN activation_sets_overview.rows IS 'number of activation vectors: orbits * group_order';
COMMENT ON COLUMN activation_sets_overview.train_orbits IS 'number of positions in the train split; null where no shard is stored';
COMMENT ON COLUMN activation_sets_overview.test_orbits IS 'number of positions in the test split; null where no shard is stored';
COMMENT ON COLUMN activation_sets_overview.shards IS 'number of shards; null where no shard is stored';
COMMENT ON COLUMN activation_sets_overview.bytes IS 'size of all shards, bytes; null where no shard is stored';
COMMENT ON COLUMN activation_sets_overview.refused_images IS 'number of images that could not be read (table quarantine)';
COMMENT ON COLUMN activation_sets_overview.dictionaries IS 'number of dictionaries trained on the set';
COMMENT ON COLUMN activation_sets_overview.sampling IS 'how positions in an image are drawn: uniform (all with the same probability) or norm (with probability proportional to the norm of the activation)';
COMMENT ON COLUMN activation_sets_overview.seed IS 'random seed for positions, order of images and the train/test split';
COMMENT ON COLUMN activation_sets_overview.config IS 'settings of the extraction, JSON';
