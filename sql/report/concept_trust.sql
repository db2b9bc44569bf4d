-- One row per (layer, set of exemplars) that the trust checks were asked about, clean ones first.
SELECT network, layer, concept_name, verdict, reasons, turned_by_jpeg, divided, grain_of_colour
FROM concept_trust
ORDER BY network, layer, origin = 'attacked', attack, epsilon, fraction, concept_name, concept, analysis;
