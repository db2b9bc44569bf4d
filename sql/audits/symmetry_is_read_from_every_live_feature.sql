-- Guards: exactly the live features of group crosscoders with more than one block have a symmetry.
SELECT d.dictionary_id, d.architecture, f.feature, f.dead, s.type
FROM dictionaries AS d
JOIN features AS f USING (dictionary_id)
LEFT JOIN feature_symmetry AS s USING (dictionary_id, feature)
WHERE (d.group_order > 1 AND NOT f.dead) <> (s.type IS NOT NULL);
