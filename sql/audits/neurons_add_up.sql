-- Guards: a neuron has top rows exactly where it is active, and on them contributions, bias and unexplained rest add up to its activation.
SELECT dictionary_id, neuron, max_activation, density, top_rows, explained, carried, suppressed, bias
FROM neurons
WHERE NOT (isfinite(max_activation) AND density BETWEEN 0 AND 1 AND top_rows BETWEEN 0 AND 200)
    OR (top_rows > 0) <> (max_activation > 0)
    OR (top_rows > 0) <> (density > 0)
    OR (top_rows > 0) <> (explained IS NOT NULL AND carried IS NOT NULL AND suppressed IS NOT NULL AND bias IS NOT NULL)
    OR NOT (explained <= 1 AND carried >= 0 AND suppressed >= 0)
    OR NOT abs(1 - (carried - suppressed + bias)) <= 1 - explained + 1e-3;
