-- Earlier versions had thresholds that were chosen beforehand, for every layer.
SELECT *, 0::INTEGER AS calibration_sets FROM trust_analyses;
