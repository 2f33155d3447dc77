//! Encoder, heads and normalisation (sections 2.1, 2.3, 2.4).
