-- Returns one row per source of images.
SELECT source, count(*) AS images, count(DISTINCT photograph_of(name)) AS photographs
FROM images
GROUP BY source
ORDER BY images DESC, source;
