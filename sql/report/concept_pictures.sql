-- One row per (concept that was tested, one of its first exemplars).
SELECT concept, picture
FROM concept_exemplars
WHERE place < $shown AND concept IN (SELECT concept FROM tcav_tests)
ORDER BY concept, place;
