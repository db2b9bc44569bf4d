SELECT
    dictionary AS dictionary_id,
    feature,
    rank,
    neighbour,
    similarity
FROM feature_neighbours;
