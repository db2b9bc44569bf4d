-- Returns one row per (attack, one of its first changed images).
SELECT attack_experiment_id, perturbed_set, attack, epsilon, place, clean, attacked, difference
FROM attack_pictures
ORDER BY attack_experiment_id, perturbed_set, attack, epsilon, place;
