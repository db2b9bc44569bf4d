-- Returns one row per (layer, origin of the exemplars and attack on them): the share of sets that tamper detection does not trust, clean
-- sets first.
SELECT network, layer, origin, attack, epsilon, fraction, sets, not_trusted, low, high
FROM trust_rates
ORDER BY network, layer, origin = 'attacked', origin, epsilon, fraction, attack;
