-- Shows whether these tables can be trusted: the results of the last audit, the refused images, and the data set aside.
CREATE OR REPLACE VIEW data_quality AS
SELECT
    'audit' AS subject,
    audit AS name,
    kind,
    passed,
    failures AS count,
    detail,
    audited_at
FROM audit_results
WHERE audited_at = (SELECT max(audited_at) FROM audit_results)
UNION ALL
SELECT
    'quarantine',
    reason,
    'refused images',
    NULL,
    count(*),
    'for example ' || min(name),
    NULL
FROM quarantine
GROUP BY reason
UNION ALL
SELECT
    'set aside',
    name,
    kind,
    NULL,
    NULL,
    reason,
    NULL
FROM set_aside
ORDER BY subject, passed, name;
COMMENT ON VIEW data_quality IS 'one row per check of the last audit, per reason for which images were refused, and per item of data that was set aside';
COMMENT ON COLUMN data_quality.subject IS 'what the row is about: audit, quarantine (refused images) or set aside';
COMMENT ON COLUMN data_quality.name IS 'name of the audit, reason of the refusal, or name of the data that was set aside';
COMMENT ON COLUMN data_quality.kind IS 'of an audit: sql or great-expectations; of refused images: refused images; of data set aside: its folder under data/, or waiting';
COMMENT ON COLUMN data_quality.passed IS 'whether the audit found no offending row; null for refused images and data set aside';
COMMENT ON COLUMN data_quality.count IS 'number of offending rows of an audit, or of refused images; null for data set aside';
COMMENT ON COLUMN data_quality.detail IS 'of an audit, the first offending rows as JSON, empty when passed; of refused images, one as an example; of data set aside, the reason';
COMMENT ON COLUMN data_quality.audited_at IS 'time of the audit, UTC; null for refused images and data set aside';
