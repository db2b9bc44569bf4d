SELECT
    concept AS concept_id,
    place,
    image AS image_id,
    name,
    picture
FROM concept_exemplars;
