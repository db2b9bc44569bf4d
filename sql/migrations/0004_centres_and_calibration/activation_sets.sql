-- Earlier versions transformed images about the receptive field's centre.
SELECT
    * EXCLUDE (config),
    0::INTEGER AS centre_y_px,
    0::INTEGER AS centre_x_px,
    config
FROM activation_sets;
