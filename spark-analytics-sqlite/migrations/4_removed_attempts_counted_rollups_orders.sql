-- The day before which facts of event logs were pruned, as days since 1970-01-01.
ALTER TABLE spark_meta ADD COLUMN logs_pruned_before_day INTEGER;

-- Attempts of applications whose jobs were removed: nothing of the run that began at run_us, or of any run if that is
-- not known, is taken again.
CREATE TABLE spark_removed_attempts (
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    is_forgotten INTEGER NOT NULL,
    run_us INTEGER,
    PRIMARY KEY (app_id, attempt_id)
) STRICT;

-- A roll-up counts jobs with tasks, and jobs with impossible durations, which it leaves out of the sum and the
-- distribution of durations. The program that runs this migration counts them in the rows that exist. There is no
-- default, so that a program of an earlier version that still has the file open cannot add rows.
CREATE TABLE spark_counted_rollups (
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
    task_durations BLOB NOT NULL,
    jobs_with_tasks INTEGER NOT NULL,
    impossible_durations INTEGER NOT NULL
) STRICT;
INSERT INTO spark_counted_rollups
    SELECT rollup_no, day, user, jobs_succeeded, jobs_failed, jobs_unknown, job_duration_us,
        success_rate_ppb, job_durations, tasks_succeeded, tasks_failed, tasks_killed,
        task_duration_ms, task_lost_ms, run_time_ms, cpu_time_ns, gc_time_ms, input_bytes,
        output_bytes, shuffle_read_bytes, shuffle_write_bytes, memory_spilled_bytes,
        disk_spilled_bytes, task_durations, 0, 0
    FROM spark_rollups;
DROP TABLE spark_rollups;
ALTER TABLE spark_counted_rollups RENAME TO spark_rollups;
CREATE UNIQUE INDEX spark_rollups_by_user ON spark_rollups (user, day);

-- What the log reports, where its figures are in force. An earlier version did not know the longest task.
ALTER TABLE spark_jobs ADD COLUMN num_tasks INTEGER;
ALTER TABLE spark_jobs ADD COLUMN longest_task_ms INTEGER;
UPDATE spark_jobs SET num_tasks = log ->> 'num_tasks' WHERE source = 'log';

-- What an imported log reports: application, attempt, start and user, as JSON. An earlier version did not record it.
ALTER TABLE spark_log_sources ADD COLUMN run TEXT;

-- From start to end, clamped to 64 bits.
ALTER TABLE spark_jobs ADD COLUMN duration_us INTEGER;
UPDATE spark_jobs SET duration_us = CASE
        WHEN typeof(end_us - start_us) <> 'real' THEN end_us - start_us
        WHEN end_us > start_us THEN 9223372036854775807
        ELSE -9223372036854775808
    END
    WHERE start_us IS NOT NULL AND end_us IS NOT NULL;

CREATE INDEX spark_jobs_by_duration ON spark_jobs (duration_us, app_id, attempt_id, job_id)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user_and_duration
    ON spark_jobs (user, duration_us, app_id, attempt_id, job_id) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result_and_duration
    ON spark_jobs (result, duration_us, app_id, attempt_id, job_id) WHERE source IS NOT NULL;
