//! The conformance suite on the store in memory.

spark_analytics_tests::conformance!(fresh, spark_analytics_tests::InMemory);
