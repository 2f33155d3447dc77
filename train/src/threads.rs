//! The threads that compute: as many as there are processors, or as the system gives.

use crate::error::NsaError;
use crate::output::tell;
use std::sync::RwLock;
use std::thread::{Builder, available_parallelism, scope};

/// Starts them, once.
///
/// The main thread is one of those that compute: handing each kernel over to another thread and waiting for it costs
/// small networks a tenth of their time. So there is one in any case.
pub fn start() -> Result<(), NsaError> {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
    let wanted = asked.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let threads = 1 + startable(wanted - 1);
    if threads < wanted {
        tell!("warning: the system gives {threads} threads of {wanted}: this takes longer");
    }
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global()?)
}

/// How many threads can be started, `most` at most. It is tried, because a pool that could not be started cannot be
/// asked for again.
fn startable(most: usize) -> usize {
    let gate = RwLock::new(());
    let closed = gate.write();
    scope(|scope| {
        let waits = || drop(gate.read());
        let started = (0..most).take_while(|_| Builder::new().spawn_scoped(scope, waits).is_ok()).count();
        drop(closed);
        started
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted() {
        assert_eq!((startable(0), startable(3)), (0, 3));
    }
}
