-- Which images do the features owe their examples to?
CREATE OR REPLACE VIEW image_use AS
SELECT
    i.image_id,
    i.source,
    i.name,
    i.width,
    i.height,
    count(e.rank) AS examples,
    count(*) FILTER (e.rank = 1) AS top_examples,
    count(DISTINCT (e.dictionary_id, e.feature)) FILTER (e.rank IS NOT NULL) AS features
FROM images AS i
LEFT JOIN feature_examples AS e USING (image_id)
GROUP BY ALL
ORDER BY examples DESC, i.name;
COMMENT ON VIEW image_use IS 'one row per image: how many feature examples were cut from it';
COMMENT ON COLUMN image_use.top_examples IS 'examples of rank 1';
COMMENT ON COLUMN image_use.features IS 'different features, over all dictionaries';
