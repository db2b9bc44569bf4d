-- The reading of a TCAV test: its verdict, its confidence interval, and whether an attack reached its aim. Views and figures use these.

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

-- A negative experiment is to stop a concept from mattering, a positive one to make it matter.
CREATE OR REPLACE MACRO tcav_verdict_flipped(kind, clean_verdict, verdict) AS
    CASE kind
        WHEN 'negative' THEN clean_verdict = 'matters' AND verdict <> 'matters'
        ELSE clean_verdict <> 'matters' AND verdict = 'matters'
    END;
