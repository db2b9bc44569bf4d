-- Orbits of activations: sets and the shards they are stored in.

CREATE TABLE IF NOT EXISTS activation_sets (
    activation_set_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    n_rotations        INTEGER NOT NULL,
    reflections        BOOLEAN NOT NULL,
    group_order        INTEGER NOT NULL,
    orbits             INTEGER NOT NULL,
    sampling           VARCHAR NOT NULL,
    seed               INTEGER NOT NULL,
    config             JSON NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE activation_sets IS 'one row per activation set: orbits of one layer over one set of images';
COMMENT ON COLUMN activation_sets.reflections IS 'whether the group is dihedral, and not its rotations alone';
COMMENT ON COLUMN activation_sets.group_order IS '|G| = 2 * n_rotations, or n_rotations without reflections; 1: images as they are';
COMMENT ON COLUMN activation_sets.orbits IS 'sampled positions; each was seen under all |G| transforms';

CREATE TABLE IF NOT EXISTS shards (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    shard              INTEGER NOT NULL,
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    bytes              BIGINT NOT NULL,
    sha256             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, shard)
);
COMMENT ON TABLE shards IS 'one row per (activation_set, shard)';
