SELECT
    subject AS unit_set_id,
    unit,
    stimulus,
    angle_degrees,
    response
FROM tuning_curves;
