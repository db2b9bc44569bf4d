-- Flow runs, loads, audits, schema versions, and the data that was set aside.

CREATE TABLE IF NOT EXISTS runs (
    flow_run_id        VARCHAR PRIMARY KEY,
    flow               VARCHAR NOT NULL,
    started_at         TIMESTAMP NOT NULL,
    seconds            DOUBLE NOT NULL,
    peak_memory_bytes  BIGINT NOT NULL,
    git_revision       VARCHAR,
    config             JSON NOT NULL
);
COMMENT ON TABLE runs IS 'one row per finished flow run (flow_run_id)';
COMMENT ON COLUMN runs.flow_run_id IS 'id that Prefect gave the flow run, a UUID';
COMMENT ON COLUMN runs.flow IS 'name of the flow';
COMMENT ON COLUMN runs.started_at IS 'start of the run, UTC';
COMMENT ON COLUMN runs.seconds IS 'duration of the run, seconds';
COMMENT ON COLUMN runs.peak_memory_bytes IS 'largest resident memory of the process, bytes';
COMMENT ON COLUMN runs.git_revision IS 'commit of the code, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN runs.config IS 'settings of the flow, JSON';

CREATE TABLE IF NOT EXISTS loads (
    load_key    VARCHAR NOT NULL,
    table_name  VARCHAR NOT NULL,
    rows        BIGINT NOT NULL,
    loaded_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (load_key, table_name)
);
COMMENT ON TABLE loads IS 'one row per (load_key, table_name): rows that were loaded in one transaction; a load is never repeated';
COMMENT ON COLUMN loads.load_key IS 'key of the staged tables: a content key, or the id of a flow run (runs)';
COMMENT ON COLUMN loads.table_name IS 'name of the table that the rows were inserted into';
COMMENT ON COLUMN loads.rows IS 'number of rows that were inserted';
COMMENT ON COLUMN loads.loaded_at IS 'time of the load, UTC';

CREATE TABLE IF NOT EXISTS audit_results (
    audited_at  TIMESTAMP NOT NULL,
    audit       VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL CHECK (kind IN ('sql', 'great-expectations')),
    passed      BOOLEAN NOT NULL,
    failures    BIGINT NOT NULL,
    detail      VARCHAR NOT NULL,
    PRIMARY KEY (audited_at, kind, audit)
);
COMMENT ON TABLE audit_results IS 'one row per (audited_at, kind, audit)';
COMMENT ON COLUMN audit_results.audited_at IS 'time of the audit, UTC; all results of one audit run have the same time';
COMMENT ON COLUMN audit_results.audit IS 'name of the audit: of a file in sql/audits, or of a table''s expectations';
COMMENT ON COLUMN audit_results.kind IS 'sql (a query in sql/audits that selects offending rows) or great-expectations';
COMMENT ON COLUMN audit_results.passed IS 'whether no row offended';
COMMENT ON COLUMN audit_results.failures IS 'number of offending rows';
COMMENT ON COLUMN audit_results.detail IS 'the first offending rows, JSON; empty when passed';

CREATE TABLE IF NOT EXISTS schema_versions (
    version      INTEGER PRIMARY KEY,
    migrated_at  TIMESTAMP NOT NULL
);
COMMENT ON TABLE schema_versions IS 'one row per version of sql/schema that these tables have had; the highest is their present one';
COMMENT ON COLUMN schema_versions.version IS 'number of the version';
COMMENT ON COLUMN schema_versions.migrated_at IS 'time when the tables came to this version, UTC';

CREATE TABLE IF NOT EXISTS set_aside (
    kind    VARCHAR NOT NULL,
    name    VARCHAR NOT NULL,
    reason  VARCHAR NOT NULL,
    since   TIMESTAMP,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE set_aside IS 'one row per (kind, name): data that is missing in these tables; the table is written anew by each publication';
COMMENT ON COLUMN set_aside.kind IS 'folder under data/ from which the data was moved to quarantine, or waiting: staged rows that refer to rows which are not there';
COMMENT ON COLUMN set_aside.name IS 'path below that folder, or the key of the staged rows that wait';
COMMENT ON COLUMN set_aside.reason IS 'why the data is missing';
COMMENT ON COLUMN set_aside.since IS 'time when the data was moved to quarantine, UTC; null while staged rows wait';
