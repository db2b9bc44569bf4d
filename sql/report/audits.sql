-- Returns one row per audit of the last audit run, the failed ones first.
SELECT audited_at, audit, kind, passed, failures
FROM audit_results
WHERE audited_at = (SELECT max(audited_at) FROM audit_results)
ORDER BY passed, kind DESC, audit;
