//! Progress of long work: a bar on a terminal, a line a minute elsewhere.

use crate::output::tell;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows how far work has come, on stderr.
pub struct Progress {
    bar: ProgressBar,
    terminal: bool,
    last_line: Instant,
    message: String,
}

impl Progress {
    /// Work of `total` items, called `what`.
    pub fn new(what: &str, total: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_string());
        Self { bar, terminal, last_line: Instant::now(), message: String::new() }
    }

    /// `items` more are done.
    pub fn advance(&mut self, items: usize) {
        self.bar.inc(items as u64);
        if !self.terminal && self.last_line.elapsed() >= Duration::from_secs(60) {
            self.line();
        }
    }

    /// Says something beside the bar.
    pub fn say(&mut self, message: String) {
        self.bar.set_message(message.clone());
        self.message = message;
    }

    /// Prints a line that stays.
    pub fn log(&mut self, line: &str) {
        if self.terminal { self.bar.println(line) } else { tell!("{line}") }
    }

    /// How long it has taken, and the end of the bar.
    pub fn finish(&mut self) -> Duration {
        self.bar.finish_and_clear();
        self.bar.elapsed()
    }

    fn line(&mut self) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let left = self.bar.eta().as_secs();
        tell!("{} {done}/{total}  {}  {} min left", self.bar.prefix(), self.message, left.div_ceil(60));
        self.last_line = Instant::now();
    }
}
