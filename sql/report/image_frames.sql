-- Returns one row per image that heat-maps are shown over.
SELECT activation_set_id, image_id, picture
FROM image_frames
ORDER BY activation_set_id, image_id;
