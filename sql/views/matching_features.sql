-- Answers whether other dictionaries of the same layer, and other seeds, have the same feature.
CREATE OR REPLACE VIEW matching_features AS
SELECT
    m.dictionary_id,
    v.dictionary_label,
    s.network,
    s.layer,
    m.feature,
    m.other_dictionary_id,
    coalesce(
        w.dictionary_label,
        concat_ws(
            ' · ',
            s.network || ' ' || s.layer,
            concat_ws(
                ', ',
                concat_ws(' ', method_label(d.other_method), architecture_label(d.other_architecture), format('{:,}', d.other_features)),
                format('k {:,}', d.other_k),
                'seed ' || d.other_seed
            ),
            'not in the tables, ' || left(m.other_dictionary_id, 8)
        )
    ) AS other_dictionary_label,
    m.other_feature,
    m.cosine,
    d.differs_in_seed_alone,
    d.other_architecture,
    d.other_method,
    d.other_seed,
    back.other_feature = m.feature AS mutual
FROM feature_matches AS m
JOIN matched_dictionaries AS d USING (dictionary_id, other_dictionary_id)
JOIN dictionaries AS own USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS v USING (dictionary_id)
LEFT JOIN dictionary_labels() AS w ON w.dictionary_id = m.other_dictionary_id
LEFT JOIN feature_matches AS back
    ON back.dictionary_id = m.other_dictionary_id AND back.feature = m.other_feature AND back.other_dictionary_id = m.dictionary_id
ORDER BY m.dictionary_id, m.feature, m.cosine DESC, m.other_dictionary_id;
COMMENT ON VIEW matching_features IS 'one row per (dictionary_id, feature, other_dictionary_id): the most similar feature of another dictionary of the same network and layer';
COMMENT ON COLUMN matching_features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN matching_features.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN matching_features.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN matching_features.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN matching_features.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN matching_features.other_dictionary_id IS 'content key of the other dictionary; a replica, trained from another seed to measure stability, is not in dictionaries';
COMMENT ON COLUMN matching_features.other_dictionary_label IS 'label of the other dictionary; of one that is not in dictionaries, its method, size and seed, and the first digits of its key';
COMMENT ON COLUMN matching_features.other_feature IS 'number of the most similar feature in the other dictionary, among those that are active on some row of its test split';
COMMENT ON COLUMN matching_features.cosine IS 'cosine of the two decoder vectors, of a group crosscoder the blocks of the identity, -1 to 1; of features of several decoder vectors the root mean square cosine of the principal angles between their spans, 0 to 1';
COMMENT ON COLUMN matching_features.differs_in_seed_alone IS 'whether the two dictionaries were trained on the same activation set with settings that differ in the seed alone';
COMMENT ON COLUMN matching_features.other_architecture IS 'sae, group-crosscoder or steerable-crosscoder, as in dictionaries';
COMMENT ON COLUMN matching_features.other_method IS 'sparsity method of the other dictionary, as in dictionaries';
COMMENT ON COLUMN matching_features.other_seed IS 'random seed of the other dictionary; 0 if imported';
COMMENT ON COLUMN matching_features.mutual IS 'whether the feature is in turn the most similar one to other_feature; null where the matches of the other dictionary''s features are not stored, as of a replica';
