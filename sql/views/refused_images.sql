-- Lists the images that could not be read, and why.
CREATE OR REPLACE VIEW refused_images AS
SELECT
    q.activation_set_id,
    v.activation_set_label,
    q.name,
    q.reason
FROM quarantine AS q
JOIN activation_set_labels() AS v USING (activation_set_id)
ORDER BY v.activation_set_label, q.reason, q.name;
COMMENT ON VIEW refused_images IS 'one row per (activation_set_id, name): an image that could not be read, and why';
COMMENT ON COLUMN refused_images.activation_set_id IS 'content key of the activation set that refused the image; refers to activation_sets';
COMMENT ON COLUMN refused_images.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN refused_images.name IS 'name of the image file';
COMMENT ON COLUMN refused_images.reason IS 'why the image could not be read';
