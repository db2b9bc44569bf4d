SELECT
    analysis AS dimension_analysis_id,
    dimensions,
    frames,
    labelled,
    agreement_kept,
    agreement_removed,
    accuracy_clean,
    accuracy_kept,
    accuracy_removed
FROM dimension_completeness;
