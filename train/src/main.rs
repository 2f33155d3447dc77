//! `nsa`: all of it is in the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    nsa_train::main()
}
