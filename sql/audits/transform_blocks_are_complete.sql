-- Guards: every live feature of a group crosscoder with |G| > 1 has the blocks 0 … |G| - 1, and no feature has only some of them.
SELECT d.dictionary_id, f.feature, d.group_order, count(b.element) AS blocks, min(b.element) AS first, max(b.element) AS last
FROM dictionaries AS d
JOIN features AS f USING (dictionary_id)
LEFT JOIN transform_blocks AS b USING (dictionary_id, feature)
GROUP BY d.dictionary_id, d.group_order, f.feature, f.dead
HAVING (d.group_order > 1 AND NOT f.dead AND blocks = 0)
    OR (blocks > 0 AND (blocks <> d.group_order OR first <> 0 OR last <> d.group_order - 1));
