CREATE TABLE spark_environments (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    java_version TEXT,
    scala_version TEXT,
    fact TEXT NOT NULL,
    PRIMARY KEY (app_id, attempt_id)
) STRICT;

CREATE TABLE spark_sql_executions (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    execution_id INTEGER NOT NULL,
    description TEXT NOT NULL,
    ended INTEGER NOT NULL,
    submission_us INTEGER,
    completion_us INTEGER,
    error_message TEXT,
    fact TEXT NOT NULL,
    PRIMARY KEY (app_id, attempt_id, execution_id)
) STRICT;
