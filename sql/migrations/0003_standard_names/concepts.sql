SELECT
    concept AS concept_id,
    name,
    role,
    origin,
    exemplars,
    quarantined
FROM concepts;
