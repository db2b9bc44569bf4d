-- Says where each result comes from: its activation set, dictionary and images, the flow run and the code that made it, and its run and
-- model versions in MLflow. A row about a feature, a family or a test is joined by its key and
-- kind: ON result_id = dictionary_id AND kind = 'dictionary'; a score of a benchmark by both keys: ON result_id = benchmark_id AND
-- lineage.dictionary_id = benchmark_scores.dictionary_id AND kind = 'scores'.
CREATE OR REPLACE VIEW lineage AS
WITH results AS (
    SELECT
        'activation set' AS kind,
        'activation_sets' AS result_table,
        activation_set_id AS result_id,
        activation_set_id,
        NULL::VARCHAR AS dictionary_id,
        network,
        layer
    FROM activation_sets
    UNION ALL
    SELECT 'dictionary', 'dictionaries', d.dictionary_id, d.activation_set_id, d.dictionary_id, s.network, s.layer
    FROM dictionaries AS d
    JOIN activation_sets AS s USING (activation_set_id)
    UNION ALL
    SELECT 'unit set', 'unit_sets', unit_set_id, activation_set_id, dictionary_id, network, layer FROM unit_sets
    UNION ALL
    SELECT 'family analysis', 'family_analyses', a.family_analysis_id, d.activation_set_id, a.dictionary_id, s.network, s.layer
    FROM family_analyses AS a
    JOIN dictionaries AS d USING (dictionary_id)
    JOIN activation_sets AS s USING (activation_set_id)
    UNION ALL
    SELECT 'dimension analysis', 'dimension_analyses', a.dimension_analysis_id, a.activation_set_id, a.dictionary_id, s.network, s.layer
    FROM dimension_analyses AS a
    JOIN activation_sets AS s USING (activation_set_id)
    UNION ALL
    SELECT
        'concept analysis',
        'concept_analyses',
        a.concept_analysis_id,
        NULL,
        NULL,
        a.network,
        (SELECT string_agg(DISTINCT t.layer, ', ' ORDER BY t.layer) FROM tcav_tests AS t WHERE t.concept_analysis_id = a.concept_analysis_id)
    FROM concept_analyses AS a
    UNION ALL
    SELECT 'attack experiment', 'attack_experiments', attack_experiment_id, NULL, NULL, network, layer FROM attack_experiments
    UNION ALL
    SELECT 'facet analysis', 'facet_analyses', facet_analysis_id, NULL, NULL, network, layer FROM facet_analyses
    UNION ALL
    SELECT 'trust analysis', 'trust_analyses', trust_analysis_id, NULL, NULL, network, layer FROM trust_analyses
    UNION ALL
    SELECT 'scores', 'benchmarks', b.benchmark_id, b.activation_set_id, b.dictionary_id, s.network, s.layer
    FROM benchmarked_dictionaries AS b
    JOIN activation_sets AS s USING (activation_set_id)
),
made AS (
    SELECT result_table, result_id, NULL::VARCHAR AS dictionary_id, load_key, made_at, git_revision, flow_run_id
    FROM provenance
    WHERE table_name = result_table AND table_name NOT IN ('benchmarks', 'benchmarked_dictionaries')
    UNION ALL
    -- each dictionary's scores are a load of their own, which also has the row of the benchmark
    SELECT 'benchmarks', b.result_id, d.result_id, d.load_key, d.made_at, d.git_revision, d.flow_run_id
    FROM provenance AS d
    JOIN provenance AS b ON b.load_key = d.load_key AND b.table_name = 'benchmarks'
    WHERE d.table_name = 'benchmarked_dictionaries'
),
image_sets AS (
    SELECT 'concept_analyses' AS result_table, concept_analysis_id AS result_id, concept_id FROM tcav_tests
    UNION SELECT 'concept_analyses', concept_analysis_id, class_images_id FROM tcav_tests
    UNION SELECT 'attack_experiments', attack_experiment_id, concept_id FROM attack_experiments
    UNION SELECT 'attack_experiments', attack_experiment_id, class_images_id FROM attack_experiments
    UNION SELECT 'facet_analyses', facet_analysis_id, facet_id FROM facet_readings
    UNION SELECT 'trust_analyses', trust_analysis_id, concept_id FROM trust_checks
),
sources AS (
    SELECT
        'activation_sets' AS made_from_table,
        i.activation_set_id AS made_from,
        count(*) AS images,
        list(DISTINCT m.source ORDER BY m.source) AS image_sources
    FROM activation_set_images AS i
    JOIN images AS m USING (image_id)
    GROUP BY i.activation_set_id
    UNION ALL
    SELECT s.result_table, s.result_id, sum(c.exemplars)::BIGINT, list(DISTINCT c.origin ORDER BY c.origin)
    FROM image_sets AS s
    JOIN concepts AS c USING (concept_id)
    GROUP BY s.result_table, s.result_id
),
logged AS (
    SELECT
        CASE kind
            WHEN 'dictionary' THEN 'dictionaries'
            WHEN 'dimensions' THEN 'dimension_analyses'
            WHEN 'concepts' THEN 'concept_analyses'
            WHEN 'attack_study' THEN 'attack_experiments'
            WHEN 'facets' THEN 'facet_analyses'
            WHEN 'trust' THEN 'trust_analyses'
            WHEN 'benchmark' THEN 'benchmarks'
        END AS result_table,
        result_id,
        mlflow_run_id,
        experiment
    FROM mlflow_runs
    QUALIFY row_number() OVER (PARTITION BY kind, result_id ORDER BY started_at DESC, mlflow_run_id) = 1
),
registered AS (
    SELECT mlflow_run_id, any_value(model_name) AS model_name, list(version ORDER BY version) AS model_versions
    FROM mlflow_models
    GROUP BY mlflow_run_id
)
SELECT
    r.kind,
    r.result_id,
    n.result_label,
    r.network,
    r.layer,
    r.activation_set_id,
    s.activation_set_label,
    r.dictionary_id,
    coalesce(d.dictionary_label, b.dictionary_label) AS dictionary_label,
    i.images,
    i.image_sources,
    p.made_at,
    p.git_revision,
    p.flow_run_id,
    f.flow,
    f.started_at,
    l.mlflow_run_id,
    l.experiment AS mlflow_experiment,
    g.model_name,
    g.model_versions
