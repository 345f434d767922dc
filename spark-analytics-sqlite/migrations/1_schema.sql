-- Times are µs since 1970-01-01 UTC, days are days since 1970-01-01. Sums have no declared type:
-- they are integers while they fit 64 bits, and decimal texts beyond. Histograms are lists of
-- (bucket, count) pairs in postcard's encoding.

CREATE TABLE spark_meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    dedup TEXT NOT NULL,
    pruned_before_day INTEGER,
    next_event_id INTEGER NOT NULL
) STRICT;

-- The columns from user to task_durations hold the figures in force. Where an event log's are in
-- force (source = 'log'), what the job's single events add up to is kept in single_events.
CREATE TABLE spark_jobs (
    job_no INTEGER PRIMARY KEY,
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    job_id INTEGER NOT NULL,
    source TEXT,
    user TEXT,
    start_us INTEGER,
    end_us INTEGER,
    result TEXT,
    end_user TEXT,
    completion_us INTEGER,
    tasks_succeeded INTEGER NOT NULL,
    tasks_failed INTEGER NOT NULL,
    tasks_killed INTEGER NOT NULL,
    task_duration_ms ANY NOT NULL,
    task_lost_ms ANY NOT NULL,
    run_time_ms ANY NOT NULL,
    cpu_time_ns ANY NOT NULL,
    gc_time_ms ANY NOT NULL,
    input_bytes ANY NOT NULL,
    output_bytes ANY NOT NULL,
    shuffle_read_bytes ANY NOT NULL,
    shuffle_write_bytes ANY NOT NULL,
    memory_spilled_bytes ANY NOT NULL,
    disk_spilled_bytes ANY NOT NULL,
    task_durations BLOB NOT NULL,
    single_events TEXT,
    log TEXT
) STRICT;

CREATE UNIQUE INDEX spark_jobs_by_key ON spark_jobs (app_id, attempt_id, job_id);
CREATE INDEX spark_jobs_by_end ON spark_jobs (end_us, app_id, attempt_id, job_id)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user ON spark_jobs (user, end_us, app_id, attempt_id, job_id)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_app ON spark_jobs (app_id, end_us, attempt_id, job_id)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result ON spark_jobs (result, end_us, app_id, attempt_id, job_id)
    WHERE source IS NOT NULL;

CREATE TABLE spark_events (
    id INTEGER PRIMARY KEY,
    job_no INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    type INTEGER NOT NULL,
    task_key TEXT NOT NULL,
    raw TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX spark_events_by_identity ON spark_events (job_no, time_us, type, task_key);

-- user is NULL in the rows of all users together.
CREATE TABLE spark_rollups (
    rollup_no INTEGER PRIMARY KEY,
    day INTEGER NOT NULL,
    user TEXT,
    jobs_succeeded INTEGER NOT NULL,
    jobs_failed INTEGER NOT NULL,
    jobs_unknown INTEGER NOT NULL,
    job_duration_us ANY NOT NULL,
    success_rate_ppb ANY NOT NULL,
    job_durations BLOB NOT NULL,
    tasks_succeeded INTEGER NOT NULL,
    tasks_failed INTEGER NOT NULL,
    tasks_killed INTEGER NOT NULL,
    task_duration_ms ANY NOT NULL,
    task_lost_ms ANY NOT NULL,
    run_time_ms ANY NOT NULL,
    cpu_time_ns ANY NOT NULL,
    gc_time_ms ANY NOT NULL,
    input_bytes ANY NOT NULL,
    output_bytes ANY NOT NULL,
    shuffle_read_bytes ANY NOT NULL,
    shuffle_write_bytes ANY NOT NULL,
    memory_spilled_bytes ANY NOT NULL,
    disk_spilled_bytes ANY NOT NULL,
    task_durations BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX spark_rollups_by_user ON spark_rollups (user, day);

CREATE TABLE spark_applications (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    spark_version TEXT NOT NULL,
    ended INTEGER NOT NULL,
    start_us INTEGER,
    end_us INTEGER,
    fact TEXT NOT NULL,
    PRIMARY KEY (app_id, attempt_id)
) STRICT;

CREATE TABLE spark_stages (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    stage_id INTEGER NOT NULL,
    stage_attempt_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    submission_us INTEGER,
    completion_us INTEGER,
    tasks_succeeded INTEGER NOT NULL,
    tasks_failed INTEGER NOT NULL,
    tasks_killed INTEGER NOT NULL,
    task_duration_ms ANY NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (app_id, attempt_id, stage_id, stage_attempt_id)
) STRICT;

CREATE TABLE spark_executors (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    executor_id TEXT NOT NULL,
    host_port TEXT NOT NULL,
    total_cores INTEGER NOT NULL,
    add_us INTEGER,
    remove_us INTEGER,
    tasks_completed INTEGER NOT NULL,
    tasks_failed INTEGER NOT NULL,
    task_duration_ms INTEGER NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (app_id, attempt_id, executor_id)
) STRICT;

CREATE TABLE spark_rejected (
    id INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    raw TEXT NOT NULL
) STRICT;
