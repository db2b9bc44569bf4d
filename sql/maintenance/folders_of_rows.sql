-- Returns the folders below data/ that rows of the warehouse refer to.
SELECT 'activations' AS kind, activation_set_id AS key FROM activation_sets
UNION
SELECT 'dictionaries', dictionary_id FROM dictionaries
UNION
SELECT 'cavs', concept_analysis_id FROM concept_analyses
UNION
SELECT 'attacks', artifact_folder FROM attacks WHERE artifact_folder IS NOT NULL
UNION
SELECT 'frames', load_key FROM loads
ORDER BY ALL
