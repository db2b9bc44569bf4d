-- Returns one row per source of images.
SELECT source, count(*) AS images
FROM images
GROUP BY source
ORDER BY images DESC, source;
