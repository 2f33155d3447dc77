//! The allocator: it keeps the memory of freed tensors for the next ones.
//!
//! The tensors of a training step are large. The system's allocator gives each of them back to the kernel, which clears
//! its pages before they are used anew and tells every core: that took a third of a step at base width 64.

use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h; -1 is never.
const PURGE_DELAY: i32 = 15;

/// To be called first.
pub fn keep_what_is_freed() {
    // SAFETY: it sets a number that the allocator reads when memory is freed.
    #[expect(unsafe_code)]
    unsafe {
        mi_option_set(PURGE_DELAY, -1);
    }
}
