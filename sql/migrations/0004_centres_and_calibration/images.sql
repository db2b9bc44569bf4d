SELECT *, NULL::VARCHAR AS label FROM images;
