SELECT
    analysis AS trust_analysis_id,
    concept AS concept_id,
    CASE check_name
        WHEN 'turned by JPEG' THEN 'CAV shift after JPEG'
        WHEN 'divided' THEN 'split-half disagreement'
        WHEN 'grain of colour' THEN 'colour grain'
        ELSE check_name
    END AS check_name,
    value,
    threshold,
    passed
FROM trust_checks;
