-- Guards: what was refused was refused by an activation set that is here.
SELECT activation_set_id, name, reason
FROM quarantine
ANTI JOIN activation_sets USING (activation_set_id);
