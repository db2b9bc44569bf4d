-- Guards: every dictionary was evaluated on the test split.
SELECT d.dictionary_id, m.metric AS missing_metric
FROM dictionaries AS d
CROSS JOIN (VALUES ('fvu'), ('l0'), ('dead_fraction'), ('cosine'), ('rows')) AS m (metric)
ANTI JOIN dictionary_metrics AS found ON found.dictionary_id = d.dictionary_id AND found.metric = m.metric;
