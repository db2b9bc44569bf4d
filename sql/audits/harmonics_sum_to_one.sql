-- Guards: every live feature of a group crosscoder with more than one block, scales excepted, has harmonics, whose shares of the energy sum to 1.
SELECT d.dictionary_id, f.feature, count(h.harmonic) AS harmonics, sum(h.energy) AS energy, min(h.energy) AS least
FROM dictionaries AS d
JOIN activation_sets AS s USING (activation_set_id)
JOIN features AS f USING (dictionary_id)
LEFT JOIN feature_harmonics AS h USING (dictionary_id, feature)
WHERE d.group_order > 1 AND s.transformations <> 'scale'
GROUP BY d.dictionary_id, f.feature, f.dead
HAVING (NOT f.dead AND harmonics = 0) OR abs(energy - 1) > 1e-4 OR least < -1e-9;
