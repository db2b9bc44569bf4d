-- Guards: a dictionary is compared with other dictionaries only, and both similarities are cosines.
SELECT dictionary_id, replica_id, stability, stability_random
FROM dictionary_stability
WHERE replica_id = dictionary_id
    OR coalesce(NOT stability BETWEEN -1.000001 AND 1.000001, true)
    OR coalesce(NOT stability_random BETWEEN -1.000001 AND 1.000001, true);
