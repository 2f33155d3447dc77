//! Detection metrics (section 3) and probes of feature quality (appendix A).
