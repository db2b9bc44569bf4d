SELECT
    activation_set AS activation_set_id,
    name,
    reason
FROM quarantine;
