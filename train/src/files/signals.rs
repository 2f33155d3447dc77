//! Ctrl-C and `kill`: what was being written is removed before the process ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while several names change together.
static STEPS: Mutex<()> = Mutex::new(());

/// Until this is dropped, Ctrl-C waits: two names that belong together are changed.
pub fn uninterrupted() -> MutexGuard<'static, ()> {
    STEPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for signals from now on, on a thread of its own. Where there is no thread to be had they end the process as
/// they always do, and what they leave behind is removed by the next process.
#[cfg(unix)]
pub(super) fn watch() {
    use std::sync::{Once, mpsc};
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let (ready, is_ready) = mpsc::channel();
        let wait = move || {
            let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted()) else { return };
            // Nobody waits for this any more if the main thread is ending.
            let _ = ready.send(());
            for signal in signals.forever() {
                let _steps = uninterrupted();
                let _parts = super::part::remove_all();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        };
        if std::thread::Builder::new().name("signals".into()).spawn(wait).is_ok() {
            let _ = is_ready.recv();
        }
    });
}

#[cfg(not(unix))]
pub(super) fn watch() {}

/// Those of the signals that would end this process: whoever started it may have told it to ignore some.
#[cfg(unix)]
fn wanted() -> Vec<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect()
}
