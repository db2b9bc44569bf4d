-- Activation sets, and the shards in which their activations are stored.

CREATE TABLE IF NOT EXISTS activation_sets (
    activation_set_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    transformations    VARCHAR NOT NULL,
    n_rotations        INTEGER NOT NULL,
    reflections        BOOLEAN NOT NULL,
    octaves            DOUBLE,
    scales_per_octave  INTEGER,
    group_order        INTEGER NOT NULL,
    orbits             INTEGER NOT NULL,
    sampling           VARCHAR NOT NULL,
    seed               INTEGER NOT NULL,
    centre_y_px        INTEGER NOT NULL,
    centre_x_px        INTEGER NOT NULL,
    config             JSON NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE activation_sets IS 'one row per activation set: the activations of one layer at sampled positions of a set of images, under every transform of a group';
COMMENT ON COLUMN activation_sets.activation_set_id IS 'content key of the activation set: made from the extraction''s settings, the network''s weights and the images';
COMMENT ON COLUMN activation_sets.network IS 'network whose layer was recorded; refers to networks';
COMMENT ON COLUMN activation_sets.layer IS 'layer that was recorded; (network, layer) refers to layers';
COMMENT ON COLUMN activation_sets.transformations IS 'what was done to images: rotations (turned and mirrored), hue (colours turned about the grey axis) or scale (enlarged and shrunk)';
COMMENT ON COLUMN activation_sets.n_rotations IS 'number of rotations n in the group, by multiples of 360/n degrees; 1: images are not rotated';
COMMENT ON COLUMN activation_sets.reflections IS 'whether the group also contains reflections (D_n); otherwise it has rotations alone (C_n)';
COMMENT ON COLUMN activation_sets.octaves IS 'largest change of scale either way, octaves: 1 is half and twice the size; null unless transformations is scale';
COMMENT ON COLUMN activation_sets.scales_per_octave IS 'number of scales in an octave; null unless transformations is scale';
COMMENT ON COLUMN activation_sets.group_order IS 'number of transforms, |G|: 2 * n_rotations, or n_rotations without reflections; of scale, 2 * octaves * scales_per_octave + 1; 1: images are recorded as they are';
COMMENT ON COLUMN activation_sets.orbits IS 'number of sampled positions; each was recorded under all |G| transforms';
COMMENT ON COLUMN activation_sets.sampling IS 'how positions in an image are drawn: uniform (all with the same probability) or norm (with probability proportional to the norm of the activation)';
COMMENT ON COLUMN activation_sets.seed IS 'random seed for positions, order of images and the train/test split';
COMMENT ON COLUMN activation_sets.centre_y_px IS 'point that images are transformed about, pixels below the receptive field''s centre';
COMMENT ON COLUMN activation_sets.centre_x_px IS 'point that images are transformed about, pixels right of the receptive field''s centre';
COMMENT ON COLUMN activation_sets.config IS 'settings of the extraction, JSON';

CREATE TABLE IF NOT EXISTS shards (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    shard              INTEGER NOT NULL,
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    bytes              BIGINT NOT NULL,
    sha256             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, shard)
);
COMMENT ON TABLE shards IS 'one row per (activation_set_id, shard): a file of activations';
COMMENT ON COLUMN shards.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN shards.shard IS 'number of the shard in its activation set, counted from 0';
COMMENT ON COLUMN shards.split IS 'train or test; an image''s positions are all in one split';
COMMENT ON COLUMN shards.orbits IS 'number of positions in the shard';
COMMENT ON COLUMN shards.bytes IS 'size of the shard''s file, bytes';
COMMENT ON COLUMN shards.sha256 IS 'SHA-256 of the shard''s file, 64 hex digits';

CREATE TABLE IF NOT EXISTS activation_set_images (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    image_id           VARCHAR NOT NULL REFERENCES images (image_id),
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    PRIMARY KEY (activation_set_id, image_id)
);
COMMENT ON TABLE activation_set_images IS 'one row per (activation_set_id, image_id): an image that positions were sampled in; sets that were staged before this table existed are not in it';
COMMENT ON COLUMN activation_set_images.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN activation_set_images.image_id IS 'content key of the image; refers to images';
COMMENT ON COLUMN activation_set_images.split IS 'train or test; all positions of an image are in one split';
COMMENT ON COLUMN activation_set_images.orbits IS 'number of positions that were sampled in the image';
