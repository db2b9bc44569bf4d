SELECT
    analysis AS facet_analysis_id,
    place,
    attack,
    facet AS facet_id,
    target AS target_facet_id,
    images AS probe_images_id,
    accuracy,
    cosine,
    picture
FROM facet_pictures;
