-- Returns one row per live feature that has details, in the order of features: its histogram, its neurons, its matches and its effects on logits, as lists.
WITH histograms AS (
    SELECT dictionary_id, feature, list({'lower': lower, 'upper': CASE WHEN isfinite(upper) THEN upper END, 'rows': rows} ORDER BY bin) AS histogram
    FROM activation_histograms
    GROUP BY dictionary_id, feature
),
neurons AS (
    SELECT
        dictionary_id,
        feature,
        list({'neuron': neuron, 'weight': weight, 'share': share} ORDER BY rank) AS neurons
    FROM feature_neurons
    GROUP BY dictionary_id, feature
),
matches AS (
    SELECT
        m.dictionary_id,
        m.feature,
        list({
            'dictionary_id': m.other_dictionary_id,
            'dictionary_label': m.other_dictionary_label,
            'feature': m.other_feature,
            'cosine': m.cosine,
            'differs_in_seed_alone': m.differs_in_seed_alone,
            'mutual': m.mutual,
            'has_page': f.feature IS NOT NULL
        } ORDER BY m.cosine DESC, m.other_dictionary_id) AS matches
    FROM matching_features AS m
    LEFT JOIN features AS f ON f.dictionary_id = m.other_dictionary_id AND f.feature = m.other_feature AND NOT f.dead
    GROUP BY m.dictionary_id, m.feature
),
effects AS (
    SELECT
        dictionary_id,
        feature,
        list({
            'direction': direction,
            'class_index': class_index,
            'class_name': class_name,
            'change': change,
            'std_error': std_error,
            'images': images
        } ORDER BY change) AS effects
    FROM feature_logit_effects
    GROUP BY dictionary_id, feature
)
SELECT dictionary_id, feature, h.histogram, n.neurons, m.matches, e.effects
FROM features
LEFT JOIN histograms AS h USING (dictionary_id, feature)
LEFT JOIN neurons AS n USING (dictionary_id, feature)
LEFT JOIN matches AS m USING (dictionary_id, feature)
LEFT JOIN effects AS e USING (dictionary_id, feature)
WHERE NOT dead
ORDER BY dictionary_id, feature;
