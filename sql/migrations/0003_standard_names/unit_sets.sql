SELECT
    subject AS unit_set_id,
    network,
    layer,
    kind,
    dictionary AS dictionary_id,
    activation_set AS activation_set_id,
    step_degrees,
    stimuli,
    units
FROM tuning_subjects;
