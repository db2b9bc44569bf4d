SELECT
    subject AS unit_set_id,
    unit,
    family AS curve_family,
    preferred_radius,
    rendering,
    natural_correlation,
    nearest_neuron,
    nearest_degrees,
    inside_arc,
    inside_gap,
    missing
FROM curve_detectors;
