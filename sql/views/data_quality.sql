-- Can these tables be trusted: what was checked, what was refused?
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
COMMENT ON VIEW data_quality IS 'one row per check of the last audit, one per reason for which images were refused, and one per thing that was set aside and is missing here';
COMMENT ON COLUMN data_quality.passed IS 'null for refused images and for what was set aside';
COMMENT ON COLUMN data_quality.count IS 'offending rows of an audit; refused images';
