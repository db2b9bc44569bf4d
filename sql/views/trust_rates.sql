-- Shows how often tamper detection finds attacked exemplars, and how often it flags clean ones.
CREATE OR REPLACE VIEW trust_rates AS
SELECT
    network,
    layer,
    origin,
    attack,
    epsilon,
    fraction,
    count(*) AS sets,
    avg((verdict = 'not trusted')::INTEGER) AS not_trusted,
    wilson_low(avg((verdict = 'not trusted')::INTEGER), count(*)) AS low,
    wilson_high(avg((verdict = 'not trusted')::INTEGER), count(*)) AS high
FROM concept_trust
GROUP BY network, layer, origin, attack, epsilon, fraction
ORDER BY network, layer, origin = 'attacked', origin, attack NULLS FIRST, epsilon, fraction;
COMMENT ON VIEW trust_rates IS 'one row per (network, layer, origin, attack, epsilon, fraction): verdicts of concept_trust';
COMMENT ON COLUMN trust_rates.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN trust_rates.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN trust_rates.origin IS 'folder or drawn: clean exemplars; attacked: changed by an attack or by one of its controls';
COMMENT ON COLUMN trust_rates.attack IS 'attack or control that changed the exemplars; null where clean, or where none is known';
COMMENT ON COLUMN trust_rates.epsilon IS 'largest allowed change ε of that attack, steps of 1/255; null where none is known';
COMMENT ON COLUMN trust_rates.fraction IS 'share of the exemplars that were attacked, 0 to 1; null where none is known';
COMMENT ON COLUMN trust_rates.sets IS 'number of checked sets; a set that several runs checked counts once for each';
COMMENT ON COLUMN trust_rates.not_trusted IS 'share of the sets with the verdict not trusted, 0 to 1: false alarms where clean, detections where attacked';
COMMENT ON COLUMN trust_rates.low IS 'lower end of Wilson''s 95 % interval of not_trusted over the sets';
COMMENT ON COLUMN trust_rates.high IS 'upper end of the same interval';
