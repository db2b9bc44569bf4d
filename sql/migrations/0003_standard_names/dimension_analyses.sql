SELECT
    analysis AS dimension_analysis_id,
    activation_set AS activation_set_id,
    dictionary AS dictionary_id,
    method,
    source,
    components,
    seed,
    rows,
    units,
    constant_units,
    mean
FROM dimension_analyses;
