//! Nothing but tests: see `parity.rs`, `golden/` and `e2e/`.
