-- From start to end, clamped to 64 bits.
ALTER TABLE spark_jobs ADD COLUMN duration_us bigint GENERATED ALWAYS AS (
    least(greatest(end_us::numeric - start_us, -9223372036854775808), 9223372036854775807)::bigint
) STORED;

CREATE INDEX spark_jobs_by_duration ON spark_jobs (duration_us) WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_user_and_duration ON spark_jobs (user_name, duration_us)
    WHERE source IS NOT NULL;
CREATE INDEX spark_jobs_by_result_and_duration ON spark_jobs (result, duration_us)
    WHERE source IS NOT NULL;
