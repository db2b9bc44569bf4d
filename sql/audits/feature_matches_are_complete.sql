-- Guards: every live feature of a matched dictionary has one match, a feature that the other dictionary has, with a cosine; and no dictionary
-- is matched with itself.
SELECT d.dictionary_id, d.other_dictionary_id, f.feature, f.dead, m.other_feature, m.cosine
FROM matched_dictionaries AS d
JOIN features AS f USING (dictionary_id)
LEFT JOIN feature_matches AS m USING (dictionary_id, other_dictionary_id, feature)
WHERE f.dead <> (m.feature IS NULL)
    OR m.other_feature NOT BETWEEN 0 AND d.other_features - 1
    OR NOT m.cosine BETWEEN -1.0001 AND 1.0001
    OR d.dictionary_id = d.other_dictionary_id;
