//! The commands, a file each.

mod arrays;
pub mod bench;
mod devices;
mod embed;
mod ensemble;
mod eval;
mod export;
mod fit;
mod gallery;
mod onnx;
mod predict;
pub mod report;
pub mod sweep;
mod train;
mod verify;

use crate::cli::Command;
use crate::error::NsaError;
use crate::output::{print, print_json};
use std::fmt::Display;

/// Does what was asked.
pub fn run(command: Command) -> Result<(), NsaError> {
    match command {
        Command::Data(command) => Ok(command.run()?),
        Command::Train(args) => train::run(*args),
        Command::Fit(args) => fit::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) if args.onnx => onnx::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Gallery(args) => gallery::run(&args),
        Command::Embed(args) => embed::run(&args),
        Command::Score(args) => arrays::score(&args),
        Command::Ensemble(args) => ensemble::run(&args),
        Command::Analyze(args) => arrays::analyze(&args),
        Command::Auroc(args) => arrays::auroc(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Those of `known` that a list separated by commas names, or `all`. An unknown word is an error that lists the known
/// ones.
fn choose<T: Copy + Display>(what: &str, list: &str, known: &[T]) -> Result<Vec<T>, NsaError> {
    if list == "all" {
        return Ok(known.to_vec());
    }
    let find = |word: &str| {
        known.iter().copied().find(|one| one.to_string() == word).ok_or_else(|| {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            NsaError::Usage(format!("--{what} must be among {} or 'all', found '{word}'", known.join(",")))
        })
    };
    list.split(',').map(|word| find(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_checked_word_by_word() {
        let known = ["a", "b"];
        assert_eq!(choose("layers", "all", &known).unwrap(), ["a", "b"]);
        assert_eq!(choose("layers", "b, a", &known).unwrap(), ["b", "a"]);
        let error = choose("layers", "a,c", &known).unwrap_err();
        assert_eq!(error.to_string(), "--layers must be among a,b or 'all', found 'c'");
        assert_eq!(error.exit_code(), 2);
    }
}
