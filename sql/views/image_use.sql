-- Shows from which images the top examples of features were cut.
CREATE OR REPLACE VIEW image_use AS
SELECT
    i.image_id,
    i.source,
    i.name,
    photograph_of(i.name) AS photograph,
    i.width,
    i.height,
    i.label,
    count(e.rank) AS examples,
    count(*) FILTER (e.rank = 1) AS top_examples,
    count(DISTINCT (e.dictionary_id, e.feature)) FILTER (e.rank IS NOT NULL) AS features
FROM images AS i
LEFT JOIN feature_examples AS e USING (image_id)
GROUP BY ALL
ORDER BY examples DESC, i.name;
COMMENT ON VIEW image_use IS 'one row per image (image_id): how many top examples were cut from it';
COMMENT ON COLUMN image_use.image_id IS 'content key of the image: SHA-256 of its size and decoded RGB pixels';
COMMENT ON COLUMN image_use.source IS 'origin of the image: folder (files of the configured folder), scikit-image (photographs that ship with scikit-image) or dead-leaves (generated scenes)';
COMMENT ON COLUMN image_use.name IS 'name of the image, unique within its source; where the same pixels came under several names, the first of them';
COMMENT ON COLUMN image_use.photograph IS 'photograph that the image is, or was cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN image_use.width IS 'width of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN image_use.height IS 'height of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN image_use.label IS 'class that the source states: a name, WordNet id or number; null where it states none beside the image''s name';
COMMENT ON COLUMN image_use.examples IS 'number of top examples that were cut from the image, over all dictionaries';
COMMENT ON COLUMN image_use.top_examples IS 'number of these that are the strongest of their feature (rank 1)';
COMMENT ON COLUMN image_use.features IS 'number of different features with an example from the image, over all dictionaries';
