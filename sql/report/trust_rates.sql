-- One row per (layer, what befell the exemplars): how many sets some check finds suspicious; clean ones first.
SELECT network, layer, origin, attack, epsilon, fraction, sets, not_trusted
FROM trust_rates
ORDER BY network, layer, origin = 'attacked', origin, epsilon, fraction, attack;
