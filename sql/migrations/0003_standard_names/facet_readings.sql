SELECT
    analysis AS facet_analysis_id,
    place,
    facet AS facet_id,
    logit
FROM facet_readings;
