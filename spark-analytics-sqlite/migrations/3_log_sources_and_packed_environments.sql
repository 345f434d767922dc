-- Event logs as they were stored when they were taken: size in bytes.
CREATE TABLE spark_log_sources (
    location TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_us INTEGER NOT NULL
) STRICT;

-- A fact is packed, or JSON where an earlier version wrote it.
CREATE TABLE spark_packed_environments (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    java_version TEXT,
    scala_version TEXT,
    fact BLOB NOT NULL,
    PRIMARY KEY (app_id, attempt_id)
) STRICT;
INSERT INTO spark_packed_environments
    SELECT app_id, attempt_id, java_version, scala_version, CAST(fact AS BLOB) FROM spark_environments;
DROP TABLE spark_environments;
ALTER TABLE spark_packed_environments RENAME TO spark_environments;
