//! Our numbers beside the paper's: run records in, Markdown, CSV and plots out.
//!
//! A report is a function of the records alone. Runs are sorted, numbers have fixed formats, and neither a clock nor
//! the machine is asked, so that the same records give the same bytes.

pub mod claims;
pub mod compare;
mod cost;
mod course;
pub mod effect;
pub mod fill;
pub mod forest;
pub mod gains;
pub mod methods;
pub mod pages;
pub mod paper;
pub mod plots;
pub mod record;
pub mod results;
mod rivals;
pub mod settings;
pub mod stats;
pub mod table;

/// Seconds for people: `45 s`, `12 min`, `3.5 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
