-- How often are attacked sets of exemplars found out, and how often are clean ones accused?
CREATE OR REPLACE VIEW trust_rates AS
SELECT
    network,
    layer,
    origin,
    attack,
    epsilon,
    fraction,
    count(*) AS sets,
    avg((verdict = 'not trusted')::INTEGER) AS not_trusted
FROM concept_trust
GROUP BY network, layer, origin, attack, epsilon, fraction
ORDER BY network, layer, origin = 'attacked', origin, attack NULLS FIRST, epsilon, fraction;
COMMENT ON VIEW trust_rates IS 'one row per (network, layer, origin, attack, ε, poisoned fraction): verdicts of concept_trust';
COMMENT ON COLUMN trust_rates.origin IS 'folder or drawn: clean; attacked: changed by an attack, or by noise of its size';
COMMENT ON COLUMN trust_rates.attack IS 'a control''s name included; null where clean';
COMMENT ON COLUMN trust_rates.sets IS 'that were checked, once for every analysis';
COMMENT ON COLUMN trust_rates.not_trusted IS 'share of the sets: false alarms where clean, detections where attacked';
