-- Guards: every refused image belongs to an activation set in the warehouse.
SELECT activation_set_id, name, reason
FROM quarantine
ANTI JOIN activation_sets USING (activation_set_id);
