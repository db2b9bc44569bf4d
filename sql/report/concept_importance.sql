-- Returns one row per (TCAV analysis, concept, layer, class). Layers are ordered by receptive field.
SELECT i.*
FROM concept_importance AS i
JOIN layers AS l USING (network, layer)
ORDER BY i.network, i.concept_analysis_id, i.class_name, i.class_index, i.concept_name, i.concept_id, l.receptive_field, i.layer;
