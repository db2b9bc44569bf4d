-- Returns one row per (TCAV analysis, concept, layer, class), with the numbers of exemplars of the concept and of tests of the analysis.
-- Layers are ordered by receptive field.
SELECT i.*, c.exemplars, a.tests
FROM concept_importance AS i
JOIN concept_analyses AS a USING (concept_analysis_id)
JOIN concepts AS c USING (concept_id)
JOIN layers AS l ON l.network = i.network AND l.layer = i.layer
ORDER BY i.network, i.concept_analysis_id, i.class_name, i.class_index, i.concept_name, i.concept_id, l.receptive_field, i.layer;
