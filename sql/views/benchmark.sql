-- Compares methods on a layer by ViSAEBench's metrics, each with its noise between seeds.
CREATE OR REPLACE VIEW benchmark AS
SELECT
    d.benchmark_id,
    b.benchmark_label,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    d.features,
    c.metric,
    avg(c.value) AS mean,
    stddev_samp(c.value) AS seed_std,
    count(*) AS seeds,
    c.higher_is_better,
    min(c.n) AS least_n,
    max(c.n) AS most_n,
    avg(d.l0) AS l0,
    avg(d.dead_features / d.features) AS dead_fraction,
    d.activation_set_id,
    a.activation_set_label,
    d.config_without_seed
FROM benchmark_scores AS c
JOIN benchmarked_dictionaries AS d USING (benchmark_id, dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN benchmark_labels() AS b USING (benchmark_id)
JOIN activation_set_labels() AS a USING (activation_set_id)
GROUP BY ALL
ORDER BY d.benchmark_id, s.network, s.layer, c.metric, if(any_value(c.higher_is_better), -1, 1) * avg(c.value);
COMMENT ON VIEW benchmark IS 'one row per (benchmark_id, activation_set_id, config_without_seed, metric): dictionaries that differ in their seed alone';
COMMENT ON COLUMN benchmark.benchmark_id IS 'content key of the benchmark; refers to benchmarks. Compare within one benchmark, and methods at about the same l0';
COMMENT ON COLUMN benchmark.benchmark_label IS 'label of the benchmark, unique';
COMMENT ON COLUMN benchmark.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN benchmark.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN benchmark.architecture IS 'sae or group-crosscoder';
COMMENT ON COLUMN benchmark.method IS 'sparsity method';
COMMENT ON COLUMN benchmark.features IS 'number of features of each dictionary';
COMMENT ON COLUMN benchmark.metric IS 'as in benchmark_scores';
COMMENT ON COLUMN benchmark.mean IS 'mean of the metric over the dictionaries';
COMMENT ON COLUMN benchmark.seed_std IS 'noise between seeds: standard deviation of the metric over the dictionaries; null for one dictionary';
COMMENT ON COLUMN benchmark.seeds IS 'number of dictionaries';
COMMENT ON COLUMN benchmark.higher_is_better IS 'whether a larger value is better';
COMMENT ON COLUMN benchmark.least_n IS 'least number of things that the value of a dictionary is measured on, as n in benchmark_scores';
COMMENT ON COLUMN benchmark.most_n IS 'largest number of them';
COMMENT ON COLUMN benchmark.l0 IS 'active features of a position of the photographs, mean over the dictionaries';
COMMENT ON COLUMN benchmark.dead_fraction IS 'share of the features that fire on no photograph, mean over the dictionaries';
COMMENT ON COLUMN benchmark.activation_set_id IS 'content key of the activation set that the dictionaries were trained on; refers to activation_sets';
COMMENT ON COLUMN benchmark.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN benchmark.config_without_seed IS 'training configuration but for the seed, and, if it is above 3, the version of the code that trained';
