//! The built-in data set.
