-- Returns one row per (tested concept, one of its first exemplars).
SELECT concept_id, picture
FROM concept_exemplars
WHERE place < $shown AND concept_id IN (SELECT concept_id FROM tcav_tests)
ORDER BY concept_id, place;
