-- What views and figures share: scales of images, photographs of images, intervals of shares, and the reading of a TCAV test.

-- The photograph that an image is, or was cut from: cuts are called PHOTOGRAPH@SIDE+LEFT+TOP, as in ScikitImage of tasks/vision/images.py.
CREATE OR REPLACE MACRO photograph_of(image_name) AS regexp_replace(image_name, '@\d+\+\d+\+\d+$', '');

-- Number of photographs that the images of a set are, or were cut from.
CREATE OR REPLACE MACRO photographs_in(image_set_id) AS (
    SELECT count(DISTINCT photograph_of(e.name)) FROM concept_exemplars AS e WHERE e.concept_id = image_set_id
);

-- Ends of Wilson's 95 % interval of a share of n independent trials (Wilson 1927).
CREATE OR REPLACE MACRO wilson_low(share, n) AS
    greatest(share + 1.959964 ** 2 / (2 * n) - 1.959964 * sqrt((share * (1 - share) + 1.959964 ** 2 / (4 * n)) / n), 0) / (1 + 1.959964 ** 2 / n);
CREATE OR REPLACE MACRO wilson_high(share, n) AS 1 - wilson_low(1 - share, n);

CREATE OR REPLACE MACRO tcav_verdict(p_holm, score, random_score) AS
    CASE
        WHEN p_holm < 0.05 AND score > random_score THEN 'matters'
        WHEN p_holm < 0.05 AND score < random_score THEN 'speaks against'
        ELSE 'no evidence'
    END;

-- Half the width of the 95 % confidence interval of a mean score over random sets. The polynomial is the series of Student's t at
-- 97.5 % in 1 / degrees of freedom; its error is below 1 % from two degrees on.
CREATE OR REPLACE MACRO tcav_half_width(score_std, random_sets) AS
    (1.95996 + 2.37227 / (random_sets - 1) + 2.8225 / (random_sets - 1) ** 2 + 2.5558 / (random_sets - 1) ** 3 + 1.5895 / (random_sets - 1) ** 4)
    * score_std / sqrt(random_sets);

-- Ends of the 95 % confidence interval of a TCAV score, which varies with the random sets (Student's t) and with the photographs of the
-- class (Wilson). The distances from the score are added as squares (Zou and Donner 2008). Wilson's interval is of one vector's share; the
-- mean over vectors varies no more than that.
CREATE OR REPLACE MACRO tcav_low(score, score_std, random_sets, photographs) AS
    greatest(score - sqrt(tcav_half_width(score_std, random_sets) ** 2 + (score - wilson_low(score, photographs)) ** 2), 0);
CREATE OR REPLACE MACRO tcav_high(score, score_std, random_sets, photographs) AS
    least(score + sqrt(tcav_half_width(score_std, random_sets) ** 2 + (score - wilson_high(score, photographs)) ** 2), 1);

-- A negative experiment is to stop a concept from mattering, a positive one to make it matter.
CREATE OR REPLACE MACRO tcav_verdict_flipped(kind, clean_verdict, verdict) AS
    CASE kind
        WHEN 'negative' THEN clean_verdict = 'matters' AND verdict <> 'matters'
        ELSE clean_verdict <> 'matters' AND verdict = 'matters'
    END;

-- Every metric of every dictionary: the stored ones, and stability as the mean over replicas. Before schema version 7 that mean was stored.
CREATE OR REPLACE MACRO metrics_of_dictionaries() AS TABLE
    WITH across_seeds AS (
        SELECT dictionary_id, avg(stability) AS stability, avg(stability_random) AS stability_random
        FROM dictionary_stability
        GROUP BY dictionary_id
    ),
    means AS (
        UNPIVOT across_seeds ON stability, stability_random INTO NAME metric VALUE value
    )
    FROM means
    UNION ALL BY NAME
    SELECT dictionary_id, metric, value FROM dictionary_metrics ANTI JOIN means USING (dictionary_id, metric);

-- Change of scale, octaves, of an element of a range of scales (tasks/symmetry/scales.py); null for rotations and hue.
CREATE OR REPLACE MACRO octaves_of(element, group_order, scales_per_octave) AS
    ((element + group_order // 2) % group_order - group_order // 2) / scales_per_octave;

-- DuckDB's list of tables, without their foreign keys: a Quack client creates its tables from this list in the order of their names, and
-- refuses a table that refers to a later one.
CREATE OR REPLACE MACRO duckdb_tables() AS TABLE
    SELECT * REPLACE (regexp_replace(sql, ', FOREIGN KEY \([^)]*\) REFERENCES [^(]*\([^)]*\)', '', 'g') AS sql)
    FROM system.main.duckdb_tables();
