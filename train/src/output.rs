//! What `nsa` says: results on stdout, everything else on stderr.
//!
//! A reader may go at any time (`nsa eval RUN 2>&1 | head -1`), which is no error and no panic. Names come from files of
//! others, so what would move a terminal's cursor or turn its text around is shown, not sent.

use crate::error::NsaError;
use crate::files;
use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says a line on stderr.
macro_rules! tell {
    ($($arguments:tt)*) => { $crate::output::line(format_args!($($arguments)*)) };
}
pub(crate) use tell;

/// [`tell`]'s line. There is nobody to tell that it could not be told.
pub fn line(text: Arguments<'_>) {
    let _ = stderr().write_all(format!("{}\n", visible(&text.to_string())).as_bytes());
}

/// Prints a result.
pub fn print(text: &str) -> Result<(), NsaError> {
    write(&visible(text))
}

/// Prints a result as JSON, which has its own way to write control characters.
pub fn print_json<T: serde::Serialize>(value: &T) -> Result<(), NsaError> {
    write(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Prints a result as JSON on a line of its own, where results come one by one.
pub fn print_json_line<T: serde::Serialize>(value: &T) -> Result<(), NsaError> {
    write(&(serde_json::to_string(value)? + "\n"))
}

/// Set when a result could not be given to its reader, who has gone.
static GONE: AtomicBool = AtomicBool::new(false);

/// Whether nobody reads the results any more: work without an end ends then.
pub fn reader_has_gone() -> bool {
    GONE.load(Ordering::Relaxed) || is_broken()
}

/// A pipe whose reader has gone says so also to those who write nothing.
#[cfg(unix)]
fn is_broken() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = stdout();
    let mut asked = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&at_once)).is_ok() && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(not(unix))]
fn is_broken() -> bool {
    false
}

fn write(text: &str) -> Result<(), NsaError> {
    let mut out = stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() == ErrorKind::BrokenPipe => {
            GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        written => written.map_err(files::writing(Path::new("standard output"))),
    }
}

/// A name as one line of a message: also the end of a line in it is shown.
pub fn name(name: impl AsRef<str>) -> String {
    escape(name.as_ref(), true).into_owned()
}

/// A text with its lines, and everything else that is not for reading shown as `\u{1b}`.
fn visible(text: &str) -> Cow<'_, str> {
    escape(text, false)
}

fn escape(text: &str, lines: bool) -> Cow<'_, str> {
    // Besides control characters those that turn the direction of the text.
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = |c: char| (c.is_control() && (lines || c != '\n')) || turns(c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards the kind reported as "a file name writes to the terminal".
    #[test]
    fn names_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(name("a\x1b[2Jb\r\n.png"), "a\\u{1b}[2Jb\\r\\n.png");
        assert_eq!(name("cat\u{202e}gnp.exe"), "cat\\u{202e}gnp.exe");
        assert_eq!(name("C:\\日本語 é.png"), "C:\\日本語 é.png");
        assert_eq!(visible("one\ntwo\x07"), "one\ntwo\\u{7}");
    }
}
