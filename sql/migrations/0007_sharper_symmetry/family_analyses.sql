-- Earlier versions found families with HDBSCAN, without a bound on the similarity.
SELECT
    * EXCLUDE (seed, live_features, families),
    NULL::DOUBLE AS least_similarity,
    seed,
    live_features,
    families
FROM family_analyses;
