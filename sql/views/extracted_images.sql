-- Lists the images of each activation set, with the number of positions that were sampled in each.
CREATE OR REPLACE VIEW extracted_images AS
SELECT
    e.activation_set_id,
    v.activation_set_label,
    e.image_id,
    i.source,
    i.name,
    photograph_of(i.name) AS photograph,
    i.label,
    e.split,
    e.orbits
FROM activation_set_images AS e
JOIN images AS i USING (image_id)
JOIN activation_set_labels() AS v USING (activation_set_id)
ORDER BY v.activation_set_label, e.split DESC, i.source, i.name;
COMMENT ON VIEW extracted_images IS 'one row per (activation_set_id, image_id): an image that positions were sampled in; sets of versions that did not record their images are not in it';
COMMENT ON COLUMN extracted_images.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN extracted_images.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN extracted_images.image_id IS 'content key of the image: SHA-256 of its size and decoded RGB pixels';
COMMENT ON COLUMN extracted_images.source IS 'origin of the image: folder (files of the configured folder), scikit-image (photographs that ship with scikit-image) or dead-leaves (generated scenes)';
COMMENT ON COLUMN extracted_images.name IS 'name of the image, unique within its source; where the same pixels came under several names, the first of them';
COMMENT ON COLUMN extracted_images.photograph IS 'photograph that the image is, or was cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN extracted_images.label IS 'class that the source states: a name, WordNet id or number; null where it states none beside the image''s name';
COMMENT ON COLUMN extracted_images.split IS 'train or test; all positions of an image are in one split';
COMMENT ON COLUMN extracted_images.orbits IS 'number of positions that were sampled in the image; each was recorded under all transforms';
