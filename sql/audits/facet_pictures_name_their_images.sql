-- Guards: a plain picture has no facet, every other one has. Its probe was fitted to the facet's clean images where clean, and to changed
-- images otherwise. Exactly the positive attacks have a target, which is another facet. Accuracy and cosine are in range, and the cosine of
-- a clean probe is 1.
WITH facets AS (
    SELECT DISTINCT facet_analysis_id, facet_id
    FROM facet_pictures
    WHERE attack = 'clean'
)
SELECT p.* EXCLUDE (picture), k.origin
FROM facet_pictures AS p
LEFT JOIN concepts AS k ON k.concept_id = p.probe_images_id
LEFT JOIN facets AS f ON (f.facet_analysis_id, f.facet_id) = (p.facet_analysis_id, p.facet_id)
LEFT JOIN facets AS t ON (t.facet_analysis_id, t.facet_id) = (p.facet_analysis_id, p.target_facet_id)
WHERE CASE
    WHEN p.attack = 'plain' THEN coalesce(p.facet_id, p.target_facet_id, p.probe_images_id) IS NOT NULL OR coalesce(p.accuracy, p.cosine) IS NOT NULL
    ELSE p.attack NOT IN ('clean', 'noise', 'negative', 'positive')
        OR f.facet_id IS NULL
        OR (p.attack = 'positive') <> (p.target_facet_id IS NOT NULL)
        OR (p.target_facet_id IS NOT NULL AND (t.facet_id IS NULL OR p.target_facet_id = p.facet_id))
        OR CASE
            WHEN p.attack = 'clean' THEN p.probe_images_id IS DISTINCT FROM p.facet_id OR NOT coalesce(p.cosine >= 0.9999, false)
            ELSE p.probe_images_id IS NOT DISTINCT FROM p.facet_id OR coalesce(k.origin, 'drawn') = 'drawn'
        END
        OR NOT coalesce(p.accuracy BETWEEN 0 AND 1.000001, false)
        OR NOT coalesce(p.cosine BETWEEN -1.0001 AND 1.0001, false)
END;
