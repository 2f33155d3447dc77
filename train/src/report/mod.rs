//! Our numbers beside the paper's: run records in, Markdown, CSV and plots out.
//!
//! A report is a function of the records alone. Runs are sorted, numbers have fixed formats, and neither a clock nor
//! the machine is asked, so that the same records give the same bytes.

pub mod compare;
mod cost;
mod course;
pub mod csv;
pub mod effect;
pub mod markdown;
pub mod methods;
pub mod paper;
pub mod picture;
pub mod plots;
pub mod record;
mod rivals;
pub mod settings;

/// AUROC or another share as percent with one decimal.
pub fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// Seconds for people: `45 s`, `12 min`, `3.5 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
