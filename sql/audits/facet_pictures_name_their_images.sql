-- Guards: a plain picture has no facet; another one has, and the probe saw its clean images or attacked ones; only a positive attack has
-- a target, another facet; probes are in range, the clean one is its own.
WITH facets AS (
    SELECT DISTINCT analysis, facet
    FROM facet_pictures
    WHERE attack = 'clean'
)
SELECT p.* EXCLUDE (picture), k.origin
FROM facet_pictures AS p
LEFT JOIN concepts AS k ON k.concept = p.images
LEFT JOIN facets AS f ON (f.analysis, f.facet) = (p.analysis, p.facet)
LEFT JOIN facets AS t ON (t.analysis, t.facet) = (p.analysis, p.target)
WHERE CASE
    WHEN p.attack = 'plain' THEN coalesce(p.facet, p.target, p.images) IS NOT NULL OR coalesce(p.accuracy, p.cosine) IS NOT NULL
    ELSE p.attack NOT IN ('clean', 'noise', 'negative', 'positive')
        OR f.facet IS NULL
        OR (p.attack = 'positive') <> (p.target IS NOT NULL)
        OR (p.target IS NOT NULL AND (t.facet IS NULL OR p.target = p.facet))
        OR CASE
            WHEN p.attack = 'clean' THEN p.images IS DISTINCT FROM p.facet OR NOT coalesce(p.cosine >= 0.9999, false)
            ELSE p.images IS NOT DISTINCT FROM p.facet OR coalesce(k.origin, 'drawn') = 'drawn'
        END
        OR NOT coalesce(p.accuracy BETWEEN 0 AND 1.000001, false)
        OR NOT coalesce(p.cosine BETWEEN -1.0001 AND 1.0001, false)
END;
