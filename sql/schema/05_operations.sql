-- What ran, what was loaded, what was checked.

CREATE TABLE IF NOT EXISTS runs (
    flow_run_id        VARCHAR PRIMARY KEY,
    flow               VARCHAR NOT NULL,
    started_at         TIMESTAMP NOT NULL,
    seconds            DOUBLE NOT NULL,
    peak_memory_bytes  BIGINT NOT NULL,
    git_revision       VARCHAR,
    config             JSON NOT NULL
);
COMMENT ON TABLE runs IS 'one row per finished flow run';

CREATE TABLE IF NOT EXISTS loads (
    load_key    VARCHAR NOT NULL,
    table_name  VARCHAR NOT NULL,
    rows        BIGINT NOT NULL,
    loaded_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (load_key, table_name)
);
COMMENT ON TABLE loads IS 'one row per (load, table): a load is one transaction and is never repeated';

CREATE TABLE IF NOT EXISTS audit_results (
    audited_at  TIMESTAMP NOT NULL,
    audit       VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL CHECK (kind IN ('sql', 'great-expectations')),
    passed      BOOLEAN NOT NULL,
    failures    BIGINT NOT NULL,
    detail      VARCHAR NOT NULL,
    PRIMARY KEY (audited_at, kind, audit)
);
COMMENT ON TABLE audit_results IS 'one row per (time, kind, audit)';
COMMENT ON COLUMN audit_results.failures IS 'offending rows';
COMMENT ON COLUMN audit_results.detail IS 'the first offending rows, as JSON; empty when passed';

CREATE TABLE IF NOT EXISTS schema_versions (
    version      INTEGER PRIMARY KEY,
    migrated_at  TIMESTAMP NOT NULL
);
COMMENT ON TABLE schema_versions IS 'one row per version of sql/schema that these tables have had: the highest is theirs';
COMMENT ON COLUMN schema_versions.migrated_at IS 'UTC';

CREATE TABLE IF NOT EXISTS set_aside (
    kind    VARCHAR NOT NULL,
    name    VARCHAR NOT NULL,
    reason  VARCHAR NOT NULL,
    since   TIMESTAMP,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE set_aside IS 'one row per (kind, name): what is missing in these tables, and why; made anew by each publication';
COMMENT ON COLUMN set_aside.kind IS 'folder of data/ that it was taken from, or waiting: staged rows that refer to rows which are not there';
COMMENT ON COLUMN set_aside.since IS 'when it was set aside, UTC; null while it waits';
