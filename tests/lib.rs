//! Test suites, one file a topic.
