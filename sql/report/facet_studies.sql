-- Returns one row per unit that was visualised under facets, clean and attacked.
SELECT facet_analysis_id, network, layer, unit, unit_name, facet_layer, weight, epsilon, steps
FROM facet_analyses
ORDER BY network, layer, unit, facet_analysis_id;
