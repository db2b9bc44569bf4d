-- Guards: profiles lie in [-1, 1] and are 1 at the identity, and norms are finite and not negative.
SELECT dictionary_id, feature, element, cosine_to_identity, norm
FROM transform_blocks
WHERE NOT cosine_to_identity BETWEEN -1.0001 AND 1.0001
    OR (element = 0 AND abs(cosine_to_identity - 1) > 1e-4)
    OR NOT (isfinite(norm) AND norm >= 0);
