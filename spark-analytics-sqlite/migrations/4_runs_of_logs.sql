-- What a log reports: application, attempt, start and user, as JSON. An earlier version did not record it.
ALTER TABLE spark_log_sources ADD COLUMN run TEXT;
