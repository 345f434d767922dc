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
