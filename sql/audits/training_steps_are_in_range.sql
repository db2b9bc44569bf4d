-- Guards: logged values are finite, and their steps were taken.
SELECT t.dictionary_id, t.step, t.metric, t.value, d.steps
FROM training_steps AS t
JOIN dictionaries AS d USING (dictionary_id)
WHERE t.step NOT BETWEEN 0 AND d.steps OR NOT isfinite(t.value);
