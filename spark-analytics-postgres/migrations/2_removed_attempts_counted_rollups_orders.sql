-- The day before which facts of event logs were pruned, as days since 1970-01-01.
ALTER TABLE spark_meta ADD COLUMN logs_pruned_before_day integer;

-- Attempts of applications whose jobs were removed: nothing of the run that began at run_us, or of any run if that is
-- not known, is taken again.
CREATE TABLE spark_removed_attempts (
    app_no bigint PRIMARY KEY,
    is_forgotten boolean NOT NULL,
    run_us bigint
);

-- A roll-up counts jobs with tasks, and jobs with impossible durations, which it leaves out of the sum and the
-- distribution of durations. rollups_lack_counts says that they have not been counted yet in the rows that existed before;
-- the program that runs this migration does so. There is no default, so that a program of an earlier version that is still
-- connected cannot add rows.
ALTER TABLE spark_rollups
    ADD COLUMN jobs_with_tasks bigint NOT NULL DEFAULT 0,
    ADD COLUMN impossible_durations bigint NOT NULL DEFAULT 0;
ALTER TABLE spark_rollups
    ALTER COLUMN jobs_with_tasks DROP DEFAULT,
    ALTER COLUMN impossible_durations DROP DEFAULT;
ALTER TABLE spark_meta ADD COLUMN rollups_lack_counts boolean NOT NULL DEFAULT false;
UPDATE spark_meta SET rollups_lack_counts = true;

-- What the log reports, where its figures are in force. An earlier version did not know the longest task.
ALTER TABLE spark_jobs ADD COLUMN num_tasks bigint, ADD COLUMN longest_task_ms bigint;
UPDATE spark_jobs SET num_tasks = (log::json ->> 'num_tasks')::bigint WHERE source = 'log';

-- What an imported log reports: application, attempt, start and user, as JSON. An earlier version did not record it.
ALTER TABLE spark_log_sources ADD COLUMN run text;

-- From start to end, clamped to 64 bits.
ALTER TABLE spark_jobs ADD COLUMN duration_us bigint GENERATED ALWAYS AS (
    least(greatest(end_us::numeric - start_us, -9223372036854775808), 9223372036854775807)::bigint
) STORED;

CREATE INDEX spark_jobs_by_duration ON spark_jobs (duration_us) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user_and_duration ON spark_jobs (user_name, duration_us)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result_and_duration ON spark_jobs (result, duration_us)
    WHERE source IS NOT NULL;
