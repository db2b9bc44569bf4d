-- A label for each thing that has a content key: what tells it apart for a person. Views join these table macros by the key. Where two
-- things would have the same label, each label ends with the first eight digits of its key, so that labels are unique.

CREATE OR REPLACE MACRO unique_label(label, key) AS
    label || CASE WHEN count(*) OVER (PARTITION BY label) > 1 THEN ' · ' || left(key, 8) ELSE '' END;

-- The names of methods that people read; those of dictionaries are the labels in tasks/dictionary/methods.py.
CREATE OR REPLACE MACRO method_label(method) AS
    CASE method
        WHEN 'topk' THEN 'TopK'
        WHEN 'relu' THEN 'ReLU'
        WHEN 'batchtopk' THEN 'BatchTopK'
        WHEN 'jumprelu' THEN 'JumpReLU'
        WHEN 'gated' THEN 'Gated'
        WHEN 'matryoshka' THEN 'Matryoshka'
        WHEN 'block-topk' THEN 'Block TopK'
        WHEN 'grassmannian' THEN 'Grassmannian'
        WHEN 'group-lasso' THEN 'Group lasso'
        WHEN 'pca' THEN 'PCA'
        WHEN 'ica' THEN 'ICA'
        WHEN 'nmf' THEN 'NMF'
        WHEN 'kernel-pca' THEN 'Kernel PCA'
        WHEN 'neurons' THEN 'Single units'
        WHEN 'random' THEN 'Random basis'
        ELSE method
    END;

CREATE OR REPLACE MACRO architecture_label(architecture) AS
    CASE architecture
        WHEN 'sae' THEN 'SAE'
        WHEN 'group-crosscoder' THEN 'group crosscoder'
        WHEN 'steerable-crosscoder' THEN 'steerable crosscoder'
        ELSE architecture
    END;

CREATE OR REPLACE MACRO group_label(transformations, n_rotations, reflections, group_order) AS
    CASE
        WHEN transformations = 'scale' THEN group_order || ' scales'
        ELSE CASE WHEN transformations = 'hue' THEN 'hue ' ELSE '' END || CASE WHEN reflections THEN 'D' ELSE 'C' END || n_rotations
    END;

-- Up to three names, else their number and the noun in the plural.
CREATE OR REPLACE MACRO names_label(names, nouns) AS
    CASE WHEN len(names) > 3 THEN format('{:,} {}', len(names), nouns) ELSE array_to_string(list_sort(names), ', ') END;

CREATE OR REPLACE MACRO activation_set_labels() AS TABLE
    SELECT
        activation_set_id,
        unique_label(
            concat_ws(
                ' · ',
                network || ' ' || layer,
                concat_ws(
                    ', ',
                    CASE
                        WHEN group_order > 1 THEN format(
                                '{:,} orbits of {}', orbits, group_label(transformations, n_rotations, reflections, group_order)
                            )
                        ELSE format('{:,} rows', orbits)
                    END,
                    sampling || ' sampling',
                    'seed ' || seed
                )
            ),
            activation_set_id
        ) AS activation_set_label
    FROM activation_sets;

CREATE OR REPLACE MACRO dictionary_labels() AS TABLE
    SELECT
        d.dictionary_id,
        unique_label(
            concat_ws(
                ' · ',
                s.network || ' ' || s.layer,
                concat_ws(
                    ', ',
                    concat_ws(
                        ' ',
                        method_label(d.method),
                        architecture_label(d.architecture),
                        format('{:,}', d.features)
                    ),
                    CASE WHEN d.group_order > 1 THEN group_label(s.transformations, s.n_rotations, s.reflections, s.group_order) END,
                    coalesce(format('k {:,}', d.k), format('λ {:g}', (d.config ->> '$.sparsity')::DOUBLE)),
                    CASE s.sampling WHEN 'uniform' THEN NULL ELSE s.sampling || ' sampling' END,
                    coalesce('imported from ' || (d.config ->> '$.library'), 'seed ' || d.seed)
                )
            ),
            d.dictionary_id
        ) AS dictionary_label
    FROM dictionaries AS d
    JOIN activation_sets AS s USING (activation_set_id);

