-- Guards: every decoder block of a dictionary has exactly one FVU, which is finite and not negative.
SELECT
    d.dictionary_id,
    d.group_order,
    count(b.element) AS blocks,
    max(b.element) AS last_block,
    count(*) FILTER (NOT (isfinite(b.fvu) AND b.fvu >= 0)) AS impossible_fvu
FROM dictionaries AS d
LEFT JOIN block_metrics AS b USING (dictionary_id)
GROUP BY ALL
HAVING blocks <> d.group_order OR last_block <> d.group_order - 1 OR impossible_fvu > 0;
