//! The conformance suite on the store in memory.

spark_analytics_tests::conformance!(memory, spark_analytics_tests::InMemory);
