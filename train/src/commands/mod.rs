//! The commands, a file each.

mod arrays;
pub mod bench;
mod devices;
mod embed;
mod ensemble;
mod eval;
mod export;
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

/// Does what was asked.
pub fn run(command: Command) -> Result<(), NsaError> {
    match command {
        Command::Data(command) => Ok(command.run()?),
        Command::Train(args) => train::run(*args),
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

/// A list separated by commas, or `all` of `known`. An unknown word is an error that lists the known ones.
fn choose<'a>(what: &str, list: &'a str, known: &'a [String]) -> Result<Vec<&'a str>, NsaError> {
    if list == "all" {
        return Ok(known.iter().map(String::as_str).collect());
    }
    let chosen: Vec<&str> = list.split(',').map(str::trim).collect();
    match chosen.iter().find(|word| !known.iter().any(|k| k == *word)) {
        Some(word) => {
            Err(NsaError::Usage(format!("--{what} must be among {} or 'all', found '{word}'", known.join(","))))
        }
        None => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_checked_word_by_word() {
        let known = vec!["a".to_string(), "b".to_string()];
        assert_eq!(choose("layers", "all", &known).unwrap(), ["a", "b"]);
        assert_eq!(choose("layers", "b, a", &known).unwrap(), ["b", "a"]);
        let error = choose("layers", "a,c", &known).unwrap_err();
        assert_eq!(error.to_string(), "--layers must be among a,b or 'all', found 'c'");
        assert_eq!(error.exit_code(), 2);
    }
}
