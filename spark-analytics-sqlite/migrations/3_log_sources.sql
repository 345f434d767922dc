-- Event logs as they were stored when they were taken: size in bytes.
CREATE TABLE spark_log_sources (
    location TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_us INTEGER NOT NULL
) STRICT;
