SELECT
    *,
    NULL::DOUBLE AS effective_centre_y_px,
    NULL::DOUBLE AS effective_centre_x_px,
    NULL::DOUBLE AS effective_centre_y_std_error_px,
    NULL::DOUBLE AS effective_centre_x_std_error_px,
    NULL::DOUBLE AS effective_std_y_px,
    NULL::DOUBLE AS effective_std_x_px
FROM layers;
