-- From start to end, clamped to 64 bits.
ALTER TABLE spark_jobs ADD COLUMN duration_us INTEGER GENERATED ALWAYS AS (
    CASE
        WHEN typeof(end_us - start_us) <> 'real' THEN end_us - start_us
        WHEN end_us > start_us THEN 9223372036854775807
        ELSE -9223372036854775808
    END
) VIRTUAL;

CREATE INDEX spark_jobs_by_duration ON spark_jobs (duration_us, app_id, attempt_id, job_id)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user_and_duration
    ON spark_jobs (user, duration_us, app_id, attempt_id, job_id) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result_and_duration
    ON spark_jobs (result, duration_us, app_id, attempt_id, job_id) WHERE source IS NOT NULL;