CREATE OR REPLACE MACRO family_analysis_labels() AS TABLE
    SELECT
        a.family_analysis_id,
        unique_label(
            concat_ws(
                ' · ',
                d.dictionary_label,
                CASE
                    WHEN a.group_order > 1
                        THEN 'families under ' || group_label(s.transformations, a.n_rotations, a.reflections, a.group_order)
                    ELSE 'families'
                END
            ),
            a.family_analysis_id
        ) AS family_analysis_label
    FROM family_analyses AS a
    JOIN dictionary_labels() AS d USING (dictionary_id)
    JOIN dictionaries AS t USING (dictionary_id)
    JOIN activation_sets AS s USING (activation_set_id);

CREATE OR REPLACE MACRO dimension_analysis_labels() AS TABLE
    SELECT
        a.dimension_analysis_id,
        unique_label(
            concat_ws(
                ' · ',
                coalesce(d.dictionary_label, s.activation_set_label),
                format(
                    '{} of {} on {}, components {:,}, seed {}',
                    method_label(a.method),
                    CASE WHEN a.dictionary_id IS NULL THEN 'neurons' ELSE 'features' END,
                    a.source,
                    a.components,
                    a.seed
                )
            ),
            a.dimension_analysis_id
        ) AS dimension_analysis_label
    FROM dimension_analyses AS a
    JOIN activation_set_labels() AS s USING (activation_set_id)
    LEFT JOIN dictionary_labels() AS d USING (dictionary_id);

CREATE OR REPLACE MACRO unit_set_labels() AS TABLE
    SELECT
        u.unit_set_id,
        unique_label(
            concat_ws(
                ' · ',
                coalesce(d.dictionary_label, s.activation_set_label),
                format('{}, stimuli every {:g}°', u.kind, u.step_degrees)
            ),
            u.unit_set_id
        ) AS unit_set_label
    FROM unit_sets AS u
    JOIN activation_set_labels() AS s USING (activation_set_id)
    LEFT JOIN dictionary_labels() AS d USING (dictionary_id);

CREATE OR REPLACE MACRO concept_labels() AS TABLE
    SELECT
        concept_id,
        unique_label(
            concat_ws(
                ' · ',
                name,
                concat_ws(
                    ', ',
                    CASE role WHEN 'random' THEN 'random set' ELSE role END,
                    CASE origin WHEN 'folder' THEN NULL ELSE origin END,
                    format('{:,} images', exemplars)
                )
            ),
            concept_id
        ) AS concept_label
    FROM concepts;

CREATE OR REPLACE MACRO concept_analysis_labels() AS TABLE
    WITH tested AS (
        SELECT
            t.concept_analysis_id,
            list(DISTINCT c.name) AS concepts,
            list(DISTINCT t.class_name) AS classes,
            list(DISTINCT t.layer) AS layers
        FROM tcav_tests AS t
        JOIN concepts AS c USING (concept_id)
        GROUP BY t.concept_analysis_id
    )
    SELECT
        a.concept_analysis_id,
        unique_label(
            concat_ws(
                ' · ',
                a.network || ' ' || names_label(t.layers, 'layers'),
                format('TCAV of {} for {}', names_label(t.concepts, 'concepts'), names_label(t.classes, 'classes')),
                format('{} CAVs, seed {}', a.classifier, a.seed)
            ),
            a.concept_analysis_id
        ) AS concept_analysis_label
    FROM concept_analyses AS a
    LEFT JOIN tested AS t USING (concept_analysis_id);

CREATE OR REPLACE MACRO attack_experiment_labels() AS TABLE
    SELECT
        a.attack_experiment_id,
        unique_label(
            concat_ws(
                ' · ',
                a.network || ' ' || a.layer,
                format('{} attack on {} for {}', a.kind, c.name, a.class_name),
                format('{} CAVs, seed {}', a.classifier, a.seed)
            ),
            a.attack_experiment_id
        ) AS attack_experiment_label
    FROM attack_experiments AS a
    JOIN concepts AS c USING (concept_id);

