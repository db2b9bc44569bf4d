SELECT
    image AS image_id,
    source,
    name,
    width,
    height
FROM images;
