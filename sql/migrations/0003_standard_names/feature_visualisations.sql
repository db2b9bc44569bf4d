SELECT
    dictionary AS dictionary_id,
    feature,
    direction,
    picture
FROM feature_visualisations;