FROM results AS r
JOIN result_labels() AS n USING (result_table, result_id)
LEFT JOIN activation_set_labels() AS s ON s.activation_set_id = r.activation_set_id
LEFT JOIN dictionary_labels() AS d ON d.dictionary_id = r.dictionary_id
LEFT JOIN benchmarked_dictionary_labels() AS b ON b.dictionary_id = r.dictionary_id
LEFT JOIN sources AS i
    ON i.made_from = coalesce(r.activation_set_id, r.result_id)
    AND i.made_from_table = if(r.activation_set_id IS NULL, r.result_table, 'activation_sets')
LEFT JOIN made AS p
    ON p.result_table = r.result_table
    AND p.result_id = r.result_id
    AND p.dictionary_id IS NOT DISTINCT FROM if(r.kind = 'scores', r.dictionary_id, NULL)
LEFT JOIN runs AS f ON f.flow_run_id = p.flow_run_id
-- the MLflow run of a dictionary's scores has the key of their load
LEFT JOIN logged AS l ON l.result_table = r.result_table AND l.result_id = if(r.kind = 'scores', p.load_key, r.result_id)
LEFT JOIN registered AS g ON g.mlflow_run_id = l.mlflow_run_id
ORDER BY r.network, r.layer, r.kind, n.result_label, dictionary_label;
COMMENT ON VIEW lineage IS 'one row per result (kind, result_id, dictionary_id); the key of scores is that of their benchmark, which has a row for each dictionary: what it was made from, by which flow run and code, and where MLflow has it';
COMMENT ON COLUMN lineage.kind IS 'activation set, dictionary, unit set, family analysis, dimension analysis, concept analysis, attack experiment, facet analysis, trust analysis or scores (of a dictionary in a benchmark)';
COMMENT ON COLUMN lineage.result_id IS 'content key of the result: the key of that kind in all other views; an attack experiment and the tamper detection on its sets have the same';
COMMENT ON COLUMN lineage.result_label IS 'label of the result, unique; of scores that of their benchmark';
COMMENT ON COLUMN lineage.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN lineage.layer IS 'name of the layer; of a concept analysis, the layers that were tested, separated by commas';
COMMENT ON COLUMN lineage.activation_set_id IS 'content key of the activation set that the result was made from; refers to activation_sets; null for studies of image sets';
COMMENT ON COLUMN lineage.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN lineage.dictionary_id IS 'content key of the dictionary that the result is about; refers to dictionaries, of a benchmark to benchmarked_dictionaries; null where it is about none';
COMMENT ON COLUMN lineage.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN lineage.images IS 'number of images in the activation set, or in the sets of concepts, facets and classes that were tested, without random sets; null where the set was staged before images were counted';
COMMENT ON COLUMN lineage.image_sources IS 'origins of these images: folder, scikit-image or dead-leaves of an activation set, folder, drawn or attacked of image sets';
COMMENT ON COLUMN lineage.made_at IS 'time when the result was made, UTC; this and the next two columns are null for results of versions that did not record them';
COMMENT ON COLUMN lineage.git_revision IS 'commit of the code that made the result, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN lineage.flow_run_id IS 'id that Prefect gave the flow run that made the result, a UUID; null outside a flow';
COMMENT ON COLUMN lineage.flow IS 'name of that flow; null where the run failed later or its row is not published yet';
COMMENT ON COLUMN lineage.started_at IS 'start of that run, UTC; null as flow';
COMMENT ON COLUMN lineage.mlflow_run_id IS 'id of the last MLflow run that records the result; refers to mlflow_runs; null where none does';
COMMENT ON COLUMN lineage.mlflow_experiment IS 'name of the MLflow experiment that holds that run';
COMMENT ON COLUMN lineage.model_name IS 'name of the registered model whose versions were registered from that run; null where none was';
COMMENT ON COLUMN lineage.model_versions IS 'numbers of these versions, one for a dictionary, one for each concept and layer of a concept analysis; models:/NAME/VERSION loads one';
