-- One row per unit that was visualised under facets, clean and attacked.
SELECT analysis, network, layer, unit, unit_name, facet_layer, weight, epsilon, steps
FROM facet_analyses
ORDER BY network, layer, unit, analysis;
