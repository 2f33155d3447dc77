//! Progress of a download.

use crate::output::tell;
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Progress of one file: a bar on a terminal, a line a minute elsewhere.
pub(super) struct Transfer {
    name: &'static str,
    bar: ProgressBar,
    terminal: bool,
    last_line: Instant,
}

impl Transfer {
    /// A file that has not begun to come.
    pub(super) fn new(name: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_prefix(name);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes}  {eta} left") {
            bar.set_style(style);
        }
        Self { name, bar, terminal, last_line: Instant::now() }
    }

    /// `done` bytes are there, of `total` if that is known.
    pub(super) fn show(&mut self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        if !self.terminal && self.last_line.elapsed() >= Duration::from_secs(60) {
            let of = total.map_or_else(String::new, |total| format!(" of {}", DecimalBytes(total)));
            tell!("{}: {}{of}", self.name, DecimalBytes(done));
            self.last_line = Instant::now();
        }
    }
    /// The end of the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
