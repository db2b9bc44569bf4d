-- What was looked at: networks, layers, images, and what was refused.

CREATE TABLE IF NOT EXISTS networks (
    network         VARCHAR PRIMARY KEY,
    weights_sha256  VARCHAR NOT NULL,
    input_size      INTEGER NOT NULL,
    classes         INTEGER NOT NULL
);
COMMENT ON TABLE networks IS 'one row per network';
COMMENT ON COLUMN networks.weights_sha256 IS 'SHA-256 of the weight file';
COMMENT ON COLUMN networks.input_size IS 'side of the square input, pixels';

CREATE TABLE IF NOT EXISTS layers (
    network          VARCHAR NOT NULL REFERENCES networks (network),
    layer            VARCHAR NOT NULL,
    channels         INTEGER NOT NULL,
    receptive_field  INTEGER NOT NULL,
    stride           INTEGER NOT NULL,
    offset_px        INTEGER NOT NULL,
    PRIMARY KEY (network, layer)
);
COMMENT ON TABLE layers IS 'one row per (network, layer)';
COMMENT ON COLUMN layers.receptive_field IS 'side of the square a unit sees, input pixels';
COMMENT ON COLUMN layers.offset_px IS 'first input pixel that unit 0 sees; unit i starts at offset_px + stride * i';

CREATE TABLE IF NOT EXISTS images (
    image_id  VARCHAR PRIMARY KEY,
    source    VARCHAR NOT NULL,
    name      VARCHAR NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL
);
COMMENT ON TABLE images IS 'one row per image, named by its content';
COMMENT ON COLUMN images.image_id IS 'content key of the decoded pixels';

CREATE TABLE IF NOT EXISTS quarantine (
    activation_set_id  VARCHAR NOT NULL,
    name               VARCHAR NOT NULL,
    reason             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, name)
);
COMMENT ON TABLE quarantine IS 'one row per (activation_set, name): what could not be read, and why';
