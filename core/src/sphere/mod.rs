//! Compactness on the hypersphere (section 2.2, appendix A).
