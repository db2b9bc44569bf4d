-- Returns one row per unit that was visualised under facets, clean and attacked.
SELECT facet_analysis_id, facet_analysis_label, network, layer, unit, unit_name, facet_layer, weight, epsilon, steps
FROM facet_analyses
JOIN facet_analysis_labels() USING (facet_analysis_id)
ORDER BY network, layer, unit, facet_analysis_id;
