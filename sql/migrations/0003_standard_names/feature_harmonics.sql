SELECT
    dictionary AS dictionary_id,
    feature,
    harmonic,
    energy
FROM feature_harmonics;
