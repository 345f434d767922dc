-- Times are µs since 1970-01-01 UTC, days are days since 1970-01-01. A sum beyond 64 bits stands at the
-- end of its column's range, and wide_sums lists all sums of the row as they are, in the order of their
-- columns. Histograms are lists of (bucket, count) pairs in postcard's encoding.
--
-- Rows that change in place keep to pages with room, so that their indexes need not change.

CREATE SEQUENCE spark_event_ids;

CREATE TABLE spark_meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    dedup text NOT NULL,
    pruned_before_day integer
);

CREATE TABLE spark_attempts (
    app_no bigint GENERATED ALWAYS AS IDENTITY,
    app_id text COLLATE "C" NOT NULL,
    attempt_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, attempt_id)
);

CREATE INDEX spark_attempts_by_no ON spark_attempts (app_no);

-- The columns from user_name to wide_sums hold the figures in force. Where an event log's are in force
-- (source = 'log'), what the job's single events add up to is kept in single_events.
CREATE TABLE spark_jobs (
    app_no bigint NOT NULL,
    job_id bigint NOT NULL,
    app_id text COLLATE "C" NOT NULL,
    attempt_id text COLLATE "C" NOT NULL,
    source text,
    user_name text COLLATE "C",
    start_us bigint,
    end_us bigint,
    result text COLLATE "C",
    end_user text,
    completion_us bigint,
    tasks_succeeded bigint NOT NULL DEFAULT 0,
    tasks_failed bigint NOT NULL DEFAULT 0,
    tasks_killed bigint NOT NULL DEFAULT 0,
    task_duration_ms bigint NOT NULL DEFAULT 0,
    task_lost_ms bigint NOT NULL DEFAULT 0,
    run_time_ms bigint NOT NULL DEFAULT 0,
    cpu_time_ns bigint NOT NULL DEFAULT 0,
    gc_time_ms bigint NOT NULL DEFAULT 0,
    input_bytes bigint NOT NULL DEFAULT 0,
    output_bytes bigint NOT NULL DEFAULT 0,
    shuffle_read_bytes bigint NOT NULL DEFAULT 0,
    shuffle_write_bytes bigint NOT NULL DEFAULT 0,
    memory_spilled_bytes bigint NOT NULL DEFAULT 0,
    disk_spilled_bytes bigint NOT NULL DEFAULT 0,
    task_durations bytea NOT NULL DEFAULT '\x00',
    wide_sums text,
    single_events text,
    log text,
    PRIMARY KEY (app_no, job_id)
) WITH (fillfactor = 50);

CREATE INDEX spark_jobs_by_end ON spark_jobs (end_us) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user ON spark_jobs (user_name, end_us) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_app ON spark_jobs (app_id, end_us) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result ON spark_jobs (result, end_us) WHERE source IS NOT NULL;

CREATE TABLE spark_events (
    app_no bigint NOT NULL,
    job_id bigint NOT NULL,
    time_us bigint NOT NULL,
    type smallint NOT NULL,
    task_key text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (app_no, job_id, time_us, type, task_key)
);

-- user_name is '' in the rows of all users together. A day's figures are the sum over its slots.
CREATE TABLE spark_rollups (
    slot smallint NOT NULL,
    of_all boolean NOT NULL,
    user_name text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    jobs_succeeded bigint NOT NULL,
    jobs_failed bigint NOT NULL,
    jobs_unknown bigint NOT NULL,
    job_duration_us bigint NOT NULL,
    success_rate_ppb bigint NOT NULL,
    job_durations bytea NOT NULL,
    tasks_succeeded bigint NOT NULL,
    tasks_failed bigint NOT NULL,
    tasks_killed bigint NOT NULL,
    task_duration_ms bigint NOT NULL,
    task_lost_ms bigint NOT NULL,
    run_time_ms bigint NOT NULL,
    cpu_time_ns bigint NOT NULL,
    gc_time_ms bigint NOT NULL,
    input_bytes bigint NOT NULL,
    output_bytes bigint NOT NULL,
    shuffle_read_bytes bigint NOT NULL,
    shuffle_write_bytes bigint NOT NULL,
    memory_spilled_bytes bigint NOT NULL,
    disk_spilled_bytes bigint NOT NULL,
    task_durations bytea NOT NULL,
    wide_sums text,
    PRIMARY KEY (of_all, user_name, day, slot)
) WITH (fillfactor = 50);

CREATE TABLE spark_applications (
    app_no bigint PRIMARY KEY,
    app_id text COLLATE "C" NOT NULL,
    attempt_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    user_name text NOT NULL,
    spark_version text NOT NULL,
    ended boolean NOT NULL,
    start_us bigint,
    end_us bigint,
    fact text NOT NULL
);

CREATE INDEX spark_applications_by_id ON spark_applications (app_id, attempt_id);

CREATE TABLE spark_stages (
    app_no bigint NOT NULL,
    stage_id bigint NOT NULL,
    stage_attempt_id bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    submission_us bigint,
    completion_us bigint,
    tasks_succeeded bigint NOT NULL,
    tasks_failed bigint NOT NULL,
    tasks_killed bigint NOT NULL,
    task_duration_ms bigint NOT NULL,
    fact text NOT NULL,
    PRIMARY KEY (app_no, stage_id, stage_attempt_id)
);

CREATE TABLE spark_executors (
    app_no bigint NOT NULL,
    executor_id text COLLATE "C" NOT NULL,
    host_port text NOT NULL,
    total_cores bigint NOT NULL,
    add_us bigint,
    remove_us bigint,
    tasks_completed bigint NOT NULL,
    tasks_failed bigint NOT NULL,
    task_duration_ms bigint NOT NULL,
    fact text NOT NULL,
    PRIMARY KEY (app_no, executor_id)
);

-- A fact is packed, which compressing again would not make smaller.
CREATE TABLE spark_environments (
    app_no bigint PRIMARY KEY,
    java_version text,
    scala_version text,
    fact bytea NOT NULL
);
ALTER TABLE spark_environments ALTER fact SET STORAGE EXTERNAL;

CREATE TABLE spark_sql_executions (
    app_no bigint NOT NULL,
    execution_id bigint NOT NULL,
    description text NOT NULL,
    ended boolean NOT NULL,
    submission_us bigint,
    completion_us bigint,
    error_message text,
    fact text NOT NULL,
    PRIMARY KEY (app_no, execution_id)
);

-- Event logs as they were stored when they were taken: size in bytes. A location may be longer than a key.
CREATE TABLE spark_log_sources (
    location_sha256 bytea PRIMARY KEY,
    location text NOT NULL,
    size bigint NOT NULL,
    modified_us bigint NOT NULL
);

CREATE TABLE spark_rejected (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us bigint NOT NULL,
    reason text NOT NULL,
    raw text NOT NULL
);
