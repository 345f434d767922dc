-- The day before which facts of event logs were pruned, as days since 1970-01-01.
ALTER TABLE spark_meta ADD COLUMN logs_pruned_before_day integer;

-- Attempts of applications whose jobs were removed: nothing of the run that began at run_us, or of any run if that is
-- not known, is taken again.
CREATE TABLE spark_removed_attempts (
    app_no bigint PRIMARY KEY,
    is_forgotten boolean NOT NULL,
    run_us bigint
);
