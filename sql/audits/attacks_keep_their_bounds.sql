-- Guards: no attack exceeds its ε or changes more images than its fraction allows. Clean rows have no change, and changed sets have a PSNR
-- that their largest change allows.
WITH bounded AS (
    -- the mean squared error is at most the square of the largest change
    SELECT *, CASE WHEN largest_change > 0 THEN round(20 * log10(255 / largest_change), 3) END AS least_psnr
    FROM attacks
)
SELECT *
FROM bounded
WHERE NOT changed BETWEEN 0 AND images
    OR NOT largest_change BETWEEN 0 AND epsilon
    OR NOT perceptual BETWEEN 0 AND 4.0001
    OR (changed = 0) <> (largest_change = 0)
    OR (changed = 0) <> (psnr IS NULL)
    OR (changed = 0 AND perceptual > 0)
    OR NOT coalesce(isfinite(psnr) AND psnr >= least_psnr - 1e-3, true)
    OR CASE
        WHEN attack = 'clean' THEN (perturbed_set, epsilon, fraction, changed) <> ('concept', 0, 0, 0) OR artifact_folder IS NOT NULL
        ELSE NOT epsilon BETWEEN 1 AND 255
            OR NOT (fraction > 0 AND fraction <= 1)
            OR changed > greatest(fraction * images + 0.5, 1)
            OR artifact_folder IS NULL
    END;
