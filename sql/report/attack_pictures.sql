-- One row per (attack, one of the first changed images).
SELECT analysis, touched, attack, epsilon, place, clean, attacked, difference
FROM attack_pictures
ORDER BY analysis, touched, attack, epsilon, place;
