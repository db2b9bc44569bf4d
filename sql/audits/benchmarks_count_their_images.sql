-- Guards: a benchmark's probes use some of its photographs in two classes at least, and a dictionary has no more dead or active features than
-- features.
SELECT b.benchmark_id, d.dictionary_id
FROM benchmarks AS b
LEFT JOIN benchmarked_dictionaries AS d USING (benchmark_id)
WHERE b.probed_images > b.images
    OR b.probed_classes < 2
    OR b.probed_images < 5 * b.probed_classes
    OR (b.domains = '') <> (b.domain_images = 0)
    OR NOT coalesce(d.l0 BETWEEN 0 AND d.features, true)
    OR NOT coalesce(d.dead_features BETWEEN 0 AND d.features, true);
