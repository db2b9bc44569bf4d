-- Guards: an image set has as many exemplars as `concepts` says, numbered from 0, and no image twice.
SELECT
    c.concept_id,
    c.name,
    c.exemplars,
    count(e.place) AS exemplars_found,
    min(e.place) AS first,
    max(e.place) AS last,
    count(DISTINCT e.image_id) AS images
FROM concepts AS c
LEFT JOIN concept_exemplars AS e USING (concept_id)
GROUP BY c.concept_id, c.name, c.exemplars
HAVING exemplars_found = 0
    OR exemplars_found <> c.exemplars
    OR first <> 0
    OR last <> c.exemplars - 1
    OR images <> c.exemplars;