CREATE OR REPLACE MACRO facet_analysis_labels() AS TABLE
    SELECT
        facet_analysis_id,
        unique_label(
            concat_ws(
                ' · ',
                network || ' ' || layer,
                format('facets of {} at {}, ε {}/255, seed {}', unit_name, facet_layer, epsilon, seed)
            ),
            facet_analysis_id
        ) AS facet_analysis_label
    FROM facet_analyses;

CREATE OR REPLACE MACRO trust_analysis_labels() AS TABLE
    SELECT
        trust_analysis_id,
        unique_label(
            concat_ws(
                ' · ',
                network || ' ' || layer,
                concat_ws(
                    ', ',
                    'tamper detection',
                    format('{:,} random sets', random_sets),
                    CASE WHEN calibration_sets > 0 THEN format('calibrated on {:,} sets', calibration_sets) END
                )
            ),
            trust_analysis_id
        ) AS trust_analysis_label
    FROM trust_analyses;

CREATE OR REPLACE MACRO benchmark_labels() AS TABLE
    SELECT
        benchmark_id,
        unique_label(
            concat_ws(
                ' · ',
                format('benchmark on {:,} images', images),
                concat_ws(', ', format('{:,} classes', probed_classes), nullif(domains, ''), 'seed ' || (config ->> '$.seed'))
            ),
            benchmark_id
        ) AS benchmark_label
    FROM benchmarks;

-- Of every dictionary that a benchmark scored: many of them are in no other table. That of `dictionaries` where it is there.
CREATE OR REPLACE MACRO benchmarked_dictionary_labels() AS TABLE
    SELECT
        b.dictionary_id,
        coalesce(
            d.dictionary_label,
            unique_label(
                concat_ws(
                    ' · ',
                    s.network || ' ' || s.layer,
                    format('{} {} {:,}, seed {}', method_label(b.method), architecture_label(b.architecture), b.features, b.seed)
                ),
                b.dictionary_id
            )
        ) AS dictionary_label
    FROM (SELECT DISTINCT dictionary_id, activation_set_id, architecture, method, features, seed FROM benchmarked_dictionaries) AS b
    JOIN activation_sets AS s USING (activation_set_id)
    LEFT JOIN dictionary_labels() AS d USING (dictionary_id);

-- The label of each result that has rows in the table `provenance`, by the table with one row per result of its kind and its key there.
CREATE OR REPLACE MACRO result_labels() AS TABLE
    SELECT 'activation_sets' AS result_table, activation_set_id AS result_id, activation_set_label AS result_label FROM activation_set_labels()
    UNION ALL SELECT 'dictionaries', dictionary_id, dictionary_label FROM dictionary_labels()
    UNION ALL SELECT 'unit_sets', unit_set_id, unit_set_label FROM unit_set_labels()
    UNION ALL SELECT 'family_analyses', family_analysis_id, family_analysis_label FROM family_analysis_labels()
    UNION ALL SELECT 'dimension_analyses', dimension_analysis_id, dimension_analysis_label FROM dimension_analysis_labels()
    UNION ALL SELECT 'concept_analyses', concept_analysis_id, concept_analysis_label FROM concept_analysis_labels()
    UNION ALL SELECT 'attack_experiments', attack_experiment_id, attack_experiment_label FROM attack_experiment_labels()
    UNION ALL SELECT 'facet_analyses', facet_analysis_id, facet_analysis_label FROM facet_analysis_labels()
    UNION ALL SELECT 'trust_analyses', trust_analysis_id, trust_analysis_label FROM trust_analysis_labels()
    UNION ALL SELECT 'benchmarks', benchmark_id, benchmark_label FROM benchmark_labels()
    UNION ALL SELECT 'benchmarked_dictionaries', dictionary_id, dictionary_label FROM benchmarked_dictionary_labels();
