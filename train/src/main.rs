//! `nsa`: trains, evaluates and exports the models of "No Shifted Augmentations".
//!
//! The commands are a thin layer over `nsa-core`: this crate owns files, devices and progress, the core owns every
//! number. Results go to stdout, everything else to stderr; the exit status is 2 for bad usage or input and 1 for
//! work that failed.

mod bundles;
mod catalog;
mod cli;
mod commands;
mod data;
mod device;
mod error;
mod evaluate;
mod evaluation;
mod files;
mod help;
mod lock;
mod memory;
mod npy;
mod plan;
mod probes;
mod progress;
mod report;
mod run;
mod tables;
mod torch;
mod trained;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    memory::keep_what_is_freed();
    // The main thread is one of those that compute: handing each kernel over to another thread and waiting for it costs
    // small networks a tenth of their time.
    rayon::ThreadPoolBuilder::new().use_current_thread().build_global().expect("nothing has asked for threads before");
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nsa: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
