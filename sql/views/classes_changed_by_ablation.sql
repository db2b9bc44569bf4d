-- Answers which classes a feature's ablation changes: those that it speaks for and those that it speaks against.
CREATE OR REPLACE VIEW classes_changed_by_ablation AS
SELECT
    e.dictionary_id,
    v.dictionary_label,
    s.network,
    s.layer,
    e.feature,
    e.direction,
    e.rank,
    e.class_index,
    e.class_name,
    e.change,
    e.std_error,
    e.images,
    f.density
FROM feature_logit_effects AS e
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS v USING (dictionary_id)
ORDER BY e.dictionary_id, e.feature, e.direction, e.rank;
COMMENT ON VIEW classes_changed_by_ablation IS 'one row per (dictionary_id, feature, direction, rank): a class whose logit changes most when the feature is ablated in the images of its top examples';
COMMENT ON COLUMN classes_changed_by_ablation.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN classes_changed_by_ablation.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN classes_changed_by_ablation.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN classes_changed_by_ablation.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN classes_changed_by_ablation.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN classes_changed_by_ablation.direction IS 'lowered: the logit falls when the feature is ablated, so that the feature speaks for the class; raised: it rises';
COMMENT ON COLUMN classes_changed_by_ablation.rank IS 'rank of the class by the absolute value of the change, 1 for the largest';
COMMENT ON COLUMN classes_changed_by_ablation.class_index IS 'number of the class among the network''s outputs, counted from 0';
COMMENT ON COLUMN classes_changed_by_ablation.class_name IS 'name of the class';
COMMENT ON COLUMN classes_changed_by_ablation.change IS 'mean over images of the logit with the feature ablated at every position minus the logit without';
COMMENT ON COLUMN classes_changed_by_ablation.std_error IS 'standard error of the change over images; null for one image';
COMMENT ON COLUMN classes_changed_by_ablation.images IS 'number of images: those of the feature''s top examples, untransformed';
COMMENT ON COLUMN classes_changed_by_ablation.density IS 'share of rows on which the feature is active, 0 to 1';
