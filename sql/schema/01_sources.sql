-- Networks, layers and images that were analysed, and the images that could not be read.

CREATE TABLE IF NOT EXISTS networks (
    network         VARCHAR PRIMARY KEY,
    weights_sha256  VARCHAR NOT NULL,
    input_size      INTEGER NOT NULL,
    classes         INTEGER NOT NULL
);
COMMENT ON TABLE networks IS 'one row per network';
COMMENT ON COLUMN networks.network IS 'name of the network';
COMMENT ON COLUMN networks.weights_sha256 IS 'SHA-256 of the weight file, 64 hex digits; for the built-in Gabor bank, the content key of its parameters; for other than the built-in networks, the content key of operations, tensors and preprocessing';
COMMENT ON COLUMN networks.input_size IS 'side of the square input image, pixels';
COMMENT ON COLUMN networks.classes IS 'number of classes that the network distinguishes';

CREATE TABLE IF NOT EXISTS layers (
    network                          VARCHAR NOT NULL REFERENCES networks (network),
    layer                            VARCHAR NOT NULL,
    channels                         INTEGER NOT NULL,
    receptive_field                  INTEGER NOT NULL,
    stride                           INTEGER NOT NULL,
    offset_px                        INTEGER NOT NULL,
    effective_centre_y_px            DOUBLE,
    effective_centre_x_px            DOUBLE,
    effective_centre_y_std_error_px  DOUBLE,
    effective_centre_x_std_error_px  DOUBLE,
    effective_std_y_px               DOUBLE,
    effective_std_x_px               DOUBLE,
    PRIMARY KEY (network, layer)
);
COMMENT ON TABLE layers IS 'one row per (network, layer)';
COMMENT ON COLUMN layers.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN layers.layer IS 'name of the layer';
COMMENT ON COLUMN layers.channels IS 'number of channels (neurons) of the layer';
COMMENT ON COLUMN layers.receptive_field IS 'side of the square of the input image that one unit sees, pixels';
COMMENT ON COLUMN layers.stride IS 'distance between the receptive fields of neighbouring units, pixels';
COMMENT ON COLUMN layers.offset_px IS 'first input pixel that unit 0 sees along each axis; unit i sees the pixels from offset_px + stride * i on; negative where the receptive field begins in the padding';
COMMENT ON COLUMN layers.effective_centre_y_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels below the receptive field''s centre; null: not measured';
COMMENT ON COLUMN layers.effective_centre_x_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels right of the receptive field''s centre; null: not measured';
COMMENT ON COLUMN layers.effective_centre_y_std_error_px IS 'standard error of effective_centre_y_px over photographs, pixels';
COMMENT ON COLUMN layers.effective_centre_x_std_error_px IS 'standard error of effective_centre_x_px over photographs, pixels';
COMMENT ON COLUMN layers.effective_std_y_px IS 'standard deviation of that energy''s distribution along the vertical, pixels: how far from the centre units look';
COMMENT ON COLUMN layers.effective_std_x_px IS 'standard deviation of that energy''s distribution along the horizontal, pixels: how far from the centre units look';

CREATE TABLE IF NOT EXISTS images (
    image_id  VARCHAR PRIMARY KEY,
    source    VARCHAR NOT NULL,
    name      VARCHAR NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    label     VARCHAR
);
COMMENT ON TABLE images IS 'one row per image; images with the same decoded pixels are one image';
COMMENT ON COLUMN images.image_id IS 'content key of the image: SHA-256 of its size and decoded RGB pixels';
COMMENT ON COLUMN images.source IS 'origin of the image: folder (files of the configured folder), scikit-image (photographs that ship with scikit-image) or dead-leaves (generated scenes)';
COMMENT ON COLUMN images.name IS 'name of the image, unique within its source; where the same pixels came under several names, the first of them';
COMMENT ON COLUMN images.width IS 'width of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN images.height IS 'height of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN images.label IS 'class that the source states: a name, WordNet id or number; null where it states none beside the image''s name';

CREATE TABLE IF NOT EXISTS quarantine (
    activation_set_id  VARCHAR NOT NULL,
    name               VARCHAR NOT NULL,
    reason             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, name)
);
COMMENT ON TABLE quarantine IS 'one row per (activation_set_id, name): an image that could not be read, and why';
COMMENT ON COLUMN quarantine.activation_set_id IS 'content key of the activation set that refused the image; refers to activation_sets';
COMMENT ON COLUMN quarantine.name IS 'name of the image file';
COMMENT ON COLUMN quarantine.reason IS 'why the image could not be read';
