//! The program `nsa`: trains, evaluates and exports the models of "No Shifted Augmentations". It is a library so that
//! the fuzz targets in `fuzz/` reach its readers; the only way in for others is [`main`].
//!
//! The commands are a thin layer over `nsa-core`: this crate owns files, devices and progress, the core owns every
//! number. Results go to stdout, everything else to stderr; the exit status is 2 for bad usage or input and 1 for
//! work that failed.

#![deny(clippy::print_stdout, clippy::print_stderr)] // They panic where the reader has gone: see `output`.

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
mod images;
mod lock;
mod memory;
mod npy;
mod onnx;
mod output;
mod plan;
mod progress;
mod report;
mod run;
mod tables;
mod threads;
mod trained;
mod weights;

#[cfg(fuzzing)]
pub mod fuzzing;

use clap::Parser;
use output::tell;
use std::process::ExitCode;

/// Does what the command line asks, and gives the exit status.
pub fn main() -> ExitCode {
    memory::keep_what_is_freed();
    let cli = cli::Cli::parse();
    match threads::start().and_then(|()| commands::run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell!("nsa: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
